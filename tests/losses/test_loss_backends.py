"""The contract on the backends that this process does not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONTRACT = Path(__file__).with_name("contract") / "test_loss_contract.py"
OTHERS = ("jax", "torch")


def start(backend):
    """Start the contract on a backend; its output comes through a pipe."""
    command = [sys.executable, "-m", "pytest", str(CONTRACT), "-q", "-x"]
    command += ["-p", "no:cacheprovider"]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "JAX_ENABLE_X64": "1",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiled to run once
    }
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_the_contract_holds_on_the_other_backends():
    running = {backend: start(backend) for backend in OTHERS}
    for backend, process in running.items():
        output = process.communicate()[0]
        assert process.returncode == 0, f"{backend}: {output[-5000:]}"
        last = output.strip().splitlines()[-1]
        assert " passed" in last and "skipped" not in last, f"{backend}: {last}"
