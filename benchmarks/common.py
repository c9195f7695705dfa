"""What the benchmarks share: where they ran, and how they write their tables."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def machine() -> str:
    """Say on what the numbers were measured."""
    packages = ["tensorflow", "keras", "mlflow", "ai-edge-litert"]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{os.cpu_count()} cores of a shared {platform.machine()} machine, "
        f"Python {platform.python_version()}, {versions}"
    )


def median_and_spread(values, form: str = ".3f") -> str:
    """Return the median, and the lowest and highest value."""
    low, middle, high = np.percentile(values, [0, 50, 100])
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def head(*names: str) -> str:
    """Return the two lines that a table begins with."""
    return f"| {' | '.join(names)} |\n" + "|" + "---|" * len(names)


def finished_run(name: str):
    """Return the MLflow run of that name, if it ended well."""
    from kerazoo.harness.tracking import runs

    try:
        run = runs.find_run(name)
    except ValueError:
        return None
    return run if run.info.status == "FINISHED" else None


def known_lines(name: str, start: str) -> list[str]:
    """Return the lines of a table beside its script that begin so."""
    file = FOLDER / f"{name}.md"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [line for line in lines if line.startswith(start)]


def write(name: str, text: str) -> None:
    """Print a table and write it beside its script."""
    (FOLDER / f"{name}.md").write_text(text, "utf-8")
    print(text)
