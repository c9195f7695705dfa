"""Export a model, and verify it on samples of the data that it was trained on."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerazoo.harness import reports, token_search
from kerazoo.harness.data import Data, collect
from kerazoo.harness.export import Verdict, export

if TYPE_CHECKING:
    import keras

NUM_VERIFIED = 500  # validation samples on which exported files are compared with Keras

# Why full int8 is for pictures, and for a table's network of encoded numbers.
NO_INT8 = {
    "regression": "a column's missing values have no place among 256 numbers",
    "seq2seq": "tokens are not measured, they are named",
}


def export_data(
    model: "keras.Model",
    data: Data,
    folder: Path,
    formats: Sequence[str],
    *,
    tolerance: float,
    steps: bool = False,
) -> list[Verdict]:
    """Write a model in several formats and verify each against Keras.

    Args:
        model: takes the inputs of the data.
        data: `calibration` and `validation` are used.
        folder: as in `export.export`.
        formats: as there.
        tolerance: as there.
        steps: as there; `token_search.py`, the reference of a client, is laid beside
            the files.

    Returns:
        One verdict per format.
    """
    inputs, targets = collect(data.validation, NUM_VERIFIED)
    verdicts = export(
        model,
        folder,
        formats,
        calibration=data.calibration,
        inputs=inputs,
        targets=targets,
        metric=reports.of_task(data.task).metric(data),
        tolerance=tolerance,
        metadata={"labels": data.labels, **data.metadata},
        texts=data.validation_texts(targets),
        steps=steps,
    )
    if steps:
        shutil.copy(token_search.__file__, folder)
    return verdicts


def only_tflite(formats: Sequence[str]) -> list[str]:
    """Return the formats of devices, which alone take a model apart."""
    return [name for name in formats if name.startswith("tflite")]
