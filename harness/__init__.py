"""What every template stands on. These names are stable: copied templates use them."""

import importlib
import os
import sys

from kerazoo.harness.quiet import QuietTensorflow

# TensorFlow reports every missing graphics card as an error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.meta_path.insert(0, QuietTensorflow())

_HOMES = {
    "Data": "data",
    "DataError": "errors",
    "ModelConfig": "model_config",
    "TrainingConfig": "config",
    "build_optimizer": "training",
    "load_weights": "training",
    "parse_config": "config",
    "tracked_run": "run",
}
__all__ = ["Data", "DataError", "ModelConfig", "TrainingConfig", "build_optimizer"]
__all__ += ["load_weights", "parse_config", "tracked_run"]


def __getattr__(name: str):
    # Loaded on first use, so that reading a config does not import TensorFlow.
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
