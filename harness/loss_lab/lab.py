"""The loss lab: the same model, data, seeds and budget for each of several losses."""

import contextlib
import dataclasses
import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kerazoo.harness import environment, text_tables
from kerazoo.harness.config import TrainingConfig, flatten
from kerazoo.harness.loss_lab import comparison
from kerazoo.harness.loss_lab.comparison import Result
from kerazoo.harness.tracking import mlflow_store, runs
from kerazoo.harness.wording import as_score

# A name follows; within a list it is a number.
BETWEEN_LOSSES = re.compile(r",(?=\s*[A-Za-z])")


@dataclass(frozen=True)
class Trial:
    """One training run of a comparison."""

    label: str  # the loss as it was asked for, such as "focal:gamma=3"
    config: TrainingConfig


def plan(config: TrainingConfig, chosen: str, num_seeds: int) -> list[Trial]:
    """Return every training run of a comparison, seed by seed.

    Args:
        config: what all of them share; nothing is exported.
        chosen: losses with commas between them, each with its arguments if it has any:
            `"cross_entropy,focal:gamma=3:alpha=0.25"`.
        num_seeds: how often each loss is trained, from `config.seed` on.

    Raises:
        ValueError: fewer than two losses, one of them twice, an unknown loss, one of
            its arguments, or no seed.
    """
    labels = [label.strip() for label in BETWEEN_LOSSES.split(chosen)]
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(f"--losses takes two or more different losses; got {chosen!r}")
    if num_seeds < 1:
        raise ValueError(f"--seeds must be at least 1; got {num_seeds}")
    trials = []
    for seed in range(config.seed, config.seed + num_seeds):
        for label in labels:
            name, *arguments = label.split(":")
            changed = dataclasses.replace(
                config,
                loss=name,
                loss_arguments=config.loss_arguments | dict(map(_argument, arguments)),
                seed=seed,
                export=(),
                run_name=f"{label} seed {seed}",
            )
            trials.append(Trial(label, changed))
    return trials


def compare(
    trials: Sequence[Trial], main: Callable[[TrainingConfig], dict[str, float]]
) -> list[Result]:
    """Train every trial under one parent run in MLflow, and compare what came out.

    A trial that fails is reported and left out; the others go on, and are compared. So
    are those that had finished at Ctrl-C.

    Args:
        trials: from `plan`.
        main: a template's: trains one config, and returns its scores.

    Returns:
        One result per trial that finished.

    Raises:
        SystemExit: interrupted, or of a loss no trial finished.
    """
    shared, labels = trials[0].config, list(dict.fromkeys(t.label for t in trials))
    parent = mlflow_store.start(shared.experiment, "compare-losses")
    params = flatten(shared)
    for name in ("loss", "loss_arguments", "seed", "run_name", "export"):
        params.pop(name, None)
    num_seeds = len(trials) // len(labels)
    parent.params({"losses": ",".join(labels), "num_seeds": num_seeds, **params})
    print(f"run    {parent.name}: {parent.url}")
    status, lost = "FAILED", []
    try:
        results, interrupted = _train_all(trials, main, parent.run_id)
        if results:
            lost = [x for x in labels if x not in {r.label for r in results}]
            _record(results, lost, parent, shared)
            status = "FINISHED"
        status = "KILLED" if interrupted else status
    finally:
        parent.end(status)
    if interrupted:
        raise SystemExit(f"interrupted; see {parent.url}")
    if not results:
        raise SystemExit("error: no training run finished")
    if lost:
        raise SystemExit(f"error: no training run of {', '.join(lost)} finished")
    return results


def _train_all(trials, main, parent_id: str) -> tuple[list[Result], bool]:
    """Return the results, and whether Ctrl-C ended it."""
    results = []
    try:
        for number, trial in enumerate(trials, 1):
            print(f"{number:>3}/{len(trials)}  {trial.config.run_name}", end="  ")
            if result := _train(trial, main, parent_id):
                results.append(result)
    except KeyboardInterrupt:
        print()
        return results, True
    return results, False


def _train(trial: Trial, main, parent_id: str) -> Result | None:
    start, shown = time.monotonic(), io.StringIO()
    try:
        with contextlib.redirect_stdout(shown):
            scores = main(trial.config)
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        print(error)
        return None
    except Exception as error:  # the loss does not fit, or the memory ends
        print(f"error: {error or type(error).__name__}")
        return None
    run = runs.find_children(parent_id)[-1]
    result = Result(
        label=trial.label,
        seed=trial.config.seed,
        scores=scores,
        curve=runs.read_history(run.info.run_id, trial.config.monitor),
        recall=_recall(run.info.run_id),
    )
    best = {k: v for k, v in scores.items() if k == f"best_{trial.config.monitor}"}
    told = "  ".join(f"{k} {as_score(v)}" for k, v in best.items())
    print(f"{told}  ({time.monotonic() - start:.0f} s)", flush=True)
    return result


def _recall(run_id: str) -> dict[str, float]:
    try:
        table = runs.read_json(run_id, "tables/per_class.json")
    except ValueError:  # a task without classes
        return {}
    recall = table["columns"].index("recall")
    return {row[0]: row[recall] for row in table["data"]}


def _record(
    results: list[Result], lost: list[str], parent: mlflow_store.Tracker, shared
) -> None:
    table = comparison.table(results)
    for label, scores in comparison.means(results).items():
        # MLflow's names take no colon but a slash, and no equals sign.
        name = label.replace(":", "/").replace("=", " ")
        parent.metrics({f"{name}/{score}": value for score, value in scores.items()})
    parent.table(table, "tables/losses.json")
    for name, figure in comparison.figures(results, shared.monitor).items():
        parent.figure(figure, f"plots/{name}.png")
    text = text_tables.markdown(table)
    parent.text(text, "losses.md")
    parts = [f"**Losses compared**, mean ± standard deviation\n\n{text}"]
    if lost:
        parts.append(f"**no run finished** of {', '.join(lost)}")
    parts.append(f"**Reproduce**: `{environment.command()}`")
    parent.note("\n\n".join(parts))
    text_tables.show(table)


def _argument(text: str) -> tuple[str, object]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"an argument of a loss is written name=value; got {text!r}")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"the argument {text!r} of a loss is not YAML") from error
