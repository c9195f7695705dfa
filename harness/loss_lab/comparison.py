"""The table and the figures of several trained losses side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from kerazoo.harness.reports.common import plain
from kerazoo.harness.tables import baselines
from kerazoo.harness.wording import as_score

# Told apart by people who see colours differently (Okabe & Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


@dataclass(frozen=True)
class Result:
    """What one training run came to."""

    label: str  # the loss
    seed: int
    scores: dict[str, float]  # what the template's main returned
    curve: list[float]  # the monitored metric by epoch
    recall: dict[str, float]  # by class, on the test split


def _labels(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result.label for result in results))


def _score_names(results: Sequence[Result]) -> list[str]:
    # The value of the loss itself says nothing about another one, nor do baselines.
    others = ("test_loss", *(f"test_{name}_" for name in baselines.NAMES))
    names = [n for n in results[0].scores if n.startswith("test_")]
    return [name for name in names if not name.startswith(others)]


def _values(results: Sequence[Result], label: str, score: str) -> np.ndarray:
    return np.array([r.scores[score] for r in results if r.label == label])


def means(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Return the mean of every comparable test score over the seeds, by loss."""
    return {
        label: {
            score: float(_values(results, label, score).mean())
            for score in _score_names(results)
        }
        for label in _labels(results)
    }


def table(results: Sequence[Result]) -> dict[str, list[str]]:
    """Return one row per loss: mean ± standard deviation of its test scores."""
    columns: dict[str, list[str]] = {"loss": _labels(results)}
    for score in _score_names(results):
        columns[score.removeprefix("test_").replace("_", " ")] = [
            _mean_and_sd(_values(results, label, score)) for label in columns["loss"]
        ]
    columns["runs"] = [
        str(sum(r.label == label for r in results)) for label in columns["loss"]
    ]
    return columns


def figures(results: Sequence[Result], monitor: str) -> dict[str, Figure]:
    """Draw the test scores, the convergence and the recall of each class, by loss."""
    drawn = {"scores": _scores(results), "convergence": _convergence(results, monitor)}
    if results[0].recall:
        drawn["recall"] = _recall(results)
    return drawn


def _mean_and_sd(values: np.ndarray) -> str:
    spread = f" ± {as_score(values.std(ddof=1))}" if len(values) > 1 else ""
    return f"{as_score(values.mean())}{spread}"


def _scores(results: Sequence[Result]) -> Figure:
    labels, scores = _labels(results), _score_names(results)
    size = (3.0 * len(scores) + 1.5, 0.45 * len(labels) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1, len(scores), sharey=True, squeeze=False)
    for axes, score in zip(grid[0], scores, strict=True):
        for row, label in enumerate(labels):
            values, colour = _values(results, label, score), COLOURS[row % len(COLOURS)]
            axes.plot(values, [row] * len(values), "o", ms=4, alpha=0.4, color=colour)
            axes.plot(values.mean(), row, "|", ms=18, mew=2.5, color=colour)
        axes.set(title=score.removeprefix("test_").replace("_", " "))
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right", "left"]].set_visible(False)
    grid[0][0].set_yticks(range(len(labels)), labels)
    grid[0][0].set_ylim(len(labels) - 0.5, -0.5)
    figure.suptitle("Test split: each run, and the mean")
    return figure


def _convergence(results: Sequence[Result], monitor: str) -> Figure:
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, label in enumerate(_labels(results)):
        curves = [r.curve for r in results if r.label == label]
        shortest = min(map(len, curves))  # early stopping ends them apart
        values = np.array([curve[:shortest] for curve in curves])
        epochs, colour = range(1, shortest + 1), COLOURS[number % len(COLOURS)]
        style = "-" if number < len(COLOURS) else "--"
        axes.plot(epochs, values.mean(axis=0), style, color=colour, label=label)
        low, high = values.min(axis=0), values.max(axis=0)
        axes.fill_between(epochs, low, high, color=colour, alpha=0.15, lw=0)
    axes.set(xlabel="epoch", ylabel=monitor, title="Mean of the runs, and their range")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    plain(axes)
    return figure


def _recall(results: Sequence[Result]) -> Figure:
    labels, classes = _labels(results), list(results[0].recall)
    values = np.array(
        [
            np.mean([list(r.recall.values()) for r in results if r.label == x], axis=0)
            for x in labels
        ]
    )
    size = (0.75 * len(classes) + 3, 0.45 * len(labels) + 1.8)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    if len(classes) <= 20:
        for (row, column), value in np.ndenumerate(values):
            shade = "white" if value > 0.5 else "black"
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", color=shade
            )
    axes.set_title("Recall by class, test split, mean of the runs")
    return figure
