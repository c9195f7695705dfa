"""What MLflow keeps of a model: an image's, a table's or a text's, ready to be served.

Each takes what clients have (pixels, a data frame, texts), and loads without its loss.
"""

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow

from kerazoo.harness.own_code import load_keras, own_definitions, own_folders
from kerazoo.harness.tables.kinds import MARKS, as_spelt

if TYPE_CHECKING:
    import keras
    import numpy as np

HERE = Path(__file__).parent


def log_network(model: "keras.Model", example: "np.ndarray") -> None:
    """Log a model of one array as MLflow's own flavour of TensorFlow.

    Args:
        model: functional.
        example: (samples, …), a small batch of inputs.
    """
    import keras
    import mlflow.tensorflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from kerazoo.harness.export.portable import portable

    def schema(tensors):
        specs = [
            TensorSpec(np.dtype(t.dtype), (-1, *(s or -1 for s in t.shape[1:])))
            for t in tensors
        ]
        return Schema(specs)

    # MLflow has no name for half precision.
    inference = portable(keras.Model(model.inputs, model.outputs))
    # MLflow tries the example out with a progress bar of Keras's.
    silent = contextlib.redirect_stdout(io.StringIO())
    with silent, _only_classes_of(inference) as own:
        mlflow.tensorflow.log_model(
            inference,
            name="model",
            custom_objects=own,
            signature=ModelSignature(
                schema(inference.inputs), schema(inference.outputs)
            ),
            input_example=example.astype(inference.inputs[0].dtype),
            pip_requirements=_needs("tensorflow", "keras", "numpy"),
        )


def log_table_model(
    model: "keras.Model", example: "dict[str, np.ndarray]", encoding: dict[str, Any]
) -> None:
    """Log a model of columns as `table_model.py` runs it: by the table's own names.

    Args:
        model: functional.
        example: a few values of every column, by input.
        encoding: of the run, as in its `data.json`.
    """
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    # MLflow compares types before the model sees them, and would refuse a date that is
    # written, or the numbers and booleans that pandas makes of texts.
    known = encoding["columns"]
    columns = Schema([ColSpec(AnyType(), column["name"]) for column in known])
    names = ["prediction", "lower", "upper"][: model.outputs[0].shape[1]]
    answers = Schema([ColSpec("float", name) for name in names])
    frame = pd.DataFrame({c["name"]: _written(example[c["input"]], c) for c in known})
    with tempfile.TemporaryDirectory() as folder:
        saved_model = _write_saved_model(model, Path(folder))
        model.save(Path(folder) / "model.keras")
        facts = {"columns": [_facts(column) for column in known], "marks": MARKS}
        (Path(folder) / "columns.json").write_text(json.dumps(facts), "utf-8")
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(HERE / "table_model.py"),
            artifacts={
                "saved_model": str(saved_model),
                "keras": f"{folder}/model.keras",
                "columns": f"{folder}/columns.json",
            },
            signature=ModelSignature(columns, answers),
            input_example=frame,
            pip_requirements=_needs("tensorflow", "pandas", "numpy"),
        )


def _written(values: "np.ndarray", column: dict[str, Any]) -> list:
    """Return served values as a table has them."""
    import pandas as pd

    if column["kind"] == "date":
        # Of days in float32 there are no seconds left.
        dates = pd.to_datetime(values.astype("float64"), unit="D").round("5min")
        texts = [str(date).removesuffix(" 00:00:00") for date in dates]
        return [None if text == "NaT" else text for text in texts]
    return values.tolist()


def _facts(column: dict[str, Any]) -> dict[str, Any]:
    """Return what `table_model.py` needs to know of a column of an encoding."""
    import pandas as pd

    needed = ("name", "input", "kind", "hint", "vocabulary")
    facts = {name: column[name] for name in needed if name in column}
    if column.get("boolean"):
        words = ["true", "yes", "1", "1.0", "false", "no", "0", "0.0"]
        words += [word.lower() for word in column["vocabulary"] if word]
        spelt = as_spelt(pd.Series(words), column["vocabulary"])
        facts["spelt"] = dict(zip(words, spelt, strict=True))
    return facts


def log_text_model(
    model: "keras.Model", example: Sequence[str], facts: dict[str, Any]
) -> None:
    """Log a model of tokens as `text_model.py` runs it: texts in, texts out.

    Args:
        model: functional, source tokens through a `Translator` that is greedy.
        example: a few texts.
        facts: tokenisers and normalisers, as in a run's `data.json`.
    """
    from kerazoo.harness.export.portable import portable

    known = ("source_tokeniser", "target_tokeniser", "source_normaliser")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model.save(folder / "model.keras")
        saved_model = _write_saved_model(portable(of_any_length(model)), folder)
        (folder / "facts.json").write_text(json.dumps({k: facts[k] for k in known}))
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(HERE / "text_model.py"),
            artifacts={
                "saved_model": str(saved_model),
                "keras": str(folder / "model.keras"),
                "facts": str(folder / "facts.json"),
                "client": str(HERE.parent / "texts" / "token_search.py"),
            },
            input_example=list(example),
            pip_requirements=_needs("tensorflow", "numpy"),
        )


def _write_saved_model(model: "keras.Model", folder: Path) -> Path:
    """Write a SavedModel into a folder and return where it is."""
    import keras

    if keras.backend.backend() == "tensorflow":
        from kerazoo.harness.export.convert import write_saved_model

        write_saved_model(model, folder / "saved_model", batch=None)
        return folder / "saved_model"
    from kerazoo.harness.export.export import write_files

    # Another backend cannot write one; a process with TensorFlow can.
    (folder / "written").mkdir()
    report = write_files(model, folder / "written", ["saved_model"])["saved_model"]
    if "error" in report:
        raise RuntimeError(report["error"])
    return folder / "written" / report["file"]


def of_any_length(model: "keras.Model") -> "keras.Model":
    """Return a model of tokens that takes rows of any length, where it took one."""
    import keras

    from kerazoo.zoo.seq2seq.decoding import Translator

    (translator,) = (layer for layer in model.layers if isinstance(layer, Translator))
    source = keras.Input((None,), dtype="int32", name="source")
    answers = translator(source)["tokens"][:, 0]
    outputs = keras.layers.Identity(name="tokens")(answers)
    return keras.Model(source, outputs, name=model.name)


def load(stored: str) -> "keras.Model":
    """Load a model that was logged; its address is one of MLflow's."""
    with tempfile.TemporaryDirectory() as folder:
        place = (
            "data"
            if "tensorflow" in mlflow.models.get_model_info(stored).flavors
            else "artifacts"
        )
        file = mlflow.artifacts.download_artifacts(
            f"{stored}/{place}/model.keras", dst_path=folder
        )
        return load_keras(Path(file), own=True)


@contextlib.contextmanager
def _only_classes_of(model: "keras.Model") -> Iterator[dict[str, Any]]:
    """Hide what is registered but not used by a model; yield what is the user's own.

    MLflow stores all that is registered, and could load the model only where every
    class is installed. What stands in a template is stored with its code.
    """
    import cloudpickle
    import keras

    registered = keras.saving.get_custom_objects()
    kept = dict(registered)
    own, folders = own_definitions(model), own_folders(model)
    apart = {
        name: module
        for name, module in list(sys.modules.items())
        if name != "__main__" and _lies_in(module, folders)
    }
    used = {type(layer) for layer in model._flatten_layers()}
    config = json.dumps(keras.saving.serialize_keras_object(model), default=str)
    for name, kind in kept.items():
        # Functions are in the config alone.
        if kind not in used and f'"{name}"' not in config:
            del registered[name]
    for module in apart.values():
        cloudpickle.register_pickle_by_value(module)
    try:
        yield own
    finally:
        registered.update(kept)
        for module in apart.values():
            cloudpickle.unregister_pickle_by_value(module)


def _lies_in(module, folders: Sequence[Path]) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and Path(file).parent in folders


def _needs(*packages: str) -> list[str]:
    # Given by hand: MLflow takes 18 s to infer a list, and gets it wrong.
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in packages]
