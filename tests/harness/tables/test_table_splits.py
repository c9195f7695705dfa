"""Splits cover every row once and keep their promise."""

import re

import numpy as np
import pandas as pd
import pytest

from kerazoo.harness import DataError
from kerazoo.harness.tables.reading import read_table
from kerazoo.harness.tables.splits import split_rows

RNG = np.random.default_rng(0)
NUM_ROWS = 400


@pytest.fixture(scope="module")
def table():
    """A table sorted by its target, with groups and moments that repeat."""
    days = RNG.integers(0, 90, NUM_ROWS)
    return read_table(
        pd.DataFrame(
            {
                "size": RNG.normal(size=NUM_ROWS),
                "sold": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"),
                "town": [f"town {i}" for i in RNG.integers(0, 40, NUM_ROWS)],
                "owner": [f"owner {i // 2}" for i in range(NUM_ROWS)],
                "day": [f"2024-0{1 + i // 28}-{1 + i % 28:02}" for i in days],
                "gaps": [None, *range(NUM_ROWS - 1)],
                "price": np.sort(RNG.lognormal(size=NUM_ROWS)).round(1),
            }
        ),
        "price",
        exclude=("owner", "day"),
    )


WAYS = [
    ("random", ""),
    ("stratified", ""),
    ("group", "town"),
    ("group", "owner"),
    ("time", "sold"),
    ("time", "day"),
    ("time", "size"),
]


@pytest.mark.parametrize(("how", "column"), WAYS)
@pytest.mark.parametrize("shares", [(0.15, 0.15), (0.3, 0.1), (0.05, 0.5)])
def test_every_row_lies_in_one_split(how, column, shares, table):
    def split(seed):
        return split_rows(
            table,
            how=how,
            column=column,
            validation_share=shares[0],
            test_share=shares[1],
            seed=seed,
        )

    splits = split(0)
    assert list(splits) == ["train", "validation", "test"]
    whole = np.concatenate(list(splits.values()))
    assert np.array_equal(np.sort(whole), np.arange(NUM_ROWS))
    assert all((np.diff(rows) > 0).all() for rows in splits.values())
    slack = 0.06 if how in ("group", "time") else 0.005
    for name, share in zip(("validation", "test"), shares, strict=True):
        assert len(splits[name]) / NUM_ROWS == pytest.approx(share, abs=slack)
    again, other = split(0), split(1)
    assert all(np.array_equal(splits[name], again[name]) for name in splits)
    same = all(np.array_equal(splits[name], other[name]) for name in splits)
    assert same == (how == "time")


def test_stratified_splits_have_alike_targets(table):
    for seed in range(5):
        splits = split_rows(table, how="stratified", seed=seed)
        for rows in splits.values():
            for quantile in (0.25, 0.5, 0.75):
                share = (
                    table.targets[rows] < np.quantile(table.targets, quantile)
                ).mean()
                whole = (table.targets < np.quantile(table.targets, quantile)).mean()
                assert share == pytest.approx(whole, abs=0.06)


def test_stratified_takes_targets_that_repeat():
    frame = pd.DataFrame({"x": RNG.normal(size=100), "y": [0] * 90 + [1] * 10})
    splits = split_rows(read_table(frame, "y"), how="stratified", test_share=0.2)
    assert (frame["y"][splits["test"]] == 1).sum() == 2


@pytest.mark.parametrize("column", ["town", "owner"])
def test_no_group_lies_in_two_splits(column, table):
    groups = table.frame.get(column, table.excluded.get(column)).to_numpy()
    for seed in range(5):
        splits = split_rows(table, how="group", column=column, seed=seed)
        sets = [set(groups[rows]) for rows in splits.values()]
        assert sum(map(len, sets)) == len(set(groups)) == len(set.union(*sets))


@pytest.mark.parametrize("column", ["sold", "day"])
def test_time_goes_from_train_to_test(column, table):
    moments = table.frame.get(column, table.excluded.get(column)).to_numpy()
    train, validation, test = (
        moments[rows] for rows in split_rows(table, how="time", column=column).values()
    )
    # Strictly: one day is never in two splits.
    assert max(train) < min(validation) <= max(validation) < min(test)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"test_share": 0},
            "--data.validation_share and --data.test_share must be above",
        ),
        (
            {"test_share": 0.9},
            "--data.validation_share and --data.test_share must be ab",
        ),
        (
            {"test_share": 0.001},
            "--data.split random leaves no rows for test: of 400 rows, 0.15 are for "
            "validation and 0.001 for test. Give larger shares, or more rows or g",
        ),
        (
            {"how": "stratified", "test_share": 1e-3},
            "--data.split stratified leaves no",
        ),
        ({"how": "group"}, "--data.split_column, for --data.split group: it names no"),
        (
            {"how": "time", "column": "solt"},
            "--data.split_column, for --data.split time: 'solt' is not known. Did you "
            "mean 'sold'?",
        ),
        (
            {"how": "time", "column": "gaps"},
            "Column gaps has no value in row 0 (counted from 0); --data.split time ne",
        ),
        (
            {"how": "time", "column": "town"},
            "Column town holds neither dates nor numbers",
        ),
    ],
)
def test_a_split_that_cannot_be_is_refused(options, message, table):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        split_rows(table, **options)
    assert len(str(caught.value).splitlines()) == 1


def test_two_groups_are_too_few():
    frame = pd.DataFrame({"g": ["a", "b"] * 10, "y": range(20)})
    with pytest.raises(DataError, match="Column g has 2 groups; three splits need"):
        split_rows(read_table(frame, "y"), how="group", column="g")


@pytest.mark.parametrize("num_groups", [3, 4, 10])
def test_few_groups_fill_three_splits(num_groups):
    frame = pd.DataFrame(
        {"g": [f"g{i % num_groups}" for i in range(50)], "y": range(50)}
    )
    splits = split_rows(read_table(frame, "y"), how="group", column="g")
    assert all(len(rows) for rows in splits.values())
