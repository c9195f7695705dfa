"""Tables: read, typed, checked and split, before anything is trained.

A table is held in memory, and while it is read about twice; `stream` reads what
does not fit there.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerazoo.harness.errors import DataError
from kerazoo.harness.tables.files import read_frame
from kerazoo.harness.tables.kinds import (
    Column,
    Kind,
    as_spelt,
    describe_column,
    type_column,
)
from kerazoo.harness.wording import MOST_NAMED, listed, places, shown, unknown

if TYPE_CHECKING:
    import pandas

    from kerazoo.harness.tables.tabular import Encoding

FEWEST_ROWS = 10
MOST_MISSING = 0.05  # share of rows without a target that are dropped with a note


@dataclass(frozen=True)
class Table:
    """A table that can be trained on.

    Shapes:
        targets: (rows,) float64, all finite, in the target's own unit.
    """

    name: str  # such as "diamonds"
    target: str  # the column to predict
    columns: tuple[Column, ...]  # the features, in their order
    # By kind: number float64 with NaN; category and boolean texts with None; date
    # datetime64[ns] with NaT. The index is the line of the file, or the row.
    frame: "pandas.DataFrame"
    targets: np.ndarray
    notes: list[str]  # what the user should know
    excluded: "pandas.DataFrame"  # as they were read; a split may go by one of them

    def report(self) -> str:
        """Return a table of the columns, as text."""
        num_rows = len(self.targets)
        low, high = self.targets.min(), self.targets.max()
        rows = [("column", "kind", "missing", "values", "examples")]
        for column in self.columns:
            values = f"{column.num_distinct:,} different"
            if column.low:
                values = f"{column.low} to {column.high}"
            missing = f"{column.num_missing / num_rows:.1%}"
            examples = ", ".join(column.examples)
            rows.append(
                (shown(column.name, 30), column.kind, missing, values, examples)
            )
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        lines = [
            f"{shown(self.name)}: {num_rows:,} rows, {len(self.columns)} features; "
            f"target {shown(self.target)} {low:,.6g} to {high:,.6g}"
        ]
        for row in rows:
            cells = [f"{c:<{w}}" for c, w in zip(row, widths, strict=True)]
            cells[2] = f"{row[2]:>{widths[2]}}"
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)


def read_table(
    source: "str | os.PathLike | pandas.DataFrame | Any",
    target: str,
    *,
    kinds: Mapping[str, Kind] | None = None,
    exclude: Sequence[str] = (),
    delimiter: str = "",
    encoding: str = "utf-8",
    limit: int = 0,
    known: "Encoding | None" = None,
) -> Table:
    """Read a table, find out what each column is, and refuse what would not train.

    Rows without a target are dropped with a note, up to 5 % of them. Columns with one
    value only are dropped with a note. A feature that equals the target in every row is
    an error, as are texts that are different in nearly every row.

    Args:
        source: a .csv, .tsv, .txt (or .gz of these) or .parquet file, or a DataFrame of
            pandas or polars.
        target: the column to predict.
        kinds: by name, of columns that are not what they look like.
        exclude: columns that are no features.
        delimiter: of a text file; empty: the commonest of , ; tab and | in its header.
        encoding: of a text file.
        limit: rows, spread evenly over the table; 0: all.
        known: of a model that is there already. Its columns are read as it knows them,
            those that never change here, too; others are dropped with a note.

    Raises:
        DataError: what is wrong, where, and what to do: in one line, or of several
            columns in one for each.
    """
    frame = read_frame(source, delimiter, encoding)
    notes = list(getattr(source, "attrs", {}).get("notes", ()))
    check_choices(list(frame.columns), target, kinds or {}, exclude)
    if 0 < limit < len(frame):
        # The first ones would be all alike in a sorted table.
        frame = frame.iloc[np.linspace(0, len(frame) - 1, limit).astype(int)]
    name = table_name(source)
    return type_table(frame, name, target, kinds or {}, exclude, notes, known)


def type_table(
    frame: "pandas.DataFrame",
    name: str,
    target: str,
    kinds: Mapping[str, Kind],
    exclude: Sequence[str],
    notes: list[str],
    known: "Encoding | None",
) -> Table:
    """Do what `read_table` does with a frame whose columns have no kind yet.

    Raises:
        DataError: a line for each column that cannot be used, of many the first few.
    """
    errors: list[DataError] = []
    targets = None
    with _collected(errors):
        targets = check_target(type_column(frame[target], "number")[0], notes)
        frame = frame.loc[targets.index]
    if errors and len(frame) < FEWEST_ROWS:
        raise errors[0]  # of so few rows, nothing is to be said of columns
    others, hints, said = dict.fromkeys(exclude), {}, kinds
    if known:
        names = frame.columns.drop([target, *others])
        others |= dict.fromkeys(_unknown_columns(names, known, kinds, notes))
        kinds = _kinds_of(known)
        hints = {column["name"]: column.get("hint") for column in known["columns"]}
    excluded = frame[list(others)]
    features = frame.drop(columns=[target, *others])
    features, columns = _features(features, kinds, hints, targets, notes, errors)
    if errors:
        raise _one(errors)
    if known:
        notes += _unknown_values(features, known, said)
    return Table(
        name=name,
        target=target,
        columns=columns,
        frame=features,
        targets=targets.to_numpy(),
        notes=notes,
        excluded=excluded,
    )


def _unknown_columns(
    names: Sequence[str], known: "Encoding", kinds: Mapping[str, Kind], notes: list[str]
) -> list[str]:
    """Return the columns that a model does not know.

    Raises:
        DataError: the table lacks some, or they are said to be of another kind.
    """
    own = _kinds_of(known)
    if lacking := [shown(name) for name in own if name not in names]:
        needed = listed(lacking)
        raise DataError(f"The model needs the columns {needed}; the table lacks them.")
    for name, kind in kinds.items():
        if own.get(name, kind) != kind:
            raise DataError(
                f"--data.kinds, {shown(name)}: the model knows it as {own[name]}."
            )
    if others := [name for name in names if name not in own]:
        told = listed([shown(name) for name in others])
        notes.append(f"columns that the model does not know are left out: {told}")
    return others


def _unknown_values(
    features: "pandas.DataFrame", known: "Encoding", said: Mapping[str, Kind]
) -> list[str]:
    """Note of each category how many rows hold what the model never saw.

    Raises:
        DataError: all of them do, and nobody said that it is a category.
    """
    notes = []
    for column in known["columns"]:
        if column["kind"] != "category":
            continue
        values = features[column["name"]].dropna()
        if column.get("boolean"):
            values = as_spelt(values, column["vocabulary"])
        strange = values[~values.isin(column["vocabulary"])]
        if not len(strange):
            continue
        name, example = shown(column["name"]), repr(shown(strange.iloc[0]))
        if len(strange) == len(values) and column["name"] not in said:
            kind = _kinds_of(known)[column["name"]]
            raise DataError(
                f"Column {name} holds none of the categories that the model knows, but "
                f"such as {example}: --data.kinds '{{{name}: {kind}}}' if they are new."
            )
        notes.append(
            f"column {name}: the model knows none such as {example}, in "
            f"{len(strange):,} of {len(features):,} rows"
        )
    return notes


def _kinds_of(known: "Encoding") -> dict[str, Kind]:
    return {
        column["name"]: "boolean" if column.get("boolean") else column["kind"]
        for column in known["columns"]
    }


def check_choices(
    names: list[str], target: str, kinds: Mapping[str, Kind], exclude: Sequence[str]
) -> None:
    """Raise DataError where a name or a kind that was asked for is not there."""
    asked = [("target", target)]
    asked += [("exclude", name) for name in exclude]
    asked += [("kinds", name) for name in kinds]
    for flag, name in asked:
        if name not in names:
            raise DataError(f"--data.{flag}: {unknown(name, names)}")
    if target in exclude:
        raise DataError(f"--data.exclude: {shown(target)} is the target.")
    allowed = Kind.__args__
    for name, kind in kinds.items():
        if kind not in allowed:
            raise DataError(f"--data.kinds, {shown(name)}: {unknown(kind, allowed)}")


def check_target(values: "pandas.Series", notes: list[str]) -> "pandas.Series":
    """Return the targets that are there.

    Args:
        values: numbers, NaN where missing.
        notes: receives which rows have none.

    Raises:
        DataError: too many are missing, there are too few, or they are all the same.
    """
    missing = values.isna()
    name, share = shown(values.name), missing.mean()
    if share > MOST_MISSING:
        raise DataError(
            f"The target {name} is missing in {share:.0%} of the rows "
            f"({places(values.index[missing])}); up to {MOST_MISSING:.0%} are dropped. "
            "Fill it in, or take these rows out."
        )
    if missing.any():
        where = places(values.index[missing])
        notes.append(f"{missing.sum():,} rows without {name} were dropped: {where}")
    values = values[~missing]
    if len(values) < FEWEST_ROWS:
        raise DataError(
            f"There are {len(values)} rows with a target; at least {FEWEST_ROWS} are "
            "needed."
        )
    if values.nunique() == 1:
        raise DataError(
            f"The target {name} is {values.iloc[0]:g} in every row; there is nothing "
            "to learn."
        )
    return values


def _features(
    frame: "pandas.DataFrame",
    kinds: Mapping[str, Kind],
    hints: Mapping[str, str | float | None],
    targets: "pandas.Series | None",
    notes: list[str],
    errors: list[DataError],
) -> tuple["pandas.DataFrame", tuple[Column, ...]]:
    """Return the typed features that change, and what is known of them.

    Args:
        frame: the features, of no kind yet.
        kinds: by name, of those that are not what they look like.
        hints: by name, see `Column.hint`; these stay even if they never change.
        targets: of the same rows, where they could be read.
        notes: receives what the user should know.
        errors: receives one for each column that cannot be used.

    Raises:
        DataError: no column is left that changes.
    """
    import pandas as pd

    typed, columns = {}, []
    for name in frame.columns:
        values, hint = None, hints.get(name)
        with _collected(errors):
            values, kind = type_column(frame[name], kinds.get(name), hint)
        if values is None:
            continue
        column = describe_column(frame[name], values, kind)
        if column.hint is None:
            column = replace(column, hint=hint)
        never_changes = column.num_distinct + (column.num_missing > 0) < 2
        if never_changes and name not in hints:
            what = "is missing everywhere" if column.num_missing else "never changes"
            notes.append(f"column {shown(name)} {what}, and was left out")
            continue
        is_number = kind == "number"
        if is_number and targets is not None and values.equals(targets.rename(name)):
            equal = (
                f"Column {shown(name)} equals the target in every row, so that nothing "
                f"is left to predict: leave it out, --data.exclude '[{shown(name)}]'."
            )
            errors.append(DataError(equal))
        if kind == "number" and (np.diff(values.to_numpy()) == 1).all():
            notes.append(f"column {shown(name)} counts the rows; it may be no feature")
        typed[name] = values
        columns.append(column)
    if not columns and not errors:
        raise DataError("There is no column beside the target that changes.")
    features = pd.DataFrame(typed)
    num_double = int(features.assign(**{"": targets}).duplicated().sum())
    if num_double:
        notes.append(
            f"{num_double:,} rows repeat another; a split may part one from the other"
        )
    return features, tuple(columns)


@contextlib.contextmanager
def _collected(errors: list[DataError]) -> Iterator[None]:
    """Put the error that ends the block with others, to tell all of them at once."""
    try:
        yield
    except DataError as error:
        errors.append(error)


def _one(errors: list[DataError]) -> DataError:
    """Return one error for several, with a line for each; a single one as it is."""
    if len(errors) == 1:
        return errors[0]
    lines = [f"- {error}" for error in errors[:MOST_NAMED]]
    if more := errors[MOST_NAMED:]:
        lines.append(f"- and {len(more):,} more")
    title = f"{len(errors):,} columns cannot be used as they are:"
    return DataError("\n".join([title, *lines]))


def table_name(source: Any) -> str:
    """Return what a file or a frame is called."""
    if isinstance(source, str | os.PathLike):
        name = Path(source).name
        return name.split(".")[0] or name
    return getattr(source, "attrs", {}).get("name", "table")
