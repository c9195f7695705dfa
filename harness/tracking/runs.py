"""Runs that MLflow has: found, and what they left read."""

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerazoo.harness.tracking.mlflow_store import connect
from kerazoo.harness.wording import listed

if TYPE_CHECKING:
    import keras
    from mlflow.entities import Run as MlflowRun

# The folder of a run ends with the first characters of its id.
IN_FOLDER = re.compile(r"(?:^|[/\\])runs[/\\][^/\\]+-([0-9a-f]{8})(?=[/\\]|$)")


def find_run(reference: str) -> "MlflowRun":
    """Find a run by its id or how that begins, by its name or folder, or as `last`.

    Of a name the newest that finished, if there is one. A file or folder within the
    run's folder, such as `runs/cnn-digits-68a687a1/exports`, will do as well.

    Raises:
        ValueError: no run, or more than one, fits; the message lists the newest ones.
    """
    runs = _search("", "DESC")
    inside = IN_FOLDER.search(reference)
    begin = inside[1] if inside else reference
    if reference == "last":
        fitting = [r for r in runs if r.info.status == "FINISHED"][:1]
    else:
        named = [r for r in runs if r.info.run_name == reference]
        # One that is under way or was stopped has no model yet.
        named.sort(key=lambda r: r.info.status != "FINISHED")
        fitting = named[:1] or [r for r in runs if r.info.run_id.startswith(begin)]
    if len(fitting) == 1:
        return fitting[0]
    known = "".join(
        f"\n  {r.info.run_id[:8]}  {r.info.run_name}  {r.info.status}" for r in runs[:5]
    )
    problem = "Several runs begin with" if fitting else "There is no run"
    raise ValueError(
        f"{problem} {reference!r} in {connect().get_tracking_uri()}. "
        + (f"The newest runs are:{known}" if known else "It holds no runs at all.")
    )


def find_runs(name: str) -> list["MlflowRun"]:
    """Find the runs of a name, the newest first."""
    return _search(f"attributes.run_name = '{name}'", "DESC")


def find_children(run_id: str) -> list["MlflowRun"]:
    """Find the runs that were opened inside a run, the oldest first."""
    return _search(f"tags.mlflow.parentRunId = '{run_id}'", "ASC")


def _search(wanted: str, order: str) -> list["MlflowRun"]:
    return connect().search_runs(
        search_all_experiments=True,
        filter_string=wanted,
        order_by=[f"attributes.start_time {order}"],
        output_format="list",
    )


def read_history(run_id: str, metric: str) -> list[float]:
    """Read a metric's value at every step, in order."""
    history = connect().MlflowClient().get_metric_history(run_id, metric)
    return [point.value for point in sorted(history, key=lambda point: point.step)]


def download(run_id: str, path: str, folder: str) -> Path:
    """Copy a run's file or folder into a folder, and return where it lies.

    Raises:
        ValueError: the run has no such file.
    """
    mlflow = connect()
    from mlflow.exceptions import MlflowException

    try:
        found = mlflow.artifacts.download_artifacts(
            run_id=run_id, artifact_path=path, dst_path=folder
        )
    except (OSError, MlflowException) as error:
        reason = f"has no {path}: it ended before it was stored."
        if inside := [run.info.run_name for run in find_children(run_id)]:
            reason = f"is of the runs inside it: give one, such as {listed(inside)}."
        raise ValueError(f"The run {run_id[:8]} {reason}") from error
    return Path(found)


def read_text(run_id: str, path: str) -> str:
    """Read a text file of a run."""
    with tempfile.TemporaryDirectory() as folder:
        return download(run_id, path, folder).read_text("utf-8")


def read_json(run_id: str, path: str) -> Any:
    """Read a JSON file of a run."""
    return json.loads(read_text(run_id, path))


def add_files(run_id: str, folder: Path, path: str) -> None:
    """Store a folder's files in a run that has ended."""
    connect().MlflowClient().log_artifacts(run_id, str(folder), path)


def load_model(run_id: str) -> "keras.Model":
    """Load the model that a run stored; its code can be imported, as in `reopen`.

    Raises:
        ValueError: the run has none.
    """
    connect()
    from mlflow.exceptions import MlflowException

    from kerazoo.harness.tracking.models import load

    try:
        return load(f"runs:/{run_id}/model")
    except MlflowException as error:
        problem = f"The run {run_id[:8]} has no model: it "
        hint = "--model.weights begins a new run from the best epoch that it reached: "
        hint += "best.keras in its folder"
        client = connect().MlflowClient()
        if client.get_run(run_id).info.status == "RUNNING":
            text = f"{problem}has not ended, or its process was lost. {hint}."
        elif not client.list_artifacts(run_id, "checkpoints"):
            text = f"{problem}ended before its first epoch did."
        else:
            text = f"{problem}ended before it was stored. {hint} or in checkpoints/ "
            text += "among its artifacts."
        raise ValueError(text) from error
