"""Plots and tables that a person looks at to judge a regression model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from kerazoo.harness.data import Data, collect
from kerazoo.harness.errors import DataError
from kerazoo.harness.export.exam import RMSE, Metric
from kerazoo.harness.export.export import answers
from kerazoo.harness.reports import intervals
from kerazoo.harness.reports.common import (
    BLUE,
    GREY,
    ORANGE,
    Report,
    dates,
    numbers,
    plain,
)
from kerazoo.harness.tables import baselines
from kerazoo.harness.tables.tabular import INTERVAL
from kerazoo.harness.wording import as_score, shown

if TYPE_CHECKING:
    import keras

NUM_EXPLAINED = 1000  # test rows with which the importance of columns is measured
NUM_TOP = 4  # columns that are drawn
LONGEST = 24  # letters of a name beside a plot

Columns = dict[str, np.ndarray]  # by input, (samples,)


def evaluate(model: "keras.Model", data: Data) -> Report:
    """Measure a model on the test split, beside plain baselines.

    Args:
        model: takes columns by name, and answers in the target's unit: (batch, 1), or
            (batch, 3) with the lower and the upper bound of an interval behind it.
        data: `test`, `features`, `target` and the encoding are used.
    """
    inputs, targets = collect(data.test)
    outputs = answers(model, inputs)
    scores = measure(targets, outputs)
    rivals = {
        name: measure(targets, predicted[:, None])
        for name, predicted in baselines.predictions(data.features).items()
    }
    # exp of a logarithm far out; the scores tell it, and a plot has no place for it.
    finite = np.isfinite(outputs).all(axis=1)
    if lost := int((~finite).sum()):
        print(f"note   {lost:,} of {len(finite):,} predictions are infinite, not drawn")
    if not finite.any():
        raise DataError("No prediction on the test split is a finite number.")
    inputs = {name: values[finite] for name, values in inputs.items()}
    targets, outputs = targets[finite], outputs[finite]
    importance = permutation_importance(model, inputs, targets)
    known = {column["input"]: column for column in data.metadata["encoding"]["columns"]}
    top = [known[name] for name in list(importance)[:NUM_TOP]]
    own_names = [known[name]["name"] for name in importance]
    figures = {
        "predicted_and_actual": predicted_and_actual(targets, outputs[:, 0]),
        "residuals": residuals(targets, outputs[:, 0]),
        "residuals_by_column": residuals_by_column(inputs, top, targets, outputs[:, 0]),
        "error_by_decile": error_by_decile(targets, outputs[:, 0]),
        "importance": importance_bars(own_names, list(importance.values())),
        "partial_dependence": partial_dependence(model, inputs, top, data.target),
    }
    if outputs.shape[1] == 3:
        figures["intervals"] = intervals.widths(targets, outputs)
        figures["calibration"] = intervals.calibration(
            targets, outputs, data.metadata["head"], data.metadata["encoding"]["target"]
        )
    table = {"model": ["this model", *rivals]}
    for name in rivals["mean"]:
        table[name] = [round(s[name], 4) for s in (scores, *rivals.values())]
    ranked = {
        "column": own_names,
        "rise of the RMSE": [round(v, 4) for v in importance.values()],
    }
    measured = {
        f"{rival}_{name}": found[name]
        for rival, found in rivals.items()
        for name in found
    }
    return Report(
        summary(scores, rivals),
        scores | measured,
        figures,
        {"baselines": table, "importance": ranked},
        "  ".join(f"{k}_rmse {as_score(v['rmse'])}" for k, v in rivals.items()),
    )


def summary(scores: dict[str, float], rivals: dict[str, dict[str, float]]) -> str:
    """Say in a line whether the network earns its keep, and its intervals theirs."""
    rmse = scores["rmse"]
    best = min(rivals, key=lambda name: rivals[name]["rmse"])
    others = ", ".join(
        f"{k.replace('_', ' ')} {as_score(v['rmse'], '.4g')}" for k, v in rivals.items()
    )
    better = rmse < rivals[best]["rmse"]
    verdict = "better than" if better else "**not** better than"
    held = ""
    if "coverage" in scores:
        held = f"; intervals of {INTERVAL:.0%} hold {scores['coverage']:.1%} of targets"
    return (
        f"**{as_score(rmse, '.4g')} test RMSE**, {verdict} the best baseline "
        f"({best.replace('_', ' ')}); {others}" + held
    )


def metric(data: Data) -> Metric:
    """Return the score that exports may not worsen: the error of the prediction."""
    del data
    return RMSE


def headline(data: Data) -> tuple[str, ...]:
    """Return the scores to name first."""
    del data
    return ("rmse", "mae", "r2")


def score(model: "keras.Model", data: Data) -> dict[str, float]:
    """Measure a model that takes raw columns on the test split."""
    inputs, targets = collect(data.test)
    return measure(targets, answers(model, inputs))


def measure(targets: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """Measure predictions, all but `r2`, `mape` and shares in the target's unit.

    Args:
        targets: (samples,).
        outputs: (samples, 1), or (samples, 3) with bounds.

    Returns:
        `rmse`, `mae`, `median_error` (absolute), `bias` (prediction - target), `r2`,
        `mape` (a share of the target, over targets that are not 0); with bounds also
        `coverage`, the share of targets between them, and `interval_width`, the mean.
    """
    residual = outputs[:, 0].astype("float64") - targets
    spread = np.sum((targets - targets.mean()) ** 2)
    nonzero = targets != 0
    scores = {
        "rmse": np.sqrt(np.mean(residual**2)),
        "mae": np.mean(np.abs(residual)),
        "median_error": np.median(np.abs(residual)),
        "bias": residual.mean(),
        "r2": 1 - np.sum(residual**2) / spread if spread else 0.0,
    }
    if nonzero.any():
        scores["mape"] = np.mean(np.abs(residual[nonzero] / targets[nonzero]))
    if outputs.shape[1] == 3:
        low, high = outputs[:, 1], outputs[:, 2]
        scores["coverage"] = np.mean((low <= targets) & (targets <= high))
        scores["interval_width"] = np.mean(high - low)
    return {name: float(value) for name, value in scores.items()}


def permutation_importance(
    model: "keras.Model", inputs: Columns, targets: np.ndarray, seed: int = 0
) -> dict[str, float]:
    """Return how far the RMSE rises where a column is shuffled, the most first.

    Breiman 2001, doi:10.1023/A:1010933404324.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(targets))[:NUM_EXPLAINED]
    rows = {name: values[chosen] for name, values in inputs.items()}
    order = rng.permutation(len(chosen))

    def rmse(changed: Columns) -> float:
        return RMSE.measure(targets[chosen], answers(model, changed))

    whole = rmse(rows)
    rises = {name: rmse(rows | {name: rows[name][order]}) - whole for name in rows}
    return dict(sorted(rises.items(), key=lambda item: -item[1]))


def predicted_and_actual(targets: np.ndarray, predicted: np.ndarray) -> Figure:
    """Draw predictions against targets: on the diagonal they are right."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    _points(axes, targets, predicted)
    ends = [min(targets.min(), predicted.min()), max(targets.max(), predicted.max())]
    axes.plot(ends, ends, color=GREY, ls="--", lw=1)
    axes.set(xlabel="actual", ylabel="predicted", title="Predictions, test split")
    numbers(axes.xaxis, axes.yaxis)
    return figure


def residuals(targets: np.ndarray, predicted: np.ndarray) -> Figure:
    """Draw residuals against predictions, how they spread, and their normal Q-Q."""
    from scipy.stats import norm

    residual = targets - predicted
    figure = Figure(figsize=(13.5, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _points(left, predicted, residual)
    left.axhline(0, color=GREY, ls="--", lw=1)
    left.set(xlabel="predicted", ylabel="actual - predicted", title="Residuals")
    middle.hist(residual, bins="auto", color=BLUE)
    middle.set(xlabel="actual - predicted", ylabel="rows", title="How they spread")
    plain(middle)
    ranks = (np.arange(len(residual)) + 0.5) / len(residual)
    expected = norm.ppf(ranks) * residual.std() + residual.mean()
    _points(right, expected, np.sort(residual))
    right.plot(expected[[0, -1]], expected[[0, -1]], color=GREY, ls="--", lw=1)
    right.set(xlabel="if they were normal", ylabel="residual", title="Normal Q-Q")
    for axes in (left, middle, right):
        numbers(axes.xaxis, axes.yaxis)
    return figure


def residuals_by_column(
    inputs: Columns,
    columns: list[dict[str, Any]],
    targets: np.ndarray,
    predicted: np.ndarray,
) -> Figure:
    """Draw residuals against the columns that matter most, as the encoding has them."""
    residual = targets - predicted
    figure, grid = _row_of_plots(len(columns), "Residuals by column, test split")
    for axes, column in zip(grid, columns, strict=True):
        values = inputs[column["input"]]
        kinds = None if values.dtype.kind == "f" else _commonest(values)
        if kinds is None:
            _points(axes, values, residual)
        else:
            axes.boxplot(
                [residual[values == kind] for kind in kinds],
                positions=range(len(kinds)),
                showfliers=False,
            )
            plain(axes)
        axes.axhline(0, color=GREY, ls="--", lw=1)
        _name(axes, column, kinds)
    grid[0].set_ylabel("actual - predicted")
    return figure


def error_by_decile(targets: np.ndarray, predicted: np.ndarray) -> Figure:
    """Draw error and bias where targets are small, and where they are large."""
    groups = np.array_split(np.argsort(targets, kind="stable"), 10)
    groups = [group for group in groups if len(group)]
    residual = predicted - targets
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    places = range(1, len(groups) + 1)
    axes.bar(places, [np.abs(residual[g]).mean() for g in groups], color=BLUE)
    bias = [residual[g].mean() for g in groups]
    axes.plot(places, bias, color=ORANGE, marker="o", label="bias")
    axes.axhline(0, color=GREY, lw=1)
    tops = [targets[g].max() for g in groups]
    ends = [f"{top:,.0f}" if abs(top) >= 1000 else f"{top:.4g}" for top in tops]
    axes.set_xticks(places, ends, rotation=45, ha="right")
    axes.set(xlabel="tenth of the targets, up to", ylabel="mean absolute error")
    axes.set_title("Error by size of the target, test split")
    numbers(axes.yaxis)
    axes.legend(frameon=False)
    plain(axes)
    return figure


def importance_bars(names: list[str], rises: list[float]) -> Figure:
    """Draw how far the RMSE rises where a column is shuffled, the first on top."""
    names, rises = names[:20], rises[:20]
    figure = Figure(figsize=(6, 0.3 * len(names) + 1.2), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(names)), rises, color=BLUE)
    axes.set_yticks(range(len(names)), [shown(name, LONGEST) for name in names])
    axes.invert_yaxis()
    axes.set(xlabel="rise of the RMSE", title="Importance: a column is shuffled")
    numbers(axes.xaxis)
    plain(axes)
    return figure


def partial_dependence(
    model: "keras.Model", inputs: Columns, columns: list[dict[str, Any]], target: str
) -> Figure:
    """Draw the mean prediction while one column takes each of its values.

    Friedman 2001, doi:10.1214/aos/1013203451.
    """
    rows = {name: values[:200] for name, values in inputs.items()}
    figure, grid = _row_of_plots(len(columns), "Partial dependence")
    for axes, column in zip(grid, columns, strict=True):
        name = column["input"]
        values = inputs[name]
        is_number = values.dtype.kind == "f"
        if is_number:
            places = np.unique(np.nanquantile(values, np.linspace(0.02, 0.98, 15)))
        else:
            places = np.array(_commonest(values), dtype=object)
        means = [
            answers(model, rows | {name: np.full(len(rows[name]), place)})[:, 0].mean()
            for place in places
        ]
        if is_number:
            axes.plot(places, means, BLUE, marker="o", ms=3)
        else:
            axes.bar(range(len(places)), means, color=BLUE)
        _name(axes, column, None if is_number else places)
        plain(axes)
    grid[0].set_ylabel(f"mean {shown(target, LONGEST)}")
    return figure


def _points(axes, x: np.ndarray, y: np.ndarray) -> None:
    size, alpha = (20, 0.6) if len(x) < 500 else (6, 0.35)
    axes.scatter(x, y, s=size, alpha=alpha, lw=0, color=BLUE, rasterized=True)
    plain(axes)


def _name(axes, column: dict[str, Any], kinds: Sequence[str] | None) -> None:
    """Write a column's own name and values below a plot; kinds are of a category."""
    axes.set(xlabel=shown(column["name"], LONGEST))
    numbers(axes.yaxis)
    if kinds is not None:
        labels = [shown(kind, LONGEST) if kind else "(missing)" for kind in kinds]
        axes.set_xticks(range(len(kinds)), labels, rotation=45, ha="right")
    elif column["kind"] == "date":
        dates(axes.xaxis)
    else:
        numbers(axes.xaxis)


def _row_of_plots(count: int, title: str):
    figure = Figure(figsize=(3.6 * count, 3.6), layout="constrained")
    figure.suptitle(title)
    return figure, figure.subplots(1, count, sharey=True, squeeze=False)[0]


def _commonest(values: np.ndarray, most: int = 8) -> list[str]:
    kinds, counts = np.unique(values.astype(str), return_counts=True)
    return kinds[np.argsort(-counts, kind="stable")][:most].tolist()
