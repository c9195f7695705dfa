"""Bounds are Tukey's and Winsor's; what lies beyond is counted, named and treated."""

import numpy as np
import pandas as pd
import pytest

from kerazoo.harness.tables import tabular
from kerazoo.harness.tables.outliers import LARGEST, bounds, drawn_in, treat_target
from kerazoo.harness.tables.reading import read_table

TRAIN = np.arange(27)


def table():
    values = np.tile(np.arange(9.0), 4)
    frame = pd.DataFrame({"x": values, "z": values[::-1], "y": values[::-1]})
    frame.loc[4, "x"], frame.loc[[7, 35], "z"] = 100, [-50, 1e6]
    frame.loc[[3, 25, 30], "y"] = [90, -1e6, 1e6]  # row 30 is no training row
    return read_table(frame, "y")


def test_bounds_by_hand():
    # Quartiles of 0 to 8 are 2 and 6.
    assert bounds(np.arange(9.0), iqr=1.5) == (-4, 12)
    assert bounds(np.array([*range(9), np.nan]), iqr=3) == (-10, 18)
    assert bounds(np.arange(101.0), winsorise=0.1) == (10, 90)
    assert bounds(np.arange(9.0)) == (-LARGEST, LARGEST)


@pytest.mark.parametrize("rule", [{"iqr": 1.5}, {"winsorise": 0.05}])
@pytest.mark.parametrize("values", [[np.nan] * 9, [0.0] * 98 + [1.0, 2.0]])
def test_a_rule_that_leaves_one_value_is_no_rule(rule, values):
    assert bounds(np.array(values), **rule) == (-LARGEST, LARGEST)


@pytest.mark.parametrize(
    ("rule", "note"),
    [
        (
            {"clip_iqr": 1.5},
            "target y: 2 training values lie outside -4.75 to 13.25 and are drawn in: "
            "rows 3, 25 (counted from 0)",
        ),
        (
            {"winsorise": 0.04},
            "target y: 2 training values lie outside 0 to 8 and are drawn in: "
            "rows 3, 25 (counted from 0)",
        ),
        (
            {"drop_iqr": 1.5},
            "target y: 2 training values lie outside -4.75 to 13.25; their rows were "
            "left out: rows 3, 25 (counted from 0)",
        ),
    ],
)
def test_targets_of_training_rows_are_treated(rule, note):
    one = table()
    rows, targets, notes = treat_target(one, TRAIN, **rule)
    assert notes == [note]
    others = np.setdiff1d(np.arange(36), [3, 25])
    assert targets[others].tolist() == one.targets[others].tolist()
    if "drop_iqr" in rule:
        assert rows.tolist() == np.setdiff1d(TRAIN, [3, 25]).tolist()
    else:
        low, high = (0, 8) if "winsorise" in rule else (-4.75, 13.25)
        assert rows is TRAIN and targets[[3, 25]].tolist() == [high, low]


def test_without_a_rule_nothing_is_touched():
    one = table()
    rows, targets, notes = treat_target(one, TRAIN)
    assert rows is TRAIN and targets is one.targets and notes == []


def test_numbers_drawn_in_are_listed_by_column():
    one = table()
    encoding = tabular.fit_encoding(one, TRAIN, "standardise", clip_iqr=1.5)
    assert drawn_in(one.frame.iloc[TRAIN], encoding) == [
        "column x: 1 training values lie outside -4.75 to 13.25 and are drawn in: "
        "row 4 (counted from 0)",
        "column z: 1 training values lie outside -4 to 12 and are drawn in: "
        "row 7 (counted from 0)",
    ]
    encoding = tabular.fit_encoding(one, TRAIN, "standardise")
    assert drawn_in(one.frame.iloc[TRAIN], encoding) == []
