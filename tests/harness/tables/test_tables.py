"""Odd tables are told in one line; sound ones come out typed and checked."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from odd_tables import NUM_ROWS, Y, cycle, error_of, frame

from kerazoo.harness import DataError
from kerazoo.harness.tables.reading import read_table

# ---------------------------------------------------------------------------- the kinds


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (cycle("1", "2.5", "-3e2"), "number", [1.0, 2.5, -300.0]),
        (cycle("0", "1"), "number", [0.0, 1.0]),
        (cycle("1", "None", "?", "2"), "number", [1.0, np.nan, np.nan, 2.0]),
        (cycle("1", "NA", "-", "n/a"), "number", [1.0, np.nan, np.nan, np.nan]),
        (cycle("a", "None", ""), "category", ["a", "None", None]),
        (cycle("NA", "EU", "?"), "category", ["NA", "EU", "?"]),
        (cycle(" a", "b "), "category", ["a", "b"]),
        (cycle("1_000", "2_000"), "category", ["1_000", "2_000"]),
        # Few numbers with a unit are names, and letters that differ are no units.
        (cycle("2 doors", "4 doors", "5"), "category", ["2 doors", "4 doors"]),
        (cycle("10 kg", "20 kg"), "category", ["10 kg", "20 kg"]),
        ([f"A{i // 2}" for i in range(NUM_ROWS)], "category", ["A0"]),
        ([f"size {i // 2}" for i in range(NUM_ROWS)], "category", ["size 0"]),
        ([f"{i // 2}th" for i in range(NUM_ROWS)], "category", ["0th"]),
        ([f"{1 + i // 2} PM" for i in range(NUM_ROWS)], "category", ["1 PM"]),
        ([f"T{i // 2} 24h" for i in range(NUM_ROWS)], "category", ["T0 24h"]),
        ([f"{i % 10}{'ABCDE'[i % 5]}" for i in range(NUM_ROWS)], "category", ["0A"]),
        (cycle("True", "FALSE", "NA"), "boolean", ["True", "FALSE", None]),
        (cycle("yes", "No", ""), "boolean", ["yes", "No", None]),
        (cycle("yes", "true"), "category", ["yes", "true"]),
        (cycle("2024-01-31", "1999-12-01", "NA"), "date", ["2024-01-31", "1999-12-01"]),
        (cycle("2024-01-31T12:30", "2024-02-01"), "date", ["2024-01-31T12:30"]),
        (
            cycle("2024-01-31 00:30:00+01:00", "2024-01-31T01:30Z"),
            "date",
            ["2024-01-30T23:30", "2024-01-31T01:30"],
        ),
        (cycle("31.01.2024", "1.2.2024"), "date", ["2024-01-31", "2024-02-01"]),
        (cycle("31/01/2024", "01/02/2024"), "date", ["2024-01-31", "2024-02-01"]),
        (cycle("01/31/2024", "01/02/2024"), "date", ["2024-01-31", "2024-01-02"]),
        (cycle(True, False), "boolean", ["True", "False"]),
        (cycle(True, None, False), "boolean", ["True", None, "False"]),
        (cycle(1, 2, None), "number", [1.0, 2.0, np.nan]),
        (cycle(decimal.Decimal("1.5"), None), "number", [1.5, np.nan]),
        (cycle(datetime.date(2024, 1, 31), None), "date", ["2024-01-31", "NaT"]),
        (pd.Categorical(cycle("1", "2")), "category", ["1", "2"]),
        (pd.Categorical([f"id {i}" for i in range(NUM_ROWS)]), "category", ["id 0"]),
        (pd.array(cycle(1, 2, None), "Int64"), "number", [1.0, 2.0, np.nan]),
        (pd.array(cycle(True, False, None), "boolean"), "boolean", ["True", "False"]),
        (
            pd.to_datetime(cycle("2024-01-31 00:30", "2024-02-01 00:30")).tz_localize(
                "Europe/Paris"
            ),
            "date",
            ["2024-01-30T23:30"],
        ),
    ],
)
def test_the_kind_of_a_column(values, kind, first):
    table = read_table(frame(c=values), "y")
    column = table.columns[1]
    found = table.frame["c"].to_numpy()
    assert (column.name, column.kind) == ("c", kind)
    if kind == "date":
        assert found.dtype == "datetime64[ns]"
        first = np.array(first, "datetime64[ns]")
        np.testing.assert_array_equal(found[: len(first)], first)
    elif kind == "number":
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found[: len(first)], first)
    else:
        assert found.dtype == object and found[: len(first)].tolist() == first
    known = pd.Series(found).dropna()
    assert column.num_missing == NUM_ROWS - len(known)
    assert column.num_distinct == known.nunique()


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (cycle(1, 2, None), "category", ["1", "2", None]),
        (cycle(1.5, 2.0), "category", ["1.5", "2.0"]),
        (cycle(0, 1), "boolean", ["0", "1"]),
        ([f"id {i}" for i in range(NUM_ROWS)], "category", ["id 0", "id 1"]),
        ([f"${i}.50" for i in range(NUM_ROWS)], "category", ["$0.50", "$1.50"]),
        (cycle("1,5", "2"), "category", ["1,5", "2"]),
        (pd.Categorical(cycle("1", "2")), "number", [1.0, 2.0]),
    ],
)
def test_a_kind_can_be_overruled(values, kind, first):
    table = read_table(frame(c=values), "y", kinds={"c": kind})
    assert table.columns[1].kind == kind
    assert table.frame["c"].tolist()[: len(first)] == first


# --------------------------------------------------------------- what cannot be trained


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [f"id {i}" for i in range(NUM_ROWS)],
            "Column c is different in every row, as names and numbers of things are, "
            "such as 'id 0'. Leave it out (--data.exclude '[c]'), call it a category "
            "(--data.kinds.c category), or encode it yourself as numbers.",
        ),
        (
            [f"a review that says {'very ' * (i % 15)}much" for i in range(NUM_ROWS)],
            "Column c is free text: 15 different values in 20 rows, such as 'a review "
            "that says much'. Leave it out",
        ),
        (
            cycle(*map(str, range(19)), "abc"),
            "Column c holds numbers, but 'abc' in row 19 (counted from 0): correct "
            "that, or call all of them categories: --data.kinds.c category.",
        ),
        (cycle("1,5", "2"), "Column c holds numbers with commas, such as '1,5': write"),
        (cycle("1,234.50", "2"), "Column c holds numbers with commas, such as '1,23"),
        (
            cycle(1.0, np.inf, *range(18)),
            "Column c is infinite or above 3.4e38 in row 1 (counted from 0): correct",
        ),
        (cycle("1", "1e99"), "Column c is infinite or above 3.4e38 in rows 1, 3, 5, 7"),
        (
            cycle("01/02/2024", "03/04/2024"),
            "Column c has dates such as '01/02/2024', and nothing shows whether the "
            "day or the month comes first: write them as 2024-01-31.",
        ),
        (cycle("13/01/2024", "01/13/2024"), "Column c has dates such as '13/01/2024'"),
        (
            cycle("2024-02-28", *["2024-03-01"] * 18, "2024-02-30"),
            "Column c: '2024-02-30' in row 19 (counted from 0) is not a date, unlike 2",
        ),
        (cycle("1500-01-01", "2000-01-01"), "Column c has dates before 1678 or after"),
        (cycle([1], [2]), "Column c holds a list in row 0 (counted from 0); only"),
        (cycle(1j, 2j), "Column c holds complex numbers; split them in two."),
        (
            pd.to_timedelta(cycle(1, 2), unit="D"),
            "Column c is of the type timedelta64[",
        ),
        (Y, "Column c equals the target in every row, so that nothing is left to"),
    ],
)
def test_a_column_that_cannot_be_used_is_named(values, message):
    assert error_of(frame(c=values)).startswith(message)


@pytest.mark.parametrize(
    ("written", "example", "meant"),
    [
        ("${}.84", "$1.84", "1.84"),
        ("-$ {}", "-$ 1", "-1"),
        ("€ {},200", "€ 1,200", "1200"),
        ("{},50 €", "1,50 €", "1.50"),
        ("{} 000 £", "1 000 £", "1000"),
        ("{}%", "1%", "1"),
        ("{}.5 %", "1.5 %", "1.5"),
        ("{} kg", "1 kg", "1"),
        ("{}km/h", "1km/h", "1"),
        ("{} m²", "1 m²", "1"),
        ("{}M", "1M", "1"),
    ],
)
def test_a_number_with_a_unit_is_told_how_to_write(written, example, meant):
    # With one that is unknown, one without a unit, and one that is none of both.
    values = [written.format(i) for i in range(1, 18)] + ["NA", "5", "varies"]
    message = error_of(frame(**{"the fee": values}))
    assert message == (
        f"Column the fee holds numbers with a unit, such as {example!r}: write "
        f"{meant}, leave the column out (--data.exclude '[\"the fee\"]'), or call "
        """them categories: --data.kinds '{"the fee": "category"}'."""
    )


def test_names_of_which_a_few_repeat_are_no_category():
    names = [f"id {i}" for i in range(1487)]
    table = pd.DataFrame({"c": names + names[:5], "x": 1.0, "y": range(1492)})
    assert error_of(table).startswith(
        "Column c has 1,487 different values in 1,492 rows, as names and numbers of "
        "things have, such as 'id 0'. Leave it out"
    )
    assert read_table(table, "y", kinds={"c": "category"}).columns[0].kind == "category"
    # As many times as not the same: that may well be a category.
    often = table.assign(c=[f"id {i % 1200}" for i in range(1492)])
    assert read_table(often, "y").columns[0].kind == "category"
    # Of few rows that says little.
    few = frame(c=[f"id {max(i, 1)}" for i in range(NUM_ROWS)])
    assert read_table(few, "y").columns[1].kind == "category"


def test_a_category_may_have_ten_thousand_values():
    many = pd.DataFrame(
        {"c": [f"a{i % 10_001}" for i in range(20_000)], "y": range(20_000)}
    )
    message = error_of(many, kinds={"c": "category"})
    assert message.startswith("Column c has 10,001 different values; a category may")
    table = read_table(many.iloc[:10_000], "y", kinds={"c": "category"})
    assert table.columns[0].num_distinct == 10_000


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("number", "Column c: 'a', 'b' in rows 0, 1, 2, 3, 4 and 15 more (counted"),
        ("date", "Column c: 'a', 'b' in rows 0, 1, 2, 3, 4 and 15 more (counted"),
        ("text", "--data.kinds, c: 'text' is not known. "),
    ],
)
def test_a_kind_that_does_not_fit(kind, message):
    assert error_of(frame(c=cycle("a", "b")), kinds={"c": kind}).startswith(message)


def test_three_values_are_no_boolean():
    message = error_of(frame(c=cycle("a", "b", "c")), kinds={"c": "boolean"})
    assert (
        message
        == "Column c is not a boolean: it has 3 different values, 'a', 'b', 'c'."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "Y"}, "--data.target: 'Y' is not known. There are: x, price, y."),
        (
            {"target": "prize"},
            "--data.target: 'prize' is not known. Did you mean 'price",
        ),
        ({"exclude": ["prise"]}, "--data.exclude: 'prise' is not known. Did you mean"),
        ({"kinds": {"z": "date"}}, "--data.kinds: 'z' is not known."),
        ({"exclude": ["y"]}, "--data.exclude: y is the target."),
        ({"exclude": ["x", "price"]}, "There is no column beside the target that ch"),
    ],
)
def test_names_that_are_not_there(options, message):
    assert error_of(frame(price=range(0, 40, 2)), **options).startswith(message)


# --------------------------------------------------------------------------- the target


def test_all_columns_that_cannot_be_used_are_told_at_once():
    odd = cycle(*map(str, range(19)), "abc")
    columns = {f"c{i}": odd for i in range(6)}
    broken = frame(**columns, copy=Y, fine=cycle("a", "b"))
    broken["y"] = ["$5", *Y[1:]]
    with pytest.raises(DataError) as caught:
        read_table(broken, "y")
    lines = str(caught.value).splitlines()
    assert lines[0] == "7 columns cannot be used as they are:"
    assert lines[1].startswith("- Column y: '$5' in row 0")
    starts = [f"- Column c{i} holds numbers, but 'abc'" for i in range(4)]
    found = zip(lines[2:6], starts, strict=True)
    assert all(line.startswith(start) for line, start in found)
    assert lines[6:] == ["- and 2 more"]
    with pytest.raises(
        DataError, match=r"2 columns .*\n- Column c0 .*\n- Column copy "
    ):
        read_table(frame(c0=odd, copy=Y), "y")
    few = frame(c=[f"id {i}" for i in range(NUM_ROWS)]).head(9)
    assert error_of(few) == "There are 9 rows with a target; at least 10 are needed."


def test_few_rows_without_a_target_are_dropped_with_a_note():
    table = read_table(frame().assign(y=[None, *Y[1:]]), "y")
    assert len(table.targets) == len(table.frame) == 19
    assert table.targets.tolist() == Y[1:] and table.frame["x"].iloc[0] == 1
    assert table.notes[0] == "1 rows without y were dropped: row 0 (counted from 0)"


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            [None, None, *Y[2:]],
            "The target y is missing in 10% of the rows (rows 0, 1 (counted from 0)); "
            "up to 5% are dropped. Fill it in, or take these rows out.",
        ),
        (["abc", *Y[1:]], "Column y: 'abc' in row 0 (counted from 0) is not a number"),
        ([np.inf, *Y[1:]], "Column y is infinite or above 3.4e38 in row 0 (counted"),
        ([3.0] * 20, "The target y is 3 in every row; there is nothing to learn."),
    ],
)
def test_a_target_that_cannot_be_learned(targets, message):
    assert error_of(frame().assign(y=targets)).startswith(message)


# ------------------------------------------------------------------------------- notes


def test_columns_that_say_nothing_are_left_out_with_a_note():
    odd = frame(same=1, gone=None, flat="a", n=range(3, 23), half=cycle("a", None))
    table = read_table(odd, "y")
    assert [column.name for column in table.columns] == ["x", "n", "half"]
    assert table.notes == [
        "column same never changes, and was left out",
        "column gone is missing everywhere, and was left out",
        "column flat never changes, and was left out",
        "column n counts the rows; it may be no feature",
    ]


def test_rows_that_repeat_are_counted():
    table = read_table(pd.DataFrame({"x": cycle(1, 2), "y": cycle(3, 4)}), "y")
    assert table.notes == [
        "18 rows repeat another; a split may part one from the other"
    ]


def test_a_limit_spreads_over_the_table():
    table = read_table(frame(), "y", limit=10)
    assert table.frame.index.tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 19]
    assert len(read_table(frame(), "y", limit=99).targets) == NUM_ROWS


def test_the_report_is_a_table():
    table = read_table(
        frame(colour=cycle("red", None), d=cycle("2024-01-31", "2023-01-01")), "y"
    )
    assert table.report().splitlines() == [
        "table: 20 rows, 3 features; target y 0 to 6",
        "column  kind      missing  values                    examples",
        "x       number       0.0%  0 to 361                  0, 1, 4",
        "colour  category    50.0%  1 different               red",
        "d       date         0.0%  2023-01-01 to 2024-01-31  2024-01-31, 2023-01-01",
    ]
