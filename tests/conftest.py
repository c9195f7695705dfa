"""What all tests share: empty stores, and one trained run."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports TensorFlow; the processes that tests start inherit them.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)

from workplace import SMOKE, Project, kerazoo


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Take back what MLflow puts there: the store and experiment of a test."""
    before = dict(os.environ)
    yield
    for name in [n for n in os.environ if n.startswith("MLFLOW_") and n not in before]:
        del os.environ[name]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    """An MLflow store without runs; making one costs seconds, copying it nothing."""
    import mlflow

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture(scope="session")
def new_project(empty_store, tmp_path_factory):
    """Return a function that copies a template out, as `kerazoo new` does."""

    def new(template: str = "image_classification") -> Project:
        folder = tmp_path_factory.mktemp("work") / "project"
        kerazoo("new", template, folder, cwd=folder.parent)
        shutil.copy(empty_store, folder / "mlflow.db")
        return Project(folder)

    return new


@pytest.fixture(scope="session")
def trained(new_project) -> Project:
    """A copy of the image template that was trained once; only to be read."""
    return new_project().train(*SMOKE)


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch) -> Iterator[Project]:
    """An empty store, used by this process for the length of a test."""
    import mlflow

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id="0")
    yield Project(tmp_path)
    while mlflow.active_run():
        mlflow.end_run("KILLED")


@pytest.fixture
def call(capsys, monkeypatch):
    """Run a command in this process; return its exit status, output and errors."""
    from kerazoo.harness import cli

    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments) -> tuple[int, str, str]:
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
            if isinstance(status, str):  # as Python itself ends a program
                print(status, file=sys.stderr)
                status = 1
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def inside(monkeypatch):
    """Return a function that goes to a project's folder and store."""
    import mlflow

    def go(project):
        uri = f"sqlite:///{project.folder / 'mlflow.db'}"
        monkeypatch.chdir(project.folder)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        mlflow.set_tracking_uri(uri)
        return project

    return go
