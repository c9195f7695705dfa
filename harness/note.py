"""The note at the top of a run's page: what it came to, and how to get it back."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from kerazoo import losses
from kerazoo.harness import environment
from kerazoo.harness.data import collect
from kerazoo.harness.export.verdicts import failures
from kerazoo.harness.wording import as_score, loss_flags

if TYPE_CHECKING:
    from kerazoo.harness.run import Run

NUM_ADVISING = 20_000  # training targets from which a loss is suggested


def write(run: "Run", status: str, problem: str) -> str:
    """Return the Markdown that stands at the top of a run's page."""
    config, data = run.config, run.data
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
        times = f"{run.member} × " if run.member > 1 else ""
        lines += [
            f"{times}`{run.model.name}` ({run.model.count_params():,} parameters) on "
            f"`{data.name}` ({sizes}), loss `{loss_name(run)}`"
        ]
    if histories := list(filter(None, run.histories)):
        minutes = sum(h["epoch_seconds"] for each in histories for h in each) / 60
        both = list(zip_longest(histories, run.averages))
        kept = [averaged or kept_epoch(history) for history, averaged in both]
        best = _listed(
            f"the mean of the last {averaged['averaged_epochs']:.0f}"
            if averaged
            else f"epoch {history[-1]['best_epoch']:.0f}"
            for history, averaged in both
        )
        values = _listed(as_score(scores[config.monitor]) for scores in kept)
        lines += [
            f"{_listed(map(len, histories))} of {config.epochs} epochs in "
            f"{minutes:.1f} min; kept {best}, `{config.monitor}` {values}"
        ]
    elif run.averages:
        lines += [f"not trained: the weights `{config.model.weights}` as they are"]
    own_loss = data and loss_name(run) != config.loss
    if data and run.summary and not own_loss and (advice := _advice(run)):
        lines += [advice]
    lines += [f"failed: {reason}" for reason in failures(run.verdicts)]
    lines += [
        f"**Reproduce**: `{environment.command()}`; exact config, code and "
        "packages are among the artifacts"
    ]
    run_id = run.tracker.run_id
    if run.tracker.has_model:
        lines += [
            f"**Get it back**: `kerazoo export {run_id[:8]}` or "
            f'`mlflow.pyfunc.load_model("runs:/{run_id}/model")`'
        ]
    elif histories or run.averages:
        lines += ["**Get it back**: `checkpoints/best.keras` among the artifacts"]
    return "  \n".join(lines)


def loss_name(run: "Run") -> str:
    """Name the loss that was compiled: the config's, or a class of the user's own."""
    loss = run.model.loss
    if type(loss).__module__.startswith("kerazoo.losses."):
        return run.config.loss
    return getattr(loss, "name", str(loss))


def _advice(run: "Run") -> str:
    """Say which loss the training targets alone suggest, and why; "" for none."""
    data = run.data
    if data.class_counts:
        targets = np.repeat(np.arange(len(data.class_counts)), data.class_counts)
    elif data.task == "regression" and run.model.output_shape[-1] == 1:
        _, targets = collect(data.train, NUM_ADVISING)
    else:  # what several outputs stand for is not written in the targets
        return ""
    try:
        found = losses.suggest(targets)
    except ValueError:  # such as targets of one class
        return ""
    # Our classifiers give a score per class, two for a yes-or-no answer too.
    first = next(each for each in found if not each.name.startswith("binary_"))
    # Lists are counts of classes, which templates fill in.
    numbers = {k: v for k, v in first.arguments.items() if not isinstance(v, list)}
    flags = loss_flags(first.name, numbers)
    used = run.config.loss, run.config.loss_arguments
    verb = "keep" if (first.name, numbers) == used else "try"
    return f"By its targets kerazoo would {verb} `{flags}`: {first.reason}"


def kept_epoch(history: list[dict[str, float]]) -> dict[str, float]:
    """Return the scores of the epoch whose weights were kept."""
    return history[int(history[-1]["best_epoch"]) - 1]


def _listed(values: Iterable) -> str:
    return ", ".join(map(str, values))
