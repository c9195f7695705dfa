"""What is exported of a model, and on which samples of its data it is verified."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerazoo.harness.data import Data, collect
from kerazoo.harness.export.exam import Verdict
from kerazoo.harness.export.export import export
from kerazoo.harness.export.verdicts import markdown, print_verdicts
from kerazoo.harness.reports import common
from kerazoo.harness.tables import table_encoder, tabular
from kerazoo.harness.texts import token_search

if TYPE_CHECKING:
    import keras

NUM_VERIFIED = 500  # validation samples on which exported files are compared with Keras

# Why full int8 is for pictures, and for a table's network of encoded numbers.
NO_INT8 = {
    "regression": "a column's missing values have no place among 256 numbers",
    "seq2seq": "token ids are names, not quantities",
}


@dataclass(frozen=True)
class Part:
    """The whole of a model, or what some runtimes want apart from it."""

    title: str  # a line above its verdicts; empty for the whole
    folder: str  # within that of the exports
    model: "keras.Model"
    data: Data  # its inputs are the model's
    formats: Sequence[str]
    unit: str = ""  # as in `Metric`
    steps: bool = False  # as in `export.export`
    reference: Path | None = None  # of a client's code, laid beside the files

    def write(self, folder: Path, tolerance: float, run_id: str) -> list[Verdict]:
        """Write every format and verify it; see `export.export`.

        With what result is printed, and stands in `verification.md`.

        Args:
            folder: of all exports.
            tolerance: as in `export.export`.
            run_id: of the run that trained the model.
        """
        if self.title:
            print(self.title)
        data, place = self.data, folder / self.folder
        inputs, targets = collect(data.validation, NUM_VERIFIED)
        metric = common.of_task(data.task).metric(data)
        verdicts = export(
            self.model,
            place,
            self.formats,
            calibration=data.calibration,
            inputs=inputs,
            targets=targets,
            metric=replace(metric, unit=self.unit),
            tolerance=tolerance,
            metadata={"run": run_id, "labels": data.labels, **data.metadata},
            texts=data.validation_texts(targets),
            steps=self.steps,
        )
        table = markdown(verdicts)
        (place / "verification.md").write_text(table, "utf-8")
        if self.reference:
            shutil.copy(self.reference, place)
        print_verdicts(verdicts)
        return verdicts


def parts(model: "keras.Model", data: Data, formats: Sequence[str]) -> Iterator[Part]:
    """Yield the whole model, and what is written beside it for devices.

    For runtimes without texts that is a table's network alone, from encoded columns to
    scaled targets; for clients that search, `encode` and `decode_step` of a model from
    texts to texts. Says which formats do not suit the whole.

    Args:
        model: what clients get; takes the inputs of `data.served`, if there is that.
        data: `calibration` and `validation` are used.
        formats: names of formats.
    """
    served = data.served or data
    apart = [name for name in formats if name.startswith("tflite")]
    whole = list(formats)
    if "tflite-int8" in formats and data.task in NO_INT8:
        whole.remove("tflite-int8")
        print(f"no tflite-int8 of the whole model, as {NO_INT8[data.task]}")
    if whole:
        unit = f"in the unit of {data.target}" if data.task == "regression" else ""
        yield Part("", "", model, served, whole, unit)
    network = tabular.find_network(model)
    if data.task == "regression" and network and apart:
        yield Part(
            "the network alone, for runtimes without texts; its target is scaled:",
            "encoded",
            network,
            data,
            apart,
            "of the scaled target, before `decode`",
            reference=Path(table_encoder.__file__),
        )
    if data.task == "seq2seq" and (apart := [n for n in apart if n in whole]):
        yield Part(
            "step by step, for a beam search on the device:",
            "steps",
            model,
            served,
            apart,
            steps=True,
            reference=Path(token_search.__file__),
        )
