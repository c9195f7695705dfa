"""The store of runs in MLflow, and writing a run to it.

How runs are found again stands in `runs.py`, how models are stored in
`models.py`.

Autolog is not used: it logs validation scores at step 0, changes the caller's callbacks
and loses the second of two fits (MLflow 3.17).
"""

import functools
import logging
import os
import re
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerazoo.harness.wording import first_line

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure
    from mlflow.entities import Run as MlflowRun

    from kerazoo.harness.data import Data
    from kerazoo.harness.export.export import Inputs

# A dead server is noticed in seconds; MLflow's own defaults block for minutes a call.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A server's runs would end with their address, which they began with.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# Of Linux, macOS and Windows; matplotlib's own font lacks these letters.
EAST_ASIAN = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei")
EAST_ASIAN += ("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo")
EAST_ASIAN += ("Microsoft YaHei", "Yu Gothic", "Malgun Gothic")
LONGEST_SETUP = 120  # seconds that a first run waits for another one's
UI_ADDRESS = "http://127.0.0.1:5000"
# Without it MLflow shows a newcomer its pages for language models.
_TRAINING = "workflowType=machine_learning"


def connect():
    """Return the mlflow module, pointed at the store.

    The store is `MLFLOW_TRACKING_URI`, or else `mlflow.db` in the working folder.
    """
    for key, value in _DEFAULTS.items():
        os.environ.setdefault(key, value)
    import mlflow

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    if "MLFLOW_TRACKING_URI" not in os.environ:
        mlflow.set_tracking_uri(f"sqlite:///{Path.cwd() / 'mlflow.db'}")
    return mlflow


class Tracker:
    """One MLflow run, open for writing."""

    def __init__(self, mlflow, run: "MlflowRun"):
        self._mlflow = mlflow
        self._unsent: list = []
        self.run_id: str = run.info.run_id
        self.name: str = run.info.run_name
        self.url = run_url(run)
        self.has_model = False  # stored

    def params(self, params: dict[str, Any]) -> None:
        """Log settings that hold for the whole run.

        Under `mlflow run` some are there already, perhaps written otherwise (2e-3), and
        MLflow refuses to change them. It also refuses names such as "price ($)".
        """
        params = {_allowed(name): value for name, value in params.items()}
        known = self._mlflow.get_run(self.run_id).data.params
        self._mlflow.log_params({k: v for k, v in params.items() if k not in known})

    def tags(self, tags: dict[str, Any]) -> None:
        """Log facts that a person filters runs by."""
        self._mlflow.set_tags(tags)

    def metrics(self, metrics: dict[str, float], step: int = 0) -> None:
        """Log scores in one call.

        While the store cannot be reached they are kept, and sent with the next ones.
        """
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        now = int(time.time() * 1000)
        self._unsent += [
            Metric(_allowed(k), float(v), now, step) for k, v in metrics.items()
        ]
        try:
            self._mlflow.MlflowClient().log_batch(self.run_id, metrics=self._unsent)
        except MlflowException as error:
            _tell(error)
        else:
            self._unsent = []

    def text(self, text: str, path: str) -> None:
        """Store a text file."""
        self._mlflow.log_text(text, path)

    def figure(self, figure: "Figure", path: str) -> None:
        """Store a plot; a "$" in it belongs to a name or a price, not to a formula."""
        from matplotlib.text import Text

        for text in figure.findobj(Text):
            text.set_parse_math(False)
            text.set_fontfamily(_fonts())
        with warnings.catch_warnings():
            # Letters that the font lacks are boxes; a warning for each says no more.
            warnings.filterwarnings("ignore", "Glyph", UserWarning)
            self._mlflow.log_figure(figure, path, save_kwargs={"dpi": 120})

    def table(
        self, columns: dict[str, list], path: str, *, needed: bool = True
    ) -> None:
        """Store a table that the UI shows, or append to it.

        Args:
            columns: of equal lengths, by name.
            path: ends in `.json`.
            needed: whether to raise if the store cannot be reached; else it is told.
        """
        from mlflow.exceptions import MlflowException

        try:
            self._mlflow.log_table(columns, path)
        except MlflowException as error:
            if needed:
                raise
            _tell(error)

    def files(self, folder: Path, path: str | None = None) -> None:
        """Store a folder's files."""
        self._mlflow.log_artifacts(str(folder), path)

    def dataset(self, data: "Data") -> None:
        """Say which data the run used, with a digest that changes with any sample."""
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        dataset = MetaDataset(CodeDatasetSource({}), name=data.name, digest=data.digest)
        # Of the run: MLflow keeps a data set once, as the first run with it gave it.
        sizes = {f"samples.{split}": str(size) for split, size in data.sizes.items()}
        self._mlflow.log_input(dataset, context="training", tags=sizes)

    def model(
        self,
        model: "keras.Model",
        example: "Inputs | list[str]",
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Store a model that `mlflow.pyfunc` loads and serves, without its loss.

        Args:
            model: functional.
            example: (samples, …), a small batch of inputs; by name if several; texts
                where the model takes their tokens.
            facts: `Data.metadata`, of which a model of tokens needs the tokenisers, and
                one of columns the encoding.
        """
        from kerazoo.harness.tracking import models

        if "source_tokeniser" in (facts or {}):
            models.log_text_model(model, example, facts)
        elif isinstance(example, dict):
            models.log_table_model(model, example, facts["encoding"])
        else:
            models.log_network(model, example)
        self.has_model = True

    def note(self, text: str) -> None:
        """Set the Markdown at the top of the run's page."""
        self._mlflow.set_tag("mlflow.note.content", text)

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED."""
        if self._unsent:
            self.metrics({})
        self._mlflow.end_run(status)


@functools.cache
def _fonts() -> list[str]:
    """Name the fonts of plots: what one has no letters for, the next one draws."""
    import matplotlib
    from matplotlib.font_manager import fontManager

    # A font without a normal weight is no news.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    own = matplotlib.rcParams["font.sans-serif"][:1]
    # An old cache of matplotlib's may still name what is gone.
    known = {font.name for font in fontManager.ttflist if Path(font.fname).is_file()}
    return own + [name for name in EAST_ASIAN if name in known]


def _allowed(name: str) -> str:
    """Return a name as MLflow takes it: not "price ($)" nor "top@5"."""
    return re.sub(r"[^\w/. -]", "_", name)


def _tell(error: Exception) -> None:
    print(f"warning: the store was not reached: {reason(error)}", file=sys.stderr)


def reason(error: Exception) -> str:
    """Say in a line why a store did not do what it was asked."""
    # MLflow's own text is the address of the call, and how often it was tried.
    if is_remote() and isinstance(error.__context__, OSError):
        server = connect().get_tracking_uri()
        return f"the server {server} (MLFLOW_TRACKING_URI) does not answer"
    return first_line(error)


def store_errors() -> tuple[type[Exception], ...]:
    """Return what a store raises that is away, or does not take what it is asked."""
    from mlflow.exceptions import MlflowException

    return OSError, MlflowException


def start(experiment: str, run_name: str) -> Tracker:
    """Open a run; inside an open one it becomes that one's child.

    Under `mlflow run` it is the run that MLflow has opened already.

    Raises:
        ValueError: the experiment was deleted.
    """
    mlflow = connect()
    nested = mlflow.active_run() is not None
    if "MLFLOW_RUN_ID" not in os.environ and not nested:
        _choose_experiment(mlflow, experiment)
    run = mlflow.start_run(
        run_name=run_name or None, nested=nested, log_system_metrics=True
    )
    return Tracker(mlflow, run)


def _choose_experiment(mlflow, name: str) -> None:
    uri = mlflow.get_tracking_uri()
    if not uri.startswith("sqlite"):
        _create_or_choose(mlflow, name)
        return
    import portalocker

    # MLflow freezes the location at creation: relative, it would break with the first
    # run from another folder.
    folder = Path(uri.removeprefix("sqlite:///")).absolute().parent / "mlruns"
    folder.mkdir(parents=True, exist_ok=True)
    # MLflow 3.17 lets first runs at once each set up the store; all but one fail.
    with portalocker.Lock(folder / ".lock", timeout=LONGEST_SETUP):
        _create_or_choose(mlflow, name, folder.as_uri())


def _create_or_choose(mlflow, name: str, location: str | None = None) -> None:
    known = mlflow.get_experiment_by_name(name)
    if known and known.lifecycle_stage == "deleted":
        raise ValueError(
            f"The experiment {name} was deleted. `mlflow experiments restore -x "
            f"{known.experiment_id}` brings it back with its runs; or give "
            "--experiment another name."
        )
    if location and known is None:
        mlflow.create_experiment(name, artifact_location=location)
    mlflow.set_experiment(name)


def run_url(run: "MlflowRun") -> str:
    """Return the address of a run's page."""
    import mlflow

    uri = mlflow.get_tracking_uri()
    base = uri.rstrip("/") if uri.startswith("http") else UI_ADDRESS
    page = f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    return f"{base}/#/{page}?{_TRAINING}"


def is_remote() -> bool:
    """Whether the runs go to a server."""
    return connect().get_tracking_uri().startswith("http")


def ui_address(local: str) -> str:
    """Return the page of the newest training runs.

    Args:
        local: where a server of ours would listen.
    """
    mlflow = connect()
    base = mlflow.get_tracking_uri().rstrip("/") if is_remote() else local
    runs = mlflow.search_runs(
        search_all_experiments=True,
        order_by=["attributes.start_time DESC"],
        max_results=1,
        output_format="list",
    )
    newest = runs[0].info.experiment_id if runs else "0"
    page = f"runs?{_TRAINING}&compareRunsMode=CHART"
    return f"{base}/#/experiments/{newest}/{page}"


def server_command(host: str, port: int) -> list[str]:
    """Return the command that serves the store: two processes, not MLflow's fifteen."""
    mlflow = connect()
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    store = mlflow.get_tracking_uri()
    place = ["--backend-store-uri", store, "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "mlflow", "server", *place, "--workers", "1"]
