"""Processes as a user starts them, and the folder and store that they work in."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def surroundings() -> dict[str, str]:
    """Return this process's environment as a user's shell has it.

    MLflow puts the store and the experiment that a test chose into the environment, for
    the processes started after it; these work in a folder with a store of its own.
    """
    chosen = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")
    return {k: v for k, v in os.environ.items() if k not in chosen}


def execute(
    *command: Any, cwd: Path, status: int | None = 0, **environment: str
) -> subprocess.CompletedProcess:
    """Run a command to its end and check its exit status.

    Its output is no terminal, and a warning is no error there: a user's own Python does
    not make one of it either.
    """
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**surroundings(), "COLUMNS": "120", **environment},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    if status is not None:
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    return done


def kerazoo(*arguments: Any, cwd: Path, **options) -> subprocess.CompletedProcess:
    """Run the command `kerazoo` as a process of its own."""
    call = "import sys; from kerazoo.harness.cli import main; sys.exit(main())"
    return execute(sys.executable, "-c", call, *arguments, cwd=cwd, **options)


@dataclass
class Project:
    """A folder in which a user trains, with a store of its own."""

    folder: Path
    done: subprocess.CompletedProcess | None = field(default=None, repr=False)

    @property
    def client(self):
        """An MLflow client for this folder's store."""
        import mlflow

        uri = f"sqlite:///{self.folder / 'mlflow.db'}"
        return mlflow.MlflowClient(tracking_uri=uri)

    @property
    def runs(self) -> list:
        """Every run of the store, the newest first."""
        experiments = [e.experiment_id for e in self.client.search_experiments()]
        return self.client.search_runs(experiments)

    @property
    def run(self):
        """The one run of the store."""
        (run,) = self.runs
        return run

    def artifacts(self, run=None) -> Path:
        """Return the folder of a run's artifacts."""
        uri = (run or self.run).info.artifact_uri
        return Path(uri.removeprefix("file://"))

    def code_of_page(self, part: str) -> str:
        """Return the lines of Python in README.md that have a part among them."""
        page = (self.folder / "README.md").read_text("utf-8")
        blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        (code,) = [block for block in blocks if part in block]
        return code

    def run_code_on_exports(self, more: str = "") -> str:
        """Run what README.md does with the exported files; return what is printed."""
        (exports,) = self.folder.glob("runs/*/exports")
        code = self.code_of_page('Interpreter("model.tflite")') + more
        return execute(sys.executable, "-c", code, cwd=exports).stdout

    def train(self, *flags: Any, **options) -> "Project":
        """Run `python train.py` here, as `execute` does."""
        command = (sys.executable, "train.py", *flags)
        self.done = execute(*command, cwd=self.folder, **options)
        return self


# A training of seconds that uses most of what there is.
SMOKE: Sequence[str] = (
    *("--epochs", "2", "--data.limit", "160", "--batch_size", "32"),
    *("--model.arguments.filters", "[8,16]", "--data.augment", "[shift]"),
    *("--export", "[saved_model,tflite,tflite-int8]", "--export_tolerance", "0.2"),
)
