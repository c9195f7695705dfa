"""Export a model, and prove that the exported files give the same answers."""

import dataclasses
import json
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerazoo.harness.export.exam import (
    ACCURACY,
    Exam,
    Metric,
    Verdict,
    last_line,
    run_module,
)
from kerazoo.harness.export.portable import portable
from kerazoo.harness.own_code import own_folders, own_modules

if TYPE_CHECKING:
    import keras

FILE_NAMES = {
    "saved_model": "saved_model",
    "tflite": "model.tflite",
    "tflite-fp16": "model_fp16.tflite",
    "tflite-int8-dynamic": "model_int8_dynamic.tflite",
    "tflite-int8": "model_int8.tflite",
}
Inputs = np.ndarray | dict[str, np.ndarray]  # of a model with one input, or by name


def export(
    model: "keras.Model",
    folder: Path,
    formats: Sequence[str],
    *,
    calibration: Inputs,
    inputs: Inputs,
    targets: np.ndarray,
    metric: Metric = ACCURACY,
    tolerance: float = 0.02,
    threads: Sequence[int] = (1, os.cpu_count() or 1),
    metadata: dict[str, Any] | None = None,
    steps: bool = False,
    texts: Sequence[str] | None = None,
) -> list[Verdict]:
    """Write a model in several formats and verify each against Keras.

    Args:
        model: functional, with one output, in any precision, on any backend. It is
            also written as `model.keras`.
        folder: receives the files, `model.json` with what a client must know, and
            `sample.json`: the first of the inputs, and what each file answered to it,
            so that an app can be held against it.
        formats: names from `EXPORT_FORMATS`.
        calibration: (samples, …), real inputs from which full int8 reads its ranges.
        inputs: (samples, …), on which the files are compared with Keras.
        targets: (samples, …), for the metric.
        metric: must not get worse by more than the tolerance.
        tolerance: in units of the metric's spread.
        threads: the numbers of threads with which latency is measured.
        metadata: goes into `model.json`, such as the class names.
        steps: of a model with a `Translator`, write `encode` and `decode_step`, which
            leave the search to the client, as TFLite alone; it is verified with the
            greedy search of `token_search`.
        texts: (samples,), where inputs are tokens: what they were made of. The
            SavedModel then gets the signature `texts` too, if the tokenisers in
            `metadata` allow it. It has to answer what `metric.decide` reads from the
            outputs.

    Returns:
        One verdict per format; a failed one names its reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = [by_name(model, inputs), by_name(model, calibration)]
    model = portable(model)
    names = [tensor.name for tensor in model.inputs]
    inputs, calibration = (dict(zip(names, s.values(), strict=True)) for s in samples)
    expected = answers(model, inputs)
    with tempfile.TemporaryDirectory() as scratch:
        exam = Exam(
            scratch=Path(scratch),
            inputs=inputs,
            targets=targets,
            expected=expected,
            metric=metric,
            tolerance=tolerance,
            threads=threads,
            texts=None if texts is None else np.array(texts, str),
        )
        written = write_files(
            model,
            folder,
            formats,
            calibration=calibration,
            steps=steps,
            text_form=None if texts is None else metadata,
        )
        verdicts = [
            Verdict(name, failure=f"not converted: {report['error']}")
            if "error" in report
            else exam.verify(name, folder / report.pop("file"), report)
            for name, report in written.items()
        ]
    whole = {
        "inputs": {
            tensor.name: {"shape": [1, *tensor.shape[1:]], "dtype": tensor.dtype}
            for tensor in model.inputs
        },
        "outputs": {model.output_names[0]: {"shape": [1, *expected.shape[1:]]}},
    }
    facts = {
        "name": model.name,
        **({} if steps else whole),  # what steps take and give, their files say
        **(metadata or {}),
        "files": [told(verdict) for verdict in verdicts],
    }
    text = json.dumps(with_null(facts), indent=2, allow_nan=False)
    (folder / "model.json").write_text(text, "utf-8")
    sample = {
        "inputs": {name: _plain(values[:1]) for name, values in inputs.items()},
        **({} if texts is None else {"text": texts[0]}),
        "answers": {"model.keras": _plain(expected[:1])}
        | {v.file: _plain(v.answer) for v in verdicts if v.answer is not None},
    }
    (folder / "sample.json").write_text(json.dumps(with_null(sample)), "utf-8")
    return verdicts


def told(verdict: Verdict) -> dict[str, Any]:
    """Return what `model.json` holds of a file."""
    facts = dataclasses.asdict(verdict)
    del facts["answer"]
    return facts


def _plain(values: np.ndarray) -> list:
    """Write an array as JSON has it: pixels as whole numbers, others in full."""
    if values.dtype.kind != "f":
        return values.tolist()
    if np.isin(values, range(256)).all():
        return values.astype(int).tolist()
    shortest = [float(str(value)) for value in values.ravel()]
    return np.array(shortest).reshape(values.shape).tolist()


def with_null(facts: Any) -> Any:
    """Replace what is no number, at any depth: JSON has no word for it."""
    if isinstance(facts, dict):
        return {key: with_null(value) for key, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [with_null(value) for value in facts]
    return None if isinstance(facts, float) and not math.isfinite(facts) else facts


def write_files(
    model: "keras.Model",
    folder: Path,
    formats: Sequence[str],
    *,
    calibration: dict[str, np.ndarray] | None = None,
    steps: bool = False,
    text_form: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Write a model in several formats, and as `model.keras`; verify nothing.

    Args:
        model: in float32, on any backend.
        folder: receives the files.
        formats: as in `export`.
        calibration: by input; only full int8 needs it.
        steps: as in `export`.
        text_form: tokenisers and normaliser, if there shall be a signature `texts`.

    Returns:
        By format what is known of it: its file, or the error.
    """
    places = [str(place) for place in own_folders(model)]
    own = {"folders": places, "modules": own_modules(model)}
    # Beside its end, as moving is instant there; apart, as the folder is the user's.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
        made = Path(scratch)
        model.save(made / "model.keras")
        np.savez(made / "calibration.npz", **(calibration or {}))
        (made / "own_code.json").write_text(json.dumps(own))
        (made / "texts.json").write_text(json.dumps(text_form))
        report = _convert(made, formats, steps)
        written = [facts["file"] for facts in report.values() if "file" in facts]
        for name in ("model.keras", *written):
            if (folder / name).is_dir():  # an earlier SavedModel
                shutil.rmtree(folder / name)
            (made / name).replace(folder / name)
    return report


def by_name(model: "keras.Model", inputs: Inputs) -> dict[str, np.ndarray]:
    """Return inputs by name, in the order of the model's; texts as NumPy strings."""
    if not isinstance(inputs, dict):
        inputs = {model.inputs[0].name: inputs}
    named = {tensor.name: np.asarray(inputs[tensor.name]) for tensor in model.inputs}
    return {k: v.astype(str) if v.dtype == object else v for k, v in named.items()}


def answers(model: "keras.Model", inputs: Inputs) -> np.ndarray:
    """Return a model's answers to inputs, in float32."""
    import keras

    given = list(by_name(model, inputs).values())
    if any(array.dtype.kind == "U" for array in given):
        import tensorflow as tf

        # Keras has no text on its other backends, and takes none from NumPy.
        given = [tf.constant(array) for array in given]
    given = keras.tree.pack_sequence_as(model.input, given)
    return np.asarray(model.predict(given, batch_size=64, verbose=0), "float32")


def _convert(
    folder: Path, formats: Sequence[str], steps: bool
) -> dict[str, dict[str, Any]]:
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    given = [*formats, *(["--steps"] if steps else [])]
    done = run_module("convert", folder, *given, environment=environment)
    report = folder / "converted.json"
    if done.returncode:
        return {name: {"error": last_line(done)} for name in formats}
    return json.loads(report.read_text())
