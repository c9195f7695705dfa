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
        batch_size=32,
        data=replace(config.data, path=path, limit=64),
        export=("tflite",),
        export_tolerance=1.0,
    )


def test_data_is_what_the_model_expects(config):
    data = load_data(config)
    for split in (data.train, data.validation, data.test):
        pixels, targets = map(np.asarray, next(iter(split)))
        assert pixels.shape[1:] == data.input_shape
        assert pixels.min() >= 0 and 1 < pixels.max() <= 255
        classes = targets.argmax(axis=-1) if targets.ndim > 1 else targets
        assert classes.min() >= 0 and classes.max() < len(data.labels)


def test_training_ends_with_scores_and_a_verified_file(config, tmp_path):
    scores = main(config)
    assert np.isfinite(scores["test_loss"])
    assert 0 <= scores["test_accuracy"] <= 1
    assert len(list(tmp_path.glob("runs/*/exports/model.tflite"))) == 1
