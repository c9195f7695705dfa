"""Values far out: where the bounds lie, what becomes of them, and what was touched.

Bounds are read off training rows. Numbers beyond theirs are drawn in, in training and
for ever after: the bounds are part of an encoding. Targets are drawn in, or their rows
left out, in the training split only: a score is measured on what there is.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerazoo.harness.tables.kinds import LARGEST
from kerazoo.harness.wording import places, shown

if TYPE_CHECKING:
    import pandas

    from kerazoo.harness.tables.reading import Table


def bounds(
    values: np.ndarray, winsorise: float = 0.0, iqr: float = 0.0
) -> tuple[float, float]:
    """Return how far out numbers may lie; without a rule it is the end of float32.

    Args:
        values: (rows,) numbers of the training rows; NaN is left out.
        winsorise: share of the values at either end that lies beyond the bounds, in
            [0, 0.5).
        iqr: interquartile ranges from the quartiles to the bounds; Tukey 1977,
            Exploratory Data Analysis, calls 1.5 outside and 3 far out.

    >>> bounds(np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan]), iqr=1.5)
    (-1.0, 7.0)
    """
    known = values[~np.isnan(values)].astype("float64")
    if not len(known) or not (winsorise or iqr):
        return -LARGEST, LARGEST
    share = winsorise or 0.25
    low, high = np.quantile(known, [share, 1 - share])
    # Most values are the same one: bounds would make it the only one.
    if low == high:
        return -LARGEST, LARGEST
    reach = 0.0 if winsorise else iqr * (high - low)
    return float(low - reach), float(high + reach)


def treat_target(
    table: "Table",
    rows: np.ndarray,
    *,
    winsorise: float = 0.0,
    clip_iqr: float = 0.0,
    drop_iqr: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw in the targets of training rows, or leave rows out, by one rule at most.

    Args:
        table: what `read_table` returned.
        rows: positions of the training rows.
        winsorise: share of the targets at either end that is drawn in.
        clip_iqr: interquartile ranges beyond the quartiles from which they are.
        drop_iqr: the same, from which the row is left out.

    Returns:
        The training rows that stay, the targets of all rows, and notes for the user.
    """
    values = table.targets[rows]
    low, high = bounds(values, winsorise, clip_iqr or drop_iqr)
    far = (values < low) | (values > high)
    if not far.any():
        return rows, table.targets, []
    where = places(table.frame.index[rows[far]])
    note = f"target {shown(table.target)}: {_count(far, low, high)}"
    if drop_iqr:
        return rows[~far], table.targets, [f"{note}; their rows were left out: {where}"]
    targets = table.targets.copy()
    targets[rows] = np.clip(values, low, high)
    return rows, targets, [f"{note} and are drawn in: {where}"]


def drawn_in(frame: "pandas.DataFrame", encoding: dict[str, Any]) -> list[str]:
    """Say of every number how many training values are drawn in, and of which rows.

    Args:
        frame: the training rows.
        encoding: that was fitted on them.
    """
    notes = []
    for column in encoding["columns"]:
        if column["kind"] != "number":
            continue
        low, high = column["low"], column["high"]
        values = frame[column["name"]].to_numpy("float32")  # as the bounds were read
        far = (values < low) | (values > high)
        if far.any():
            note = f"column {shown(column['name'])}: {_count(far, low, high)}"
            notes.append(f"{note} and are drawn in: {places(frame.index[far])}")
    return notes


def _count(far: np.ndarray, low: float, high: float) -> str:
    return f"{far.sum():,} training values lie outside {low:,.6g} to {high:,.6g}"
