"""Odd tables are told in one line; sound ones come out typed, checked and whole."""

import datetime
import decimal
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerazoo.harness import DataError
from kerazoo.harness.tables import Table, read_table

NUM_ROWS = 20
Y = [float(i % 7) for i in range(NUM_ROWS)]


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(NUM_ROWS) ** 2.0, **columns, "y": Y})


def text(header="x,y", row="{i},{y}", lines=None) -> str:
    """A CSV file of 20 rows; `lines` replaces some, counted as people count."""
    rows = [row.format(i=i * i, y=i % 7) for i in range(NUM_ROWS)]
    whole = dict(enumerate([header, *rows], 1)) | (lines or {})
    return "\n".join(whole.values()) + "\n"


def cycle(*values):
    return [values[i % len(values)] for i in range(NUM_ROWS)]


def error_of(source, target="y", **options) -> str:
    with pytest.raises(DataError) as caught:
        read_table(source, target, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable()
    return message


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
            "Column c: '2024-02-30' in row 19 (counted from 0) is no date, such as 202",
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


def test_a_category_may_have_ten_thousand_values():
    many = pd.DataFrame(
        {"c": [f"{i % 10_001}a" for i in range(20_000)], "y": range(20_000)}
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
        message == "Column c is no boolean: it has 3 different values, 'a', 'b', 'c'."
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
        (["abc", *Y[1:]], "Column y: 'abc' in row 0 (counted from 0) is no number, s"),
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


# ------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.csv", text(), {}),
        ("a.TXT", text("x;y", "{i};{y}"), {}),
        ("a.tsv", text("x\ty", "{i}\t{y}"), {}),
        ("a.csv", text('"x","y"', '"{i}","{y}"'), {}),
        ("a.csv", text(" x , y ", " {i} ,{y} "), {}),
        ("a.csv", text("x:y", "{i}:{y}"), {"delimiter": ":"}),
        ("a.csv", "\ufeff" + text(), {}),
        ("a.csv", text().replace("\n", "\r\n\r\n"), {}),
        ("a.csv.gz", gzip.compress(text().encode()), {}),
        ("a.csv", text().encode("utf-16"), {"encoding": "utf-16"}),
    ],
    ids=map(str, range(10)),
)
def test_a_file_is_read(name, content, options, tmp_path):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = read_table(file, "y", **options)
    assert table.name == "a" and table.frame.columns.tolist() == ["x"]
    assert table.frame["x"].tolist() == [i * i for i in range(NUM_ROWS)]
    assert table.targets.tolist() == Y


@pytest.mark.parametrize("to", [pa.Table.from_pandas, lambda f: f])
def test_a_frame_a_csv_and_a_parquet_file_give_the_same(to, tmp_path):
    whole = frame(
        c=cycle("None", "NA", None),
        b=cycle(True, False),
        d=pd.to_datetime(cycle("2024-01-31 12:00", None, "2023-01-01 00:00")),
        n=cycle(1, None, 3.25),
    )
    before = whole.copy()
    expected = read_table(to(whole), "y")
    whole.to_csv(tmp_path / "a.csv", index=False)
    whole.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        table = read_table(tmp_path / name, "y")
        assert table.columns == expected.columns
        pd.testing.assert_frame_equal(
            table.frame.reset_index(drop=True), expected.frame.reset_index(drop=True)
        )
        assert table.targets.tolist() == expected.targets.tolist() == Y
    pd.testing.assert_frame_equal(whole, before)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file a.csv."),
        ("", "a.csv is empty."),
        ("\n \n", "a.csv is empty."),
        ("x,y\n", "a.csv has a header and no rows."),
        ("x,y\n1,2\n", "There are 1 rows with a target; at least 10 are needed."),
        (
            text(lines={4: "1,2,3", 9: "1"}),
            "a.csv: the header has 2 fields, but line 4 has 3; uneven are lines 4, 9. "
            "A field that holds ',' must stand in double quotes.",
        ),
        (
            text(lines={3: '"1\n",2', 5: "\n1,2,3"}),
            "a.csv: the header has 2 fields, but line 7 has 3; uneven are line 7. A ",
        ),
        (text(lines={4: "1,abc"}), "Column y: 'abc' in line 4 is no number, such as"),
        (text(lines={4: "inf,1"}), "Column x is infinite or above 3.4e38 in line 4:"),
        (text(lines={4: '"1,2'}), "a.csv, line 21: unexpected end of data."),
        (text(lines={4: '"1"x,2'}), "a.csv, line 4: ',' expected after '\"'."),
        (text("x,x"), "a.csv has several columns called x; names must differ."),
        (
            text(",y"),
            "a.csv: column 1 of 2 has no name. Name it in the header; if it only "
            "counts the rows, write the table without it.",
        ),
        (text("x y", "{i} {y}"), "a.csv has one column, 'x y'; it looks as if separat"),
        (
            text("größe,y").encode("latin-1"),
            "a.csv is not in utf-8: byte 2 is 0xf6. Give --data.encoding, such as lat",
        ),
        (
            b"\xef\xbb\xbf" + text("größe,y").encode("latin-1"),
            "a.csv is not in utf-8: byte 5 is 0xf6. Give --data.encoding, such as lat",
        ),
        (
            text().encode("utf-16"),
            "a.csv is not in utf-8: byte 0 is 0xff. Give --data.en",
        ),
        (text().encode("utf-16-le"), "a.csv is no text in utf-8: it holds zero bytes."),
    ],
    ids=map(str, range(18)),
)
def test_an_odd_file_is_told_in_one_line(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "a.csv").write_bytes(content)
    assert error_of("a.csv").startswith(message)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"1", "a.xlsx: tables are read from .csv, .tsv, .txt, .csv.gz"),
        ("a.csv.gz", b"x,y\n", "a.csv.gz cannot be read: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b"x,y", mtime=0)[:-9], "a.csv.gz cannot be read: "),
        ("a.parquet", b"PAR1 and no more", "a.parquet is no whole Parquet file: "),
    ],
)
def test_a_file_that_is_none_of_its_kind(name, content, message, tmp_path, monkeypatch):
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert error_of(name).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"delimiter": ";"},
            "a.csv has one column, 'x,y'; it looks as if separated by",
        ),
        (
            {"delimiter": ";;"},
            "--data.delimiter ';;' cannot be used; it is one charact",
        ),
        (
            {"encoding": "klingon"},
            "--data.encoding klingon cannot be used: unknown enc",
        ),
        ({"encoding": "hex"}, "--data.encoding hex cannot be used: "),
    ],
)
def test_a_flag_that_does_not_fit_the_file(options, message, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(text())
    monkeypatch.chdir(tmp_path)
    assert error_of("a.csv", **options).startswith(message)


def test_what_is_no_table():
    assert error_of(".") == ". is a folder; give one file of it."
    assert error_of([1]) == (
        "A table is a file or a DataFrame of pandas or polars, not a list."
    )


# -------------------------------------------------------------------------------- fuzz


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["NA", "true", "no", "2024-01-31", "31/12/2024", "1,5", "None"]),
    st.dates(),
    st.datetimes(),
    st.decimals(),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
)
COLUMNS = st.one_of(
    *(st.lists(c, min_size=12, max_size=12) for c in CELLS.branches)
) | (st.lists(CELLS, min_size=12, max_size=12))
KINDS = st.sampled_from([None, "number", "category", "boolean", "date"])


def read_or_refuse(source, target, **options):
    try:
        table = read_table(source, target, **options)
    except DataError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert isinstance(table, Table) and table.report()
    assert np.isfinite(table.targets).all() and len(table.frame) == len(table.targets)
    assert [c.name for c in table.columns] == table.frame.columns.tolist()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(st.text(max_size=4), COLUMNS, max_size=3), KINDS)
def test_any_frame_is_a_table_or_an_error(columns, kind):
    odd = pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})
    odd["target"] = range(len(odd))
    name = next(iter(columns), "")
    kinds = {name.strip(): kind} if kind and name.strip() else {}
    read_or_refuse(odd, "target", kinds=kinds)
    read_or_refuse(odd.convert_dtypes(), "target")
    if name.strip():
        read_or_refuse(odd, name.strip())


LINE = st.lists(
    st.sampled_from(["1", "2.5", "a", '"', ",", ";", "\r", "\n", "\0", "é", " ", "NA"]),
    max_size=12,
).map("".join)


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    content=st.one_of(
        st.binary(max_size=80), st.lists(LINE, max_size=30).map("\n".join)
    ),
    delimiter=st.sampled_from(["", ";", "\t", '"', "é"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "ascii"]),
    framed=st.booleans(),
)
def test_any_bytes_are_a_table_or_an_error(
    content, delimiter, encoding, framed, tmp_path
):
    content = content if isinstance(content, bytes) else content.encode()
    if framed:
        content = b"x,y\n" + b"1,2\n" * 6 + b"3,4\n" * 6 + content
    for name in ("a.csv", "a.parquet"):
        file = tmp_path / name
        file.write_bytes(content)
        read_or_refuse(file, "y", delimiter=delimiter, encoding=encoding)
