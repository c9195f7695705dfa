import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture
def run_python():
    """Run code in a fresh interpreter and return what it printed."""

    def run(code, **environment):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def randomize():
    """Move a model's weights off their initial values, normalizations' too."""

    def move(model):
        generator = np.random.default_rng(0)
        for weight in model.weights:
            shape = weight.shape
            if weight.name in ("gamma", "moving_variance", "variable"):
                weight.assign(generator.uniform(0.5, 1.5, shape))
            elif len(shape) == 1:
                weight.assign(generator.normal(0.0, 0.2, shape))

    return move


@pytest.fixture(autouse=True, scope="module")
def _free_models():
    yield
    if keras := sys.modules.get("keras"):
        keras.backend.clear_session()
