"""What tests of the image template share; others have a `template` of their own."""

import importlib
from dataclasses import fields, replace

import pytest
from workplace import ROOT

from kerazoo.harness.own_code import imported_from


@pytest.fixture(scope="module")
def template():
    """The template's modules, by the bare names that they use themselves."""
    with imported_from(ROOT / "templates" / "image_classification"):
        names = ("config", "data", "model", "loss", "train")
        yield {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def make_config(template):
    def make(**changes):
        config = template["config"].Config()
        names = {field.name for field in fields(config.data)}
        inner = {k: changes.pop(k) for k in names & set(changes)}
        return replace(config, data=replace(config.data, **inner), **changes)

    return make
