"""What MLflow's own commands do with the project file and with a stored model."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from workplace import ROOT, Project, execute, surroundings

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent
FIELDS = ("epochs=1", "data.limit=160", "model.name=lenet5")


@pytest.fixture(scope="module")
def project(tmp_path_factory, empty_store):
    """The folder of `mlflow run mlflow -e train …`, as mlflow/README.md has it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "mlflow", folder / "mlflow")
    shutil.copy(empty_store, folder / "mlflow.db")
    parameters = [part for field in FIELDS for part in ("-P", field)]
    command = (BIN / "mlflow", "run", "mlflow", "-e", "train", *parameters)
    execute(*command, "--env-manager", "local", cwd=folder, **environment(folder))
    return Project(folder)


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }


def test_the_project_file_makes_one_run_with_its_fields(project):
    run = project.run
    assert run.info.status == "FINISHED"
    assert run.data.params["model.name"] == "lenet5"
    assert run.data.params["epochs"] == "1"
    assert "test_accuracy" in run.data.metrics


def test_a_stored_model_is_served(project):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = f"runs:/{project.run.info.run_id}/model"
    command = [BIN / "mlflow", "models", "serve", "-m", model, "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--env-manager", "local"],
        cwd=project.folder,
        env={**surroundings(), **environment(project.folder)},
        start_new_session=True,
    )
    try:
        images = np.zeros((2, 8, 8, 1), "float32")
        address = f"http://127.0.0.1:{port}/invocations"
        answer = np.array(ask(address, {"inputs": images.tolist()})["predictions"])
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    assert answer.shape == (2, 10)
    np.testing.assert_array_equal(answer[0], answer[1])


def ask(address: str, content: dict, patience: float = 300.0) -> dict:
    """Post JSON to a server that may still be starting, and return its answer."""
    body = json.dumps(content).encode()
    request = urllib.request.Request(
        address, body, {"Content-Type": "application/json"}
    )
    end = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(request) as response:
                return json.load(response)
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(1.0)
