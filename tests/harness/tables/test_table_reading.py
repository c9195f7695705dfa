"""Odd files are told in one line; sound ones are read whole."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from odd_tables import NUM_ROWS, Y, cycle, error_of, frame, text, told_in_lines

from kerazoo.harness import DataError
from kerazoo.harness.tables.reading import Table, read_table

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
        (text(lines={4: "1,abc"}), "Column y: 'abc' in line 4 is not a number, unlike"),
        (
            text(lines={4: '1,"0,5"'}),
            "Column y: '0,5' in line 4 is not a number, unlike 12.5, with a point whe",
        ),
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
            "a.csv, line 1: 0xf6 is not utf-8. Give --data.encoding, such as latin-1.",
        ),
        (
            b"\xef\xbb\xbf" + text("größe,y").encode("latin-1"),
            "a.csv, line 1: 0xf6 is not utf-8. Give --data.encoding, such as latin-1.",
        ),
        (
            text().encode("utf-16"),
            "a.csv is not in utf-8: give --data.encoding utf-16.",
        ),
        (
            text().encode("utf-16-le"),
            "a.csv is not a text in utf-8: it holds zero bytes.",
        ),
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
        (
            "a.parquet",
            b"PAR1 and no more",
            "a.parquet is not a complete Parquet file: ",
        ),
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
        told_in_lines(error)
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
