"""What tests of tracking share: a run that is open."""

import pytest

from kerazoo.harness.tracking import mlflow_store


@pytest.fixture
def tracker(store):
    return mlflow_store.start("trials", "my-run")
