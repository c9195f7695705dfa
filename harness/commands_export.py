"""What `kerazoo export` does; `cli` reads its arguments."""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerazoo.harness.config import EXPORT_FORMATS, at_least, one_of
from kerazoo.harness.quiet import quiet

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kerazoo.harness.data import Data
    from kerazoo.harness.export.exam import Verdict

MIN_PARTED = 100  # samples of a .keras file from which one in 4 is for calibration
EVERY = 4


def export(
    source: str,
    formats: str,
    folder: Path,
    samples: Path | None,
    tolerance: float | None,
) -> int:
    """Write a run's model, or a .keras file, in other formats, and verify each."""
    chosen = [name for part in formats.split(",") if (name := part.strip())]
    for name in chosen:
        one_of("--formats", name, EXPORT_FORMATS)
    if tolerance is not None:
        at_least("--tolerance", tolerance, 0)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give --folder another name.")
    if source.endswith(".keras"):
        verdicts = _export_file(Path(source), chosen, folder, samples, tolerance)
    elif source.endswith((".h5", ".hdf5")):
        raise ValueError(
            f"{source}: only .keras files are exported; load the model and write one, "
            'model.save("model.keras").'
        )
    elif samples:
        raise ValueError(
            "--samples is for a .keras file: a run is verified on the validation split "
            "of its own data."
        )
    else:
        verdicts = _export_run(source, chosen, folder, tolerance)
    print(f"\nfiles in {folder}/; model.json says what a client must know")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _export_run(
    source: str, formats: list[str], folder: Path, tolerance: float | None
) -> list["Verdict"]:
    from kerazoo.harness.reopen import reopen
    from kerazoo.harness.tracking import runs

    with reopen(source) as found:
        _check_folder(folder, {"run": found.run_id})
        with quiet():
            from kerazoo.harness.export.parts import parts

            model, data = found.load_model(), found.load_data()
        _check_same(data, runs.read_json(found.run_id, "data.json"))
        formats = formats or list(found.config.export) or list(EXPORT_FORMATS)
        if tolerance is None:
            tolerance = found.config.export_tolerance
        verdicts = []
        # The folder may hold what another run wrote: only what is new goes to this one.
        with tempfile.TemporaryDirectory() as written:
            for part in parts(model, data, formats):
                verdicts += part.write(Path(written), tolerance, found.run_id)
            if not verdicts:
                named = ", ".join(formats)
                raise ValueError(f"--formats: {named} does not suit the model")
            _lay(Path(written), folder)
            stored = partial(_read_stored, found.run_id)
            _add_earlier_files(Path(written), stored)
            runs.add_files(found.run_id, Path(written), "exports")
    return verdicts


def _check_folder(folder: Path, origin: dict[str, str]) -> None:
    """Refuse a folder with files of another model: clients would take them for one.

    Args:
        folder: need not exist.
        origin: the `run` of the model, or as `source` its file's SHA-256.
    """
    for file in folder.rglob("model.json"):
        facts = json.loads(file.read_text("utf-8"))
        if {k: facts[k] for k in ("run", "source") if k in facts} != origin:
            owner = f"the run {facts['run'][:8]}" if "run" in facts else "another model"
            raise ValueError(
                f"{folder}/ has files of {owner}: remove it, or give --folder another."
            )


def _lay(written: Path, folder: Path) -> None:
    """Copy new files into a folder; records go on telling of what was there."""
    _add_earlier_files(written, partial(_read_file, folder))
    shutil.copytree(written, folder, dirs_exist_ok=True)


def _read_file(folder: Path, name: Path) -> dict[str, Any]:
    file = folder / name
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def _read_stored(run_id: str, name: Path) -> dict[str, Any]:
    from kerazoo.harness.tracking import runs

    try:
        return runs.read_json(run_id, f"exports/{name.as_posix()}")
    except ValueError:
        return {}  # there is none


def _add_earlier_files(folder: Path, read: Callable[[Path], dict[str, Any]]) -> None:
    """Let the records of new files also tell of those that are where they go.

    Args:
        folder: of the new files.
        read: a record's name → the earlier one; nothing if there is none.
    """
    from kerazoo.harness.export.exam import Verdict
    from kerazoo.harness.export.verdicts import markdown

    for file in folder.rglob("model.json"):
        place = file.parent.relative_to(folder)
        facts = json.loads(file.read_text("utf-8"))
        known = [*read(place / "model.json").get("files", []), *facts["files"]]
        files = {one["format"]: one for one in known}
        facts["files"] = [files[name] for name in EXPORT_FORMATS if name in files]
        file.write_text(json.dumps(facts, indent=2), "utf-8")
        table = markdown([Verdict(**one) for one in facts["files"]])
        file.with_name("verification.md").write_text(table, "utf-8")
        sample = file.with_name("sample.json")
        new, old = json.loads(sample.read_text("utf-8")), read(place / "sample.json")
        if new["inputs"] == old.get("inputs"):
            new["answers"] = old["answers"] | new["answers"]
            sample.write_text(json.dumps(new), "utf-8")


def _check_same(data: "Data", stored: dict[str, Any]) -> None:
    """Refuse labels, vocabularies or scales that are not those of the run.

    They are fitted on the data whenever these are read; the model has not changed with
    them, and the files would be verified against wrong facts.
    """
    facts = json.loads(json.dumps({"labels": data.labels, **data.metadata}))
    # Runs of before lack what was not yet written down then: of all, or of a tokeniser.
    facts = {
        name: _as_far_as(stored[name], facts[name]) for name in facts if name in stored
    }
    # As text, in which NaN equals NaN.
    other = [name for name in facts if str(facts[name]) != str(stored[name])]
    if other:
        raise ValueError(
            f"The data have changed since the run: {', '.join(other)} would differ. "
            "What the run exported at its end is among its artifacts; for files of the "
            "new data, train again."
        )


def _as_far_as(stored: Any, fact: Any) -> Any:
    """Return of a fact what is stored too, if it has parts with names."""
    if isinstance(stored, dict) and isinstance(fact, dict):
        return {name: part for name, part in fact.items() if name in stored}
    return fact


def _export_file(
    file: Path,
    formats: list[str],
    folder: Path,
    samples: Path | None,
    tolerance: float | None,
) -> list["Verdict"]:
    for needed in filter(None, (file, samples)):
        if not needed.is_file():
            raise ValueError(f"There is no file {needed}.")
    source = hashlib.sha256(file.read_bytes()).hexdigest()
    _check_folder(folder, {"source": source})
    if (folder / "model.keras").resolve() == file.resolve():
        raise ValueError(
            f"{file} would be overwritten by the model as it is exported: give "
            "--folder another."
        )
    if samples is None:
        raise ValueError(
            "A .keras file brings no data to calibrate and verify with: give --samples "
            "FILE.npz, with real inputs as x, and as y their class indices or numbers."
        )
    if not zipfile.is_zipfile(samples):
        raise ValueError(f"{samples} is not a .npz file.")
    with quiet():
        from kerazoo.harness.export.exam import ACCURACY, RMSE
        from kerazoo.harness.export.export import export
        from kerazoo.harness.export.verdicts import print_verdicts
        from kerazoo.harness.own_code import load_keras

        model = load_keras(file)
    shapes = [tuple(output.shape) for output in model.outputs]
    if len(shapes) > 1 or len(shapes[0]) != 2:
        raise ValueError(
            f"{file} should answer a sample with scores of classes, or with a number; "
            f"its outputs are of the shapes {', '.join(map(str, shapes))}."
        )
    inputs, targets = _read_samples(samples, model)
    formats = formats or list(EXPORT_FORMATS)
    calibrating, verifying = _parts(len(targets), formats)
    with tempfile.TemporaryDirectory() as written:
        verdicts = export(
            model,
            Path(written),
            formats,
            calibration={name: array[calibrating] for name, array in inputs.items()},
            inputs={name: array[verifying] for name, array in inputs.items()},
            targets=targets[verifying],
            metric=RMSE if shapes[0][1] == 1 else ACCURACY,
            metadata={"source": source},
            **({} if tolerance is None else {"tolerance": tolerance}),
        )
        _lay(Path(written), folder)
    print_verdicts(verdicts)
    return verdicts


def _parts(count: int, formats: list[str]) -> tuple["np.ndarray", "np.ndarray"]:
    """Return which samples full int8 is calibrated on, and which verify all formats."""
    import numpy as np

    whole = np.ones(count, bool)
    if "tflite-int8" not in formats:
        return whole, whole
    if count < MIN_PARTED:
        print(
            f"tflite-int8 is calibrated on the samples that verify it; of {MIN_PARTED} "
            f"or more, every {EVERY}th would be for that alone"
        )
        return whole, whole
    calibrating = np.arange(count) % EVERY == EVERY - 1  # they may be sorted
    told = f"tflite-int8 is calibrated on every {EVERY}th sample"
    print(f"{told}; the other {(~calibrating).sum():,} verify")
    return calibrating, ~calibrating


def _read_samples(
    file: Path, model: "keras.Model"
) -> tuple[dict[str, "np.ndarray"], "np.ndarray"]:
    """Read inputs, by name, and targets; one input alone may be called x."""
    import numpy as np

    def check(holds: bool, problem: str) -> None:
        if not holds:
            raise ValueError(f"{file}: {problem}.")

    names = [tensor.name for tensor in model.inputs]
    check("y" not in names, "y is what is right; the model should not have an input y")
    with np.load(file) as stored:
        try:
            given = dict(stored)
        except ValueError as error:  # of Python's objects
            check(False, f"{error}; it should hold numbers or texts")
    if len(names) == 1 and names[0] not in given:
        names = ["x"]
    lacking = [name for name in (*names, "y") if name not in given]
    wanted = f"it should hold {', '.join(names)} for the model, and y"
    check(not lacking, f"lacks {', '.join(lacking)}; {wanted}")
    targets, inputs = given["y"], {}
    for name, tensor in zip(names, model.inputs, strict=True):
        values = inputs[tensor.name] = given[name]
        kinds = "U" if tensor.dtype == "string" else "biuf"
        fits = len(tensor.shape) == values.ndim and all(
            size in (None, own)
            for size, own in zip(tensor.shape[1:], values.shape[1:], strict=True)
        )
        told = f"{name} is {values.dtype} of the shape {values.shape}, the model takes"
        told += f" {tensor.dtype} of {tuple(tensor.shape)}"
        check(fits and values.dtype.kind in kinds, told)
        check(
            len(values) > 0 and targets.shape == (len(values),),
            "y should have a class index, or a number, for each sample; "
            f"{name} is of the shape {values.shape}, y of {targets.shape}",
        )
    classes = model.outputs[0].shape[1]
    if classes > 1:
        indices = targets.dtype.kind in "iu" and set(targets) <= set(range(classes))
        check(indices, f"y should hold class indices, from 0 to {classes - 1}")
    else:
        numbers = targets.dtype.kind in "iuf" and np.isfinite(targets).all()
        check(numbers and np.ptp(targets) > 0, "y should hold numbers, not all alike")
    return inputs, targets
