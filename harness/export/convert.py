"""Write a Keras model as SavedModel and TFLite. Run in a process of its own.

    python -m kerazoo.harness.export.convert FOLDER FORMAT… [--steps]

reads `model.keras`, `calibration.npz`, `own_code.json` and `texts.json` from FOLDER,
writes the formats beside them, and what happened to `converted.json`. The process keeps
the converter's memory and messages to itself, and uses the TensorFlow backend whatever
trained the model. With `--steps` a TFLite file has the signatures of `steps.py`.
"""

import functools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerazoo.harness.export.export import FILE_NAMES
from kerazoo.harness.own_code import load_keras

SERVED = "serving_default"
STEPS = ("encode", "decode_step")
Samples = dict[str, np.ndarray]  # by input, (samples, …)
TextForm = dict[str, Any]  # tokenisers and normaliser, as in a run's `data.json`


def main(folder: Path, formats: list[str], steps: bool) -> None:
    """Write every format that can be written, and say why the others could not."""
    own = json.loads((folder / "own_code.json").read_text())
    sys.path[:0] = own["folders"]
    model = load_keras(folder / "model.keras", own["modules"])
    with np.load(folder / "calibration.npz") as stored:
        calibration = in_types_of(model, dict(stored))
    text_form = json.loads((folder / "texts.json").read_text())
    with tempfile.TemporaryDirectory() as single:
        if steps:
            from kerazoo.harness.export.steps import write_steps

            write_steps(model, Path(single))
        elif formats != ["saved_model"]:
            write_saved_model(model, Path(single), batch=1)
        signatures = STEPS if steps else (SERVED,)
        report = {}
        for name in formats:
            file = folder / FILE_NAMES[name]
            report[name] = write(
                model, name, file, single, calibration, signatures, text_form
            )
    (folder / "converted.json").write_text(json.dumps(report))


def write(
    model: keras.Model,
    name: str,
    file: Path,
    single: str,
    calibration: Samples,
    signatures: Sequence[str] = (SERVED,),
    text_form: TextForm | None = None,
) -> dict[str, str]:
    """Write one format; return its file's name, or the reason why there is none.

    Args:
        model: in float32.
        name: the format.
        file: where to.
        single: folder of a SavedModel of the model for one sample at a time.
        calibration: as in `to_tflite`.
        signatures: as there.
        text_form: as in `write_saved_model`.
    """
    try:
        if name == "saved_model":
            texts = write_saved_model(model, file, batch=None, text_form=text_form)
            return {"file": file.name, "texts": texts}
        for tensor in model.inputs:
            check_sizes(tensor.name, tensor.shape[1:])
        file.write_bytes(to_tflite(single, name, calibration, signatures))
        return {"file": file.name}
    except Exception as error:
        # Whatever a converter raises is a verdict on this format, and the others
        # still have their chance.
        return {"error": _gist(str(error)) or repr(error)}


def check_sizes(name: str, shape: Sequence[int | None]) -> None:
    """Refuse an input of any size, with which an interpreter fails in its own words."""
    if None in shape:
        raise ValueError(
            f"its input {name} is {tuple(shape)}, and a TFLite file takes one size: "
            "build the model with numbers in place of None, and give it these weights"
        )


def write_saved_model(
    model: keras.Model,
    folder: Path,
    batch: int | None,
    text_form: TextForm | None = None,
) -> str:
    """Write a SavedModel in inference mode, with inputs and outputs by name.

    `model.export` of Keras 3.15 leaves augmentation layers switched on.

    Args:
        model: any.
        folder: receives it.
        batch: samples at a time; None: any number.
        text_form: of a model of tokens, for the signature of `texts.py`.

    Returns:
        What to know of that signature, or why there is none; empty: not asked for.
    """

    def serve(self, inputs):
        given = [inputs[tensor.name] for tensor in self.inputs]
        given = keras.tree.pack_sequence_as(self.input, given)
        outputs = keras.tree.flatten(self(given, training=False))
        return dict(zip(self.output_names, outputs, strict=True))

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        SERVED,
        functools.partial(serve, model),
        input_signature=[
            {
                tensor.name: tf.TensorSpec(
                    (batch, *tensor.shape[1:]), tensor.dtype, name=tensor.name
                )
                for tensor in model.inputs
            }
        ],
    )
    about_texts = ""
    if text_form:
        from kerazoo.harness.export.texts import add_texts

        about_texts = add_texts(archive, model, text_form)
    archive.write_out(str(folder), verbose=False)
    return about_texts


def to_tflite(
    saved_model: str,
    name: str,
    calibration: Samples,
    signatures: Sequence[str] = (SERVED,),
) -> bytes:
    """Convert a SavedModel to TFLite with built-in operators only.

    Args:
        saved_model: its folder.
        name: a TFLite format of `kerazoo.harness.config.EXPORT_FORMATS`.
        calibration: real inputs in the model's types, from which full int8 reads its
            ranges.
        signatures: of the SavedModel, that the file shall have.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        saved_model, signature_keys=list(signatures)
    )
    # Without this line the converter may use operators that no stock runtime has.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if name != "tflite":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if name == "tflite-fp16":
        converter.target_spec.supported_types = [tf.float16]
    if name == "tflite-int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8
        converter.representative_dataset = lambda: one_by_one(calibration)
    return converter.convert()


def in_types_of(model: keras.Model, samples: Samples) -> Samples:
    """Return samples in the types of a model's inputs: pixels of bytes as floats."""
    kinds = {x.name: str if x.dtype == "string" else x.dtype for x in model.inputs}
    return {name: array.astype(kinds[name]) for name, array in samples.items()}


def one_by_one(samples: Samples) -> Iterator[Samples]:
    """Yield batches of one."""
    for i in range(len(next(iter(samples.values())))):
        yield {name: array[i : i + 1] for name, array in samples.items()}


def _gist(message: str) -> str:
    wanted = [x for x in message.splitlines() if "error:" in x or "Flex" in x]
    return " ".join(wanted or message.splitlines())[:300].strip()


if __name__ == "__main__":
    given = [name for name in sys.argv[2:] if name != "--steps"]
    main(Path(sys.argv[1]), given, steps="--steps" in sys.argv)
