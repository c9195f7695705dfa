"""A tracked run: train, evaluate, export, with everything written to MLflow."""

import hashlib
import json
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kerazoo.harness import environment, note, training
from kerazoo.harness.config import TrainingConfig, dump_config, flatten
from kerazoo.harness.data import Data, collect, data_name
from kerazoo.harness.errors import UserError
from kerazoo.harness.export.exam import Verdict
from kerazoo.harness.export.parts import Part, parts
from kerazoo.harness.export.verdicts import by_column
from kerazoo.harness.model_config import FACTS
from kerazoo.harness.own_code import files_of, own_definitions, own_modules
from kerazoo.harness.reports import common
from kerazoo.harness.texts.translation import translator_of_texts
from kerazoo.harness.tracking import mlflow_store, runs
from kerazoo.harness.wording import as_score

if TYPE_CHECKING:
    import keras

    from kerazoo.harness.texts.decoded_score import DecodedScore
    from kerazoo.zoo.seq2seq.decoding import Translator

SEEDS_APART = 1000  # so that the members of one run are not those of the next seed's


class Run:
    """One training run and its MLflow record."""

    def __init__(self, config: TrainingConfig, tracker: mlflow_store.Tracker):
        self.config = config
        self.tracker = tracker
        plain = re.sub(r'[<>:"/\\|?*]', "_", tracker.name)  # as on every system
        self.folder = Path("runs") / f"{plain}-{tracker.run_id[:8]}"
        # What the first model is fitted to, and that model, once `fit` has them.
        self.data: Data | None = None
        self.model: keras.Model | None = None
        self.histories: list[list[dict[str, float]]] = []  # by model, by epoch
        self.averages: list[dict[str, float]] = []  # by model; empty: an epoch was kept
        self.scores: dict[str, float] = {}
        self.summary = ""  # of the scores, in Markdown
        self.member = 1  # of an ensemble: which model is trained
        self.verdicts: list[Verdict] = []
        self.start = time.monotonic()

    def members(self, count: int) -> Iterator[int]:
        """Yield the number of each model of an ensemble, from 1, with seeds of its own.

        Build, compile and fit one model a turn. The first is what a run of one model
        trains, and bears the usual names; what the second one logs begins with
        `member2_`, and its checkpoints lie in `member2/`.
        """
        import keras

        for self.member in range(1, count + 1):
            seed = self.config.seed + SEEDS_APART * (self.member - 1)
            if self.member > 1:
                keras.utils.set_random_seed(seed)
            if count > 1:
                print(f"member {self.member}/{count}, seed {seed}")
            yield self.member

    def fit(self, model: "keras.Model", data: Data, scorers: Sequence = ()) -> None:
        """Train a compiled model, and leave it with the weights of its best epoch.

        Args:
            model: compiled.
            data: `train` and `validation` are used.
            scorers: callbacks that add scores to an epoch's, for `config.monitor`.

        Raises:
            NonFiniteError: the loss, or a weight, became NaN or infinite.
            ValueError: `config.monitor` is no metric of this model.
        """
        from kerazoo.harness.callbacks import Record

        first = self.member == 1
        prefix = "" if first else f"member{self.member}_"
        folder = self.folder if first else self.folder / f"member{self.member}"
        folder.mkdir(exist_ok=True)
        own_modules(model)  # says now what would stop the export at the end
        own_definitions(model)
        if first:
            self.data, self.model = data, model
            self._describe(model, data)
        history: list[dict[str, float]] = []
        self.histories.append(history)
        record = Record(self.tracker, history, prefix)
        kept: dict[str, float] = {}
        try:
            kept = training.fit(model, data, self.config, folder, [record], scorers)
            self.averages.append(kept)
        finally:  # a run that was stopped is compared by what it reached, too
            kept = kept or (note.kept_epoch(history) if history else {})
            # MLflow sorts runs by a metric's last value, which is not the kept epoch's.
            best = {f"{prefix}best_{k}": v for k, v in kept.items() if k[:4] == "val_"}
            self.scores |= best
            self.tracker.metrics(best)

    def decoded_score(self, translator: "Translator", data: Data) -> "DecodedScore":
        """Return what scores a model's answers to validation texts after every epoch.

        To how many says `config.decoding.samples`: of few, chance picks the best epoch.
        """
        from kerazoo.harness.texts.decoded_score import DecodedScore

        sources, references = data.references["validation"]
        some = self.config.decoding.samples or len(sources)
        return DecodedScore(
            translator_of_texts(translator, data),
            sources[:some],
            references[:some],
            common.of_task(data.task).judge(data),
            lambda table: self.tracker.table(
                table, "tables/samples.json", needed=False
            ),
        )

    def evaluate(self, model: "keras.Model", data: Data) -> dict[str, float]:
        """Measure a model on the test split; log its scores, plots and tables.

        Args:
            model: a classifier, compiled, with logits as output; a regression model
                that answers in the target's unit; or a `Translator`.
            data: whose inputs the model takes; `test` is used.

        Returns:
            The scores: `test_…`, and `best_val_…` of the epoch that was kept, for each
            member of an ensemble.
        """
        task = common.of_task(data.task)
        report = task.evaluate(model, data)
        self.summary = report.summary
        histories = list(filter(None, self.histories))  # none without epochs
        for number, history in enumerate(histories, 1):
            name = "learning_curves" if number == 1 else f"learning_curves_{number}"
            best = int(history[-1]["best_epoch"])
            report.figures[name] = common.learning_curves(history, best)
        measured = {f"test_{name}": value for name, value in report.scores.items()}
        self.scores |= measured
        self.tracker.metrics(measured)
        compiled = histories[-1][0] if histories else {}
        own = [name for name in report.scores if f"val_{name}" in compiled]
        names = dict.fromkeys([*task.headline(data), *own])  # each once
        shown = [f"test_{k} {as_score(report.scores[k])}" for k in names]
        print(f"test   {'  '.join(shown)}")
        if report.beside:
            print(f"beside {report.beside}")
        for name, figure in report.figures.items():
            self.tracker.figure(figure, f"plots/{name}.png")
        for name, table in report.tables.items():
            self.tracker.table(table, f"tables/{name}.json")
        return self.scores

    def export(self, model: "keras.Model", data: Data) -> list[Verdict]:
        """Store a model in MLflow, write `config.export` and verify every format.

        Beside the whole model, what some devices want apart from it: see
        `export.parts.parts`.

        Args:
            model: what should leave the house; its outputs are what clients get.
            data: `calibration` and `validation` are used, those of `served` if the
                model takes other inputs than the one that was trained.
        """
        served = data.served or data
        few, targets = collect(served.validation, 2)
        few = served.validation_texts(targets) or few
        self.tracker.model(model, few, served.metadata)
        for part in parts(model, data, self.config.export):
            self._export(part)
        if self.verdicts:
            passed = sum(verdict.passed for verdict in self.verdicts)
            failed = len(self.verdicts) - passed
            counts = {"exports_verified": passed, "exports_failed": failed}
            self.tracker.metrics(counts)
            print(f"files  {self.folder / 'exports'}")
        return self.verdicts

    def _export(self, part: Part) -> None:
        exports = self.folder / "exports"
        tolerance, run_id = self.config.export_tolerance, self.tracker.run_id
        verdicts = part.write(exports, tolerance, run_id)
        self.verdicts += verdicts
        place = Path("exports") / part.folder
        self.tracker.files(exports / part.folder, place.as_posix())
        if not part.folder:
            self.tracker.table(by_column(verdicts), "tables/exports.json")

    def _describe(self, model, data):
        from collections import Counter

        log = self.tracker
        log.dataset(data)
        log.tags({"model": model.name, "data": data.name, **_backend()})
        log.tags({"loss": note.loss_name(self)})
        kinds = Counter(layer.__class__.__name__ for layer in model.layers)
        log.params({"num_params": model.count_params(), "num_layers": kinds.total()})
        if weights := self.config.model.file:  # a path alone says little next year
            found = hashlib.sha256(weights.read_bytes()).hexdigest()
            log.params({"model.weights_sha256": found})
            if inside := runs.IN_FOLDER.search(str(weights)):
                log.tags({"weights.run": inside[1]})
        summary: list[str] = []
        model.summary(print_fn=lambda line, **_: summary.append(line), line_length=88)
        log.text("\n".join(summary), "model_summary.txt")
        facts = {"labels": data.labels, "sizes": data.sizes, **data.metadata}
        text = json.dumps(facts, indent=2)
        log.text(text, FACTS)
        (self.folder / FACTS).write_text(text, "utf-8")  # beside the weights
        if data.notes:
            log.text("\n".join(data.notes), "data_notes.txt")
        sizes = ", ".join(f"{v:,} {k}" for k, v in data.sizes.items())
        print(f"data   {data.name}: {sizes}; {data.subject}")
        print(f"model  {model.name}: {model.count_params():,} parameters")

    def _end(self, status: str, problem: str = "", trace: str = "") -> str:
        """Close the record; return what is to be said if the store did not take it."""
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        best = self.folder / "best.keras"
        try:
            self._store_end(status, problem, trace)
        except mlflow_store.store_errors() as error:
            reason = mlflow_store.reason(error)
            lost = f"the store of runs did not take the end of it: {reason}"
            if best.is_file():
                lost += (
                    f"\n{best} has the best epoch: --epochs 0 --model.weights {best} "
                    "measures and exports it as a new run"
                )
            return lost
        return ""

    def _store_end(self, status: str, problem: str, trace: str) -> None:
        try:
            if trace:
                self.tracker.text(trace, "traceback.txt")
            if status != "FINISHED" and any(self.folder.glob("**/best.keras")):
                self.tracker.files(self.folder, "checkpoints")
            minutes = (time.monotonic() - self.start) / 60
            self.tracker.metrics({"total_minutes": minutes})
            self.tracker.note(note.write(self, status, problem))
        finally:  # it may take a status where it takes no files
            self.tracker.end(status)


@contextmanager
def tracked_run(config: TrainingConfig) -> Iterator[Run]:
    """Open an MLflow run for the block; a failed or interrupted one is kept as such.

    Seeds every generator and sets the precision first. Ctrl-C and SIGTERM end the run
    as KILLED, any error as FAILED with its reason in the run's note.
    """
    training.prepare(config)
    name = config.run_name or f"{config.model.name}-{data_name(config.data)}"
    try:
        run = Run(config, mlflow_store.start(config.experiment, name))
    except (ValueError, *mlflow_store.store_errors()) as error:
        sys.exit(f"error: {mlflow_store.reason(error)}")
    in_main = threading.current_thread() is threading.main_thread()
    if in_main:  # where alone signals can be handled
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run.folder.mkdir(parents=True)
        _record_origin(run)
        print(f"run    {run.tracker.name}: {run.tracker.url}")
        yield run
    except KeyboardInterrupt:
        lost = run._end("KILLED", "interrupted")
        end = f"interrupted; {lost or f'what was logged is at {run.tracker.url}'}"
        if (last := run.folder / "last.keras").is_file():
            end += f", and --model.weights {last} begins a new run with these weights"
        sys.exit(end)
    except UserError as error:
        # Foreseen, with a message that says what to do: no traceback.
        lost = run._end("FAILED", str(error))
        raise SystemExit("; ".join(filter(None, [f"error: {error}", lost]))) from error
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"
        lost = run._end("FAILED", problem, traceback.format_exc())
        if lost and isinstance(error, mlflow_store.store_errors()):
            raise SystemExit(f"error: {lost}") from error
        found = f"({_place(error, run)}traceback.txt of the run has it all)"
        error.add_note(lost or found)
        raise
    else:
        if lost := run._end("FINISHED"):
            sys.exit(f"error: {lost}")
        if failed := [v.format for v in run.verdicts if not v.passed]:
            sys.exit(f"error: failed verification, do not use: {', '.join(failed)}")
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


def _source(run: Run) -> Path:
    """Return the template's folder."""
    return Path(sys.modules[type(run.config).__module__].__file__).parent


def _place(error: BaseException, run: Run) -> str:
    """Name the last line of the template's files that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if Path(f.filename).parent == _source(run)]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}; " if own else ""


def _record_origin(run: Run) -> None:
    """Record what the run came from: config, code, commit, packages."""
    log = run.tracker
    log.params(flatten(run.config))
    log.text(dump_config(run.config), "config.yaml")
    log.text(environment.packages(), "environment.txt")
    source = _source(run)
    for file in files_of(source):
        place = Path("code") / file.relative_to(source)
        log.text(file.read_text("utf-8"), place.as_posix())
    if state := environment.git_state(source):
        commit, changes = state
        log.tags({"git.commit": commit, "git.dirty": str(bool(changes)).lower()})
        log.tags({"mlflow.source.git.commit": commit})  # the column "Version"
        if changes:
            log.text(changes, "code/uncommitted.diff")


def _backend() -> dict[str, str]:
    import keras

    return {"backend": keras.backend.backend(), "keras": keras.__version__}
