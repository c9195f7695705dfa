"""A tracked run: train, evaluate, export, with everything written to MLflow."""

import json
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerazoo.harness import environment, export, reports, tracking, training
from kerazoo.harness.config import TrainingConfig, dump_config, flatten
from kerazoo.harness.data import Data, DataError
from kerazoo.harness.export import Verdict

if TYPE_CHECKING:
    import keras

NUM_VERIFIED = 500  # validation samples on which exported files are compared with Keras


class Run:
    """One training run and its MLflow record."""

    def __init__(self, config: TrainingConfig, tracker: tracking.Tracker):
        self.config = config
        self.tracker = tracker
        self.folder = Path("runs") / f"{tracker.name}-{tracker.run_id[:8]}"
        self.history: list[dict[str, float]] = []
        self.scores: dict[str, float] = {}
        self.summary = ""  # of the scores, in Markdown
        self.verdicts: list[Verdict] = []
        self.folder.mkdir(parents=True)
        self.start = time.monotonic()

    def fit(self, model: "keras.Model", data: Data) -> None:
        """Train a compiled model, and leave it with the weights of its best epoch.

        Raises:
            NonFiniteLossError: the loss became NaN or infinite.
            ValueError: `config.monitor` is no metric of this model.
        """
        from kerazoo.harness.callbacks import Record

        self.data, self.model = data, model
        self._describe(model, data)
        record = Record(self.tracker, self.history)
        training.fit(model, data, self.config, self.folder, [record])
        kept = self.history[int(self.history[-1]["best_epoch"]) - 1]
        # MLflow sorts runs by a metric's last value, which is not the kept epoch's.
        best = {f"best_{k}": v for k, v in kept.items() if k.startswith("val_")}
        self.scores |= best
        self.tracker.metrics(best)

    def evaluate(self, model: "keras.Model", data: Data) -> dict[str, float]:
        """Measure a model on the test split; log its scores, plots and tables.

        Args:
            model: a classifier, compiled, with logits as output; or a regression model
                that answers in the target's unit.
            data: whose inputs the model takes; `test` is used.

        Returns:
            The scores: `test_…`, and `best_val_…` of the epoch that was kept.
        """
        task = reports.of_task(data.task)
        report = task.evaluate(model, data)
        self.summary = report.summary
        if self.history:
            best = int(self.history[-1]["best_epoch"])
            report.figures["learning_curves"] = reports.learning_curves(
                self.history, best
            )
        measured = {f"test_{name}": value for name, value in report.scores.items()}
        self.scores |= measured
        self.tracker.metrics(measured)
        shown = [f"test_{k} {report.scores[k]:.4f}" for k in task.HEADLINE]
        print(f"test   {'  '.join(shown)}")
        for name, figure in report.figures.items():
            self.tracker.figure(figure, f"plots/{name}.png")
        for name, table in report.tables.items():
            self.tracker.table(table, f"tables/{name}.json")
        return self.scores

    def export(self, model: "keras.Model", data: Data) -> list[Verdict]:
        """Store a model in MLflow, write `config.export` and verify every format.

        Args:
            model: what should leave the house; its outputs are what clients get.
            data: whose inputs the model takes; `calibration` and `validation` are used.
        """
        inputs, _ = collect(data.validation, NUM_VERIFIED)
        few = {k: v[:2] for k, v in inputs.items()} if named(inputs) else inputs[:2]
        self.tracker.model(model, few)
        if not self.config.export:
            return []
        verdicts = self._write(model, data, self.config.export, "exports")
        rows = zip(*export.rows(verdicts), strict=True)
        columns = dict(zip(export.columns(verdicts), map(list, rows), strict=True))
        self.tracker.table(columns, "tables/exports.json")
        print(f"files  {self.folder / 'exports'}")
        return verdicts

    def export_encoded(self, model: "keras.Model", data: Data) -> list[Verdict]:
        """Write a table's network alone, for runtimes that take no texts.

        `table_encoder.py` is laid beside it: it encodes columns, and decodes answers.

        Args:
            model: takes encoded columns by name, gives scaled targets.
            data: of the same form; `calibration` and `validation` are used.
        """
        import keras

        from kerazoo.harness import table_encoder

        formats = [name for name in self.config.export if name.startswith("tflite")]
        if not formats:
            return []
        print("the network alone, for runtimes without texts; its target is scaled:")
        network = keras.Model(model.inputs, model.outputs[0], name=model.name)
        verdicts = self._write(network, data, formats, "exports/encoded")
        shutil.copy(table_encoder.__file__, self.folder / "exports" / "encoded")
        self.tracker.files(self.folder / "exports" / "encoded", "exports/encoded")
        return verdicts

    def _write(self, model, data, formats, folder: str) -> list[Verdict]:
        inputs, targets = collect(data.validation, NUM_VERIFIED)
        verdicts = export.export(
            model,
            self.folder / folder,
            formats,
            calibration=data.calibration,
            inputs=inputs,
            targets=targets,
            metric=reports.of_task(data.task).METRIC,
            tolerance=self.config.export_tolerance,
            metadata={"labels": data.labels, **data.metadata},
        )
        self.verdicts += verdicts
        self.tracker.files(self.folder / folder, folder)
        self.tracker.text(export.markdown(verdicts), f"{folder}/verification.md")
        passed = sum(verdict.passed for verdict in self.verdicts)
        self.tracker.metrics({"exports_verified": passed})
        export.print_verdicts(verdicts)
        return verdicts

    def _describe(self, model, data):
        from collections import Counter

        log = self.tracker
        log.dataset(data)
        log.tags({"model": model.name, "data": data.name, **_backend()})
        kinds = Counter(layer.__class__.__name__ for layer in model.layers)
        log.params({"num_params": model.count_params(), "num_layers": kinds.total()})
        summary: list[str] = []
        model.summary(print_fn=lambda line, **_: summary.append(line), line_length=88)
        log.text("\n".join(summary), "model_summary.txt")
        facts = {"labels": data.labels, "sizes": data.sizes, **data.metadata}
        log.text(json.dumps(facts, indent=2), "data.json")
        if data.notes:
            log.text("\n".join(data.notes), "data_notes.txt")
        sizes = ", ".join(f"{v:,} {k}" for k, v in data.sizes.items())
        print(f"data   {data.name}: {sizes}; {data.subject}")
        print(f"model  {model.name}: {model.count_params():,} parameters")
        print(f"run    {log.name}: {log.url}")

    def _end(self, status: str, problem: str = "") -> None:
        if status != "FINISHED" and (self.folder / "best.keras").exists():
            self.tracker.files(self.folder, "checkpoints")
        if not hasattr(self, "data"):
            self.folder.rmdir()
        self.tracker.metrics({"total_minutes": (time.monotonic() - self.start) / 60})
        self.tracker.note(_note(self, status, problem))
        self.tracker.end(status)


@contextmanager
def tracked_run(config: TrainingConfig) -> Iterator[Run]:
    """Open an MLflow run for the block; a failed or interrupted one is kept as such.

    Seeds every generator and sets the precision first. Ctrl-C and SIGTERM end the run
    as KILLED, any error as FAILED with its reason in the run's note.
    """
    from kerazoo.harness.callbacks import NonFiniteLossError

    training.prepare(config)
    name = config.run_name or f"{config.model.name}-{config.data.source}"
    run = Run(config, tracking.start(config.experiment, name))
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _record_origin(run)
        yield run
    except KeyboardInterrupt:
        run._end("KILLED", "interrupted")
        sys.exit(f"interrupted; what was logged is at {run.tracker.url}")
    except (DataError, NonFiniteLossError) as error:
        # Foreseen, with a message that says what to do: no traceback.
        run._end("FAILED", str(error))
        sys.exit(f"error: {error}")
    except BaseException as error:
        run.tracker.text(traceback.format_exc(), "traceback.txt")
        run._end("FAILED", f"{type(error).__name__}: {error}")
        raise
    else:
        run._end("FINISHED")
        if failed := [v.format for v in run.verdicts if not v.passed]:
            sys.exit(f"error: not verified, so not to be used: {', '.join(failed)}")
    finally:
        signal.signal(signal.SIGTERM, before)


def collect(
    batches: Iterable, most: int | None = None
) -> tuple[export.Inputs, np.ndarray]:
    """Return the first samples of batches, or all: inputs, and targets in one column.

    Shares of classes become class indices; inputs by name stay so.
    """
    inputs, targets = [], []
    for x, y in batches:
        inputs.append({k: np.asarray(v) for k, v in x.items()} if named(x) else x)
        y = np.asarray(y)
        targets.append(y.argmax(axis=-1) if y.ndim > 1 else y)
        if most and sum(map(len, targets)) >= most:
            break
    targets = np.concatenate(targets)[:most]
    if named(inputs[0]):
        names = list(inputs[0])
        return {
            k: np.concatenate([x[k] for x in inputs])[:most] for k in names
        }, targets
    return np.concatenate([np.asarray(x) for x in inputs])[:most], targets


def named(inputs) -> bool:
    """Tell inputs by name from a single one."""
    return isinstance(inputs, dict)


def _note(run: Run, status: str, problem: str) -> str:
    config, data = run.config, getattr(run, "data", None)
    # The page folds the note after a few lines: what matters most comes first.
    lines = []
    if problem:
        lines += [f"**{status.lower()}**: {problem}"]
    if run.summary:
        good = sum(verdict.passed for verdict in run.verdicts)
        exports = f", {good} of {len(run.verdicts)} exports verified"
        lines += [run.summary + (exports if run.verdicts else "")]
    if data:
        sizes = " / ".join(f"{n:,}" for n in data.sizes.values())
        lines += [
            f"`{run.model.name}` ({run.model.count_params():,} parameters) on "
            f"`{data.name}` ({sizes}), loss `{config.loss}`"
        ]
    if run.history:
        minutes = sum(h["epoch_seconds"] for h in run.history) / 60
        best = int(run.history[-1]["best_epoch"])
        lines += [
            f"{len(run.history)} of {config.epochs} epochs in {minutes:.1f} min; "
            f"kept epoch {best}, `{config.monitor}` "
            f"{run.history[best - 1][config.monitor]:.4f}"
        ]
    lines += [f"failed: {reason}" for reason in export.failures(run.verdicts)]
    run_id = run.tracker.run_id
    lines += [
        f"**Reproduce**: `{environment.command()}`; exact config, code and "
        "packages are among the artifacts",
        f"**Get it back**: `kerazoo export {run_id[:8]}` or "
        f'`mlflow.pyfunc.load_model("runs:/{run_id}/model")`',
    ]
    return "  \n".join(lines)


def _record_origin(run: Run) -> None:
    """Record what the run came from: config, code, commit, packages."""
    log = run.tracker
    log.params(flatten(run.config))
    log.text(dump_config(run.config), "config.yaml")
    log.text(environment.packages(), "environment.txt")
    source = Path(sys.modules[type(run.config).__module__].__file__).parent
    for file in sorted(source.glob("*.py")):
        log.text(file.read_text("utf-8"), f"code/{file.name}")
    if state := environment.git_state(source):
        commit, changes = state
        log.tags({"git.commit": commit, "git.dirty": str(bool(changes)).lower()})
        if changes:
            log.text(changes, "code/uncommitted.diff")


def _backend() -> dict[str, str]:
    import keras

    return {"backend": keras.backend.backend(), "keras": keras.__version__}
