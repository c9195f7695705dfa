"""Which rows of a table are for training, which for validation, and which for test."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from kerazoo.harness.errors import DataError
from kerazoo.harness.wording import places, shown, unknown

if TYPE_CHECKING:
    import pandas

    from kerazoo.harness.tables.reading import Table

SPLITS = ("train", "validation", "test")
NUM_STRATA = 10  # parts of the target's range that every split has its share of
How = Literal["random", "stratified", "group", "time"]


def split_rows(
    table: "Table",
    *,
    how: How = "random",
    column: str = "",
    validation_share: float = 0.15,
    test_share: float = 0.15,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Return the sorted positions of the rows of train, validation and test.

    Args:
        table: what `read_table` returned.
        how: `random`; `stratified`: every split has its share of low and of high
            targets; `group`: rows with the same value of `column` stay together;
            `time`: the oldest rows are for training, the newest for test, and those of
            one moment stay together.
        column: of the groups, or of the time; it may be one that was excluded.
        validation_share: of the rows, or of the groups where there are groups.
        test_share: the same for test.
        seed: of all but `time`.

    Raises:
        DataError: a split would be empty, or the column cannot be used.
    """
    shares = (validation_share, test_share)
    if min(shares) <= 0 or sum(shares) >= 1:
        raise DataError(
            "--data.validation_share and --data.test_share must be above 0 and "
            f"together below 1, not {validation_share:g} and {test_share:g}."
        )
    num_rows = len(table.targets)
    if how == "random":
        parts = _dealt(np.random.default_rng(seed).permutation(num_rows), shares)
    elif how == "stratified":
        parts = _stratified(table.targets, shares, seed)
    elif how == "group":
        parts = _grouped(_column(table, column, how), shares, seed)
    else:
        parts = _dealt(_moments(_column(table, column, how)), shares)
    splits = {name: np.flatnonzero(parts == i) for i, name in enumerate(SPLITS)}
    empty = [name for name, rows in splits.items() if not len(rows)]
    if empty:
        raise DataError(
            f"--data.split {how} leaves no rows for {' and '.join(empty)}: of "
            f"{num_rows:,} rows, {validation_share:g} are for validation and "
            f"{test_share:g} for test. Give larger shares, or more rows or groups."
        )
    return splits


def mixed(rows: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Put the validation rows in random order: exports are verified on the first ones.

    A file may be sorted, and its first rows would be all of one kind.
    """
    order = np.random.default_rng(seed).permutation(rows["validation"])
    return {**rows, "validation": order}


def _dealt(order: np.ndarray, shares: tuple[float, float]) -> np.ndarray:
    """Return each row's split, the first in order for training, the last for test.

    Args:
        order: (rows,) places; rows with equal ones stay together.
        shares: of validation and test.
    """
    _, codes, counts = np.unique(order, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(order)
    validation, test = shares
    return np.digitize(middle, [1 - validation - test, 1 - test])[codes]


def _stratified(y: np.ndarray, shares: tuple[float, float], seed: int) -> np.ndarray:
    from sklearn.model_selection import train_test_split

    parts = np.zeros(len(y), int)
    rest = np.arange(len(y))
    # Ranks, unlike quantiles, make strata of one size where targets repeat.
    rank = np.argsort(np.argsort(y, kind="stable"))
    for part, share in ((2, shares[1]), (1, shares[0])):
        count = round(share * len(y))
        num_strata = min(NUM_STRATA, count, len(rest) - count)
        if num_strata < 1:
            break
        places_of = np.argsort(np.argsort(rank[rest]))
        strata = places_of * num_strata // len(rest)
        rest, taken = train_test_split(
            rest, test_size=count, stratify=strata, random_state=seed
        )
        parts[taken] = part
    return parts


def _grouped(
    groups: "pandas.Series", shares: tuple[float, float], seed: int
) -> np.ndarray:
    import pandas as pd
    from sklearn.model_selection import GroupShuffleSplit

    codes, names = pd.factorize(groups)
    parts = np.zeros(len(codes), int)
    if len(names) < len(SPLITS):
        raise DataError(
            f"Column {shown(groups.name)} has {len(names)} groups; three splits need "
            "at least 3."
        )
    rest = np.arange(len(codes))
    # The second share is of what the first one left.
    for part, share in ((2, shares[1]), (1, shares[0] / (1 - shares[1]))):
        split = GroupShuffleSplit(1, test_size=share, random_state=seed)
        kept, taken = next(split.split(rest, groups=codes[rest]))
        parts[rest[taken]] = part
        rest = rest[kept]
    return parts


def _column(table: "Table", name: str, how: How) -> "pandas.Series":
    for frame in (table.frame, table.excluded):
        if name and name in frame:
            values = frame[name]
            missing = values.isna() | (values == "")
            if missing.any():
                raise DataError(
                    f"Column {shown(name)} has no value in "
                    f"{places(values.index[missing])}; --data.split {how} needs all."
                )
            return values
    known = [*table.frame.columns, *table.excluded.columns]
    reason = unknown(name, known) if name else "it names no column."
    raise DataError(f"--data.split_column, for --data.split {how}: {reason}")


def _moments(values: "pandas.Series") -> np.ndarray:
    from kerazoo.harness.tables.kinds import type_column

    if values.dtype.kind not in "fM":  # an excluded column has no kind yet
        values, kind = type_column(values)
        if kind not in ("number", "date") or values.isna().any():
            raise DataError(
                f"Column {shown(values.name)} holds neither dates nor numbers only; "
                "--data.split time needs either."
            )
    return values.to_numpy()
