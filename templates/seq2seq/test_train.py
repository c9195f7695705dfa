"""Does my edited copy still run? `python -m pytest test_train.py` takes seconds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from config import Config
from data import load_data
from train import main

# Those of MLflow, Keras and pandas are not yours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def config(tmp_path, monkeypatch) -> Config:
    """Shorten the defaults, and log to a store that is thrown away."""
    config = Config()
    path = config.data.path and str(Path(config.data.path).resolve())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return replace(
        config,
        epochs=1,
        data=replace(config.data, path=path, limit=64, buckets=1),
        model=replace(config.model, arguments={"width": 32, "num_layers": 1}),
        export=("tflite",),
        export_tolerance=1.0,
    )


def test_data_is_what_the_model_expects(config):
    data = load_data(config)
    for split in (data.train, data.validation, data.test):
        inputs, labels = next(iter(split))
        source, target = np.asarray(inputs["source"]), np.asarray(inputs["target"])
        assert len(source) == len(target) == len(labels)
        assert target.shape == labels.shape
        # What is to be predicted is what comes next.
        assert (target[0, 1:] == np.asarray(labels)[0, :-1]).sum() >= 1
        assert source.max() < data.tokenisers[0].size


def test_training_ends_with_scores_and_a_verified_file(config, tmp_path):
    scores = main(config)
    assert scores[f"test_{config.metric}"] >= 0
    assert len(list(tmp_path.glob("runs/*/exports/model.tflite"))) == 1
