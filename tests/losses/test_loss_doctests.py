"""The examples in the documentation of the losses run."""

import doctest
import importlib

import pytest
from keras import ops

from kerazoo import losses

MODULES = ["", *(f".{name}" for name in losses.list_losses())]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(f"kerazoo.losses{name}")
    done = doctest.testmod(module, extraglobs={"ops": ops})
    assert done.attempted and not done.failed
