"""What `kerazoo export` does; `cli` reads its arguments."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerazoo.harness.commands import quiet
from kerazoo.harness.config import EXPORT_FORMATS, one_of

if TYPE_CHECKING:
    from kerazoo.harness.data import Data
    from kerazoo.harness.export_exam import Verdict


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
    if source.endswith(".keras"):
        verdicts = _export_file(Path(source), chosen, folder, samples, tolerance)
    else:
        verdicts = _export_run(source, chosen, folder, tolerance)
    print(f"\nfiles in {folder}/; model.json says what a client must know")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _export_run(
    source: str, formats: list[str], folder: Path, tolerance: float | None
) -> list["Verdict"]:
    from kerazoo.harness import tracking_runs
    from kerazoo.harness.reopen import reopen

    with reopen(source) as found:
        with quiet():
            from kerazoo.harness import export_data

            data, model = found.load_data(), found.load_model()
        _check_same(data, tracking_runs.read_json(found.run_id, "data.json"))
        formats = formats or list(found.config.export) or list(EXPORT_FORMATS)
        if tolerance is None:
            tolerance = found.config.export_tolerance
        verdicts = []
        # The folder may hold what another run wrote: only what is new goes to this one.
        with tempfile.TemporaryDirectory() as written:
            for part in export_data.parts(model, data, formats):
                verdicts += part.write(Path(written), tolerance, found.run_id)
            if not verdicts:
                named = ", ".join(formats)
                raise ValueError(f"--formats: {named} does not suit the model")
            shutil.copytree(written, folder, dirs_exist_ok=True)
            for facts in Path(written).rglob("model.json"):
                place = Path("exports") / facts.parent.relative_to(written)
                _tell_of_earlier_files(found.run_id, facts, place.as_posix())
            tracking_runs.add_files(found.run_id, Path(written), "exports")
    return verdicts


def _tell_of_earlier_files(run_id: str, file: Path, place: str) -> None:
    """Let what is stored beside files also tell of those that the run has already."""
    from kerazoo.harness import tracking_runs
    from kerazoo.harness.export_exam import Verdict
    from kerazoo.harness.export_verdicts import markdown

    def read(name: str) -> dict[str, Any]:
        return tracking_runs.read_json(run_id, f"{place}/{name}")

    try:
        earlier, sample = read("model.json")["files"], read("sample.json")
    except ValueError:
        return  # there are none
    facts = json.loads(file.read_text("utf-8"))
    files = {known["format"]: known for known in [*earlier, *facts["files"]]}
    facts["files"] = [files[name] for name in EXPORT_FORMATS if name in files]
    file.write_text(json.dumps(facts, indent=2), "utf-8")
    table = markdown([Verdict(**known) for known in facts["files"]])
    file.with_name("verification.md").write_text(table, "utf-8")
    new = json.loads(file.with_name("sample.json").read_text("utf-8"))
    if new["inputs"] == sample["inputs"]:
        new["answers"] = sample["answers"] | new["answers"]
        file.with_name("sample.json").write_text(json.dumps(new), "utf-8")


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
            f"The data have changed since the run: {', '.join(other)} would be others. "
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
    import numpy as np

    for needed in filter(None, (file, samples)):
        if not needed.is_file():
            raise ValueError(f"There is no file {needed}.")
    if samples is None:
        raise ValueError(
            "A .keras file brings no data to calibrate and verify with: give --samples "
            "FILE.npz, with real inputs as x and class indices as y."
        )
    if not zipfile.is_zipfile(samples):
        raise ValueError(f"{samples} is no .npz file of NumPy.")
    with np.load(samples) as stored:
        one_of(f"{samples}: array", "x", stored)
        one_of(f"{samples}: array", "y", stored)
        inputs, targets = stored["x"], stored["y"]
    if targets.shape != (len(inputs),) or targets.dtype.kind not in "iu":
        raise ValueError(
            f"{samples}: y should have a class index for each of the {len(inputs):,} "
            f"inputs; it is {targets.dtype} of the shape {targets.shape}."
        )
    with quiet():
        from kerazoo.harness.export import export
        from kerazoo.harness.export_verdicts import print_verdicts
        from kerazoo.harness.own_code import load_keras

        model = load_keras(file)
    verdicts = export(
        model,
        folder,
        formats or EXPORT_FORMATS,
        calibration=inputs,
        inputs=inputs,
        targets=targets,
        **({} if tolerance is None else {"tolerance": tolerance}),
    )
    print_verdicts(verdicts)
    return verdicts
