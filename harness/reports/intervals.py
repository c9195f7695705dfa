"""Figures that show whether a regression model's intervals hold what they promise."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kerazoo.harness.reports.common import BLUE, GREY, numbers, plain
from kerazoo.harness.tables.tabular import INTERVAL, NORMAL_95
from kerazoo.harness.tables.target import scale_target

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # of intervals


def widths(targets: np.ndarray, outputs: np.ndarray) -> Figure:
    """Draw how often intervals hold the target, by their width."""
    low, high = outputs[:, 1], outputs[:, 2]
    inside = (low <= targets) & (targets <= high)
    groups = np.array_split(np.argsort(high - low, kind="stable"), 10)
    groups = [group for group in groups if len(group)]
    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axes = figure.subplots()
    means = [(high - low)[g].mean() for g in groups]
    axes.plot(means, [inside[g].mean() for g in groups], BLUE, marker="o")
    axes.axhline(INTERVAL, color=GREY, ls="--", lw=1)
    axes.set(xlabel="width of the interval", ylabel="share of targets inside")
    axes.set(title=f"Coverage: {inside.mean():.1%}, should be {INTERVAL:.0%}")
    axes.set_ylim(0, 1.02)
    numbers(axes.xaxis)
    plain(axes)
    return figure


def calibration(
    targets: np.ndarray, outputs: np.ndarray, head: str, target: dict[str, Any]
) -> Figure:
    """Draw the shares of targets in intervals or below quantiles against the promised.

    Kuleshov et al. 2018, arXiv:1807.00263. A predicted variance promises intervals of
    every level; of quantiles there are those that were trained.

    Args:
        targets: (samples,).
        outputs: (samples, 3), the prediction and the bounds of an interval.
        head: `"mean_variance"` or `"quantiles"`.
        target: of the encoding: how targets are scaled.
    """
    if head == "mean_variance":
        promised = np.array(LEVELS)
        z = standard_errors(targets, outputs, target)
        found, what = coverages(z, promised), "inside the interval"
    else:
        promised = np.array([(1 - INTERVAL) / 2, 0.5, (1 + INTERVAL) / 2])
        low, high = outputs[:, 1], outputs[:, 2]
        below = [targets <= bound for bound in (low, outputs[:, 0], high)]
        found, what = np.mean(below, axis=1), "below the quantile"
    places = np.linspace(0, 1, 101)
    chance = 1.96 * np.sqrt(places * (1 - places) / len(targets))
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    band = axes.fill_between(places, places - chance, places + chance)
    band.set(color=GREY, alpha=0.2, lw=0, label="chance alone, 95 %")
    axes.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1)
    axes.plot(promised, found, BLUE, marker="o", label="this model")
    axes.set(xlabel="promised", ylabel=f"share of targets {what}")
    axes.set(title="Calibration, test split", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, loc="upper left")
    plain(axes)
    return figure


def standard_errors(
    targets: np.ndarray, outputs: np.ndarray, target: dict[str, Any]
) -> np.ndarray:
    """Return how many predicted standard deviations targets lie from predicted means.

    Args:
        targets: (samples,).
        outputs: (samples, 3), a mean and the bounds of a normal interval, decoded.
        target: of the encoding: how targets are scaled, where errors are normal.
    """
    mean, low, high = (scale_target(column, target) for column in outputs.T)
    deviation = (high - low) / (2 * NORMAL_95)
    return (scale_target(targets, target) - mean) / np.maximum(deviation, 1e-30)


def coverages(z: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the share of targets inside the central interval of each level.

    Args:
        z: (samples,), from `standard_errors`.
        levels: (levels,).

    >>> coverages(np.array([-0.1, 0.2, 1.0, 3.0]), np.array([0.5, 0.9]))
    array([0.5 , 0.75])
    """
    from scipy.stats import norm

    return np.mean(np.abs(z)[:, None] <= norm.ppf((1 + levels) / 2), axis=0)
