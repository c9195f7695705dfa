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
        data=replace(config.data, path=path, limit=200),
        export=("tflite",),
        export_tolerance=1.0,
    )


def test_data_is_what_the_model_expects(config):
    data = load_data(config)
    for split in (data.train, data.validation, data.test):
        columns, targets = next(iter(split))
        for column in columns.values():
            assert len(column) == len(targets) and np.isfinite(column).all()
        assert np.isfinite(targets).all()


def test_training_ends_with_scores_and_a_verified_file(config, tmp_path):
    scores = main(config)
    assert np.isfinite(scores["test_rmse"]) and np.isfinite(scores["test_ridge_rmse"])
    assert len(list(tmp_path.glob("runs/*/exports/model.tflite"))) == 1
