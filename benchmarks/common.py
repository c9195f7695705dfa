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


def median_and_spread(values) -> str:
    """Return the median, and the lowest and highest value."""
    low, middle, high = np.percentile(values, [0, 50, 100])
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def write(name: str, text: str) -> None:
    """Print a table and write it beside its script."""
    (FOLDER / f"{name}.md").write_text(text, "utf-8")
    print(text)
