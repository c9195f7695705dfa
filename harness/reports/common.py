"""Plots and tables that a person looks at to judge a run, whatever its task."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator


@dataclass(frozen=True)
class Report:
    """What was measured: scores, and the figures and tables to show, by name."""

    summary: str  # the scores that matter in a line of Markdown
    scores: dict[str, float]
    figures: dict[str, Figure]
    tables: dict[str, dict[str, list]]
    beside: str = ""  # a line for the terminal, to judge the scores by


def of_task(task: str) -> ModuleType:
    """Return the module that reports on a task of `Data`.

    It has `metric(data)`, which exports may not worsen; `headline(data)`, the scores to
    name first; `evaluate(model, data)`, a whole `Report` of the test split; and
    `score(model, data)`, its scores alone, of a model that was exported or stored.
    """
    return importlib.import_module(f"kerazoo.harness.reports.{task}")


MOST_STEPS = {"x": 4, "y": 6}  # between the numbers of an axis
BLUE, ORANGE, GREY = "#2a6fbb", "#e07b39", "#8a8f98"


def learning_curves(history: Sequence[dict[str, float]], best_epoch: int) -> Figure:
    """Draw every score of the validation split, the training's too, and the rate.

    Args:
        history: one dictionary of scores per epoch.
        best_epoch: the epoch whose weights were kept, from 1.
    """
    names = [n.removeprefix("val_") for n in history[0] if n.startswith("val_")]
    names.append("learning_rate")
    num_columns = len(names) if len(names) <= 4 else 3
    num_rows = -(-len(names) // num_columns)
    size = (4.5 * num_columns, 3.4 * num_rows)
    figure = Figure(figsize=size, layout="constrained")
    epochs = range(1, len(history) + 1)
    style = {"marker": "o" if len(history) < 30 else None, "ms": 3}
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(num_rows, num_columns, place)
        if name in history[0]:
            axes.plot(epochs, [h[name] for h in history], BLUE, **style, label="train")
        if name != "learning_rate":
            validation = [h[f"val_{name}"] for h in history]
            axes.plot(epochs, validation, ORANGE, **style, label="validation")
            axes.axvline(best_epoch, color=GREY, lw=1, ls="--", label="best epoch")
            axes.legend(frameon=False)
        axes.set(xlabel="epoch", title=name.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        numbers(axes.yaxis)
        plain(axes)
    return figure


def numbers(*axes: Axis) -> None:
    """Write the numbers of axes out, as 50,000, and so few that they stand apart."""

    def write(number: float, _, axis: Axis) -> str:
        low, high = axis.get_view_interval()
        number = 0.0 if abs(number) < 1e-6 * abs(high - low) else number
        # A year keeps its digits together.
        text = f"{number:,.9g}" if abs(number) >= 10_000 else f"{number:.9g}"
        return text.replace("-", "\N{MINUS SIGN}")

    for axis in axes:
        axis.set_major_formatter(FuncFormatter(partial(write, axis=axis)))
        most = MOST_STEPS[axis.axis_name]
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))


def dates(axis: Axis) -> None:
    """Write the days since 1970-01-01 of an axis as dates."""
    locator = AutoDateLocator(minticks=3, maxticks=MOST_STEPS["x"])
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator))


def plain(axes) -> None:
    """Take the box away from a plot and lay a light grid under it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(alpha=0.25)
