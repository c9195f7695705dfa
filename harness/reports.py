"""Plots and tables that a person looks at to judge a run, whatever its task."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from matplotlib.figure import Figure


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
    return importlib.import_module(f"kerazoo.harness.reports_{task}")


BLUE, ORANGE, GREY = "#2a6fbb", "#e07b39", "#8a8f98"


def learning_curves(history: Sequence[dict[str, float]], best_epoch: int) -> Figure:
    """Draw every score that was measured on both splits, and the learning rate.

    Args:
        history: one dictionary of scores per epoch.
        best_epoch: the epoch whose weights were kept, from 1.
    """
    names = [name for name in history[0] if f"val_{name}" in history[0]]
    figure = Figure(figsize=(4.5 * (len(names) + 1), 3.4), layout="constrained")
    epochs = range(1, len(history) + 1)
    marker = "o" if len(history) < 30 else None
    for axes, name in zip(
        np.atleast_1d(figure.subplots(1, len(names) + 1)),
        [*names, "learning_rate"],
        strict=True,
    ):
        axes.plot(
            epochs, [h[name] for h in history], BLUE, marker=marker, ms=3, label="train"
        )
        if name != "learning_rate":
            validation = [h[f"val_{name}"] for h in history]
            axes.plot(
                epochs, validation, ORANGE, marker=marker, ms=3, label="validation"
            )
            axes.axvline(best_epoch, color=GREY, lw=1, ls="--", label="best epoch")
            axes.legend(frameon=False)
        axes.set(xlabel="epoch", title=name.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        plain(axes)
    return figure


def plain(axes) -> None:
    """Take the box away from a plot and lay a light grid under it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
