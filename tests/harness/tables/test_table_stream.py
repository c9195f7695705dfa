"""A file read in pieces gives what it gives in memory, without ever being there."""

import gzip
import re
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from kerazoo.harness import DataError
from kerazoo.harness.tables import files, streaming, tabular
from kerazoo.harness.tables.reading import read_table
from kerazoo.harness.tables.splits import split_rows
from kerazoo.harness.tables.streaming import read_stream, sampled, shuffled
from kerazoo.harness.tables.table_encoder import encode

ROWS = 300
RNG = np.random.default_rng(0)
DAYS = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(ROWS) % 90, unit="D")
FRAME = pd.DataFrame(
    {
        "size": np.where(RNG.random(ROWS) < 0.1, np.nan, RNG.normal(size=ROWS)),
        # For whole pieces it does not show which number is the day.
        "sold": DAYS.where(DAYS.day > 12, DAYS - pd.Timedelta(days=1)),
        "town": RNG.choice(["Köln", "Ulm", None], ROWS),
        "grade": np.where(np.arange(ROWS) < 290, 1.0 * (np.arange(ROWS) % 3), 0.5),
        "garden": RNG.choice(["yes", "no"], ROWS),
        "price": [np.nan, *RNG.lognormal(size=ROWS - 1)],
    }
)
KINDS = {"grade": "category"}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 7)


def written(folder, name, frame=FRAME):
    file = folder / name
    if name.endswith("parquet"):
        frame.to_parquet(file)
        return file
    frame = frame.assign(sold=frame["sold"].dt.strftime("%d/%m/%Y"))
    text = frame.to_csv(index=False, sep="\t" if ".tsv" in name else ",")
    content = b"\xef\xbb\xbf" + text.encode()
    file.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    return file


@pytest.mark.parametrize("name", ["a.csv", "a.tsv.gz", "a.parquet"])
def test_every_row_is_what_it_is_in_memory(name, tmp_path):
    file = written(tmp_path, name)
    table = read_table(file, "price", kinds=KINDS)
    stream = read_stream(file, "price", kinds=KINDS, num_sampled=ROWS)
    assert stream.sample.columns == table.columns
    assert stream.positions.tolist() == list(range(ROWS - 1))
    assert stream.whole.targets.tolist() == table.targets.tolist()
    assert stream.whole.frame.index.equals(table.frame.index)
    assert stream.sample.notes[:-1] == table.notes
    assert "299 rows" in stream.sample.notes[-1]

    train = split_rows(table)["train"]
    encoding = tabular.fit_encoding(table, train, "log")
    assert tabular.fit_encoding(stream.sample, train, "log") == encoding
    columns = tabular.served_columns(table.frame, encoding)
    arrays = stream.encode(encoding)
    for found, expected in zip(arrays.values(), encode(columns, encoding), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype and isinstance(found, np.memmap)


@pytest.mark.parametrize(
    ("how", "column", "exclude"),
    [
        ("random", "", ()),
        ("stratified", "", ()),
        ("group", "town", ("town",)),
        ("time", "sold", ()),
        ("time", "sold", ("sold",)),
    ],
)
def test_the_split_is_the_one_in_memory(how, column, exclude, tmp_path):
    towns = [f"town {i % 20}" for i in range(ROWS)]
    frame = FRAME.assign(town=towns)
    file = written(tmp_path, "a.csv", frame)
    options = {"kinds": KINDS, "exclude": exclude}
    table = read_table(file, "price", **options)
    stream = read_stream(file, "price", **options, how=how, column=column)
    expected = split_rows(table, how=how, column=column)
    found = split_rows(stream.whole, how=how, column=column)
    for name, rows in expected.items():
        np.testing.assert_array_equal(found[name], rows)


def test_booleans_are_one_in_whatever_case_a_piece_has_them(tmp_path):
    spelt = np.where(np.arange(ROWS) < ROWS / 2, "True False", "TRUE FALSE")
    garden = [both.split()[i % 2] for i, both in enumerate(spelt.tolist())]
    file = written(tmp_path, "a.csv", FRAME.assign(garden=garden))
    table = read_table(file, "price", kinds=KINDS)
    stream = read_stream(file, "price", kinds=KINDS, num_sampled=ROWS)
    encoding = tabular.fit_encoding(table, split_rows(table)["train"], "log")
    _, expected = encode(tabular.served_columns(table.frame, encoding), encoding)
    np.testing.assert_array_equal(stream.encode(encoding)["categories"], expected)


def test_a_column_that_weights_to_start_from_do_not_know_is_left_out(tmp_path):
    file = written(tmp_path, "a.csv")
    known = read_table(file, "price", kinds=KINDS, exclude=["grade"])
    encoding = tabular.fit_encoding(known, split_rows(known)["train"], "log")
    stream = read_stream(file, "price", kinds=KINDS, num_sampled=ROWS)
    expected = encode(tabular.served_columns(known.frame, encoding), encoding)
    for found, right in zip(stream.encode(encoding).values(), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_a_sample_is_even_seeded_and_no_larger_than_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 100)
    file = tmp_path / "a.csv"
    numbers = np.arange(3000)
    pd.DataFrame({"x": numbers % 7, "y": numbers}).to_csv(file, index=False)
    first = read_stream(file, "y", num_sampled=200)
    assert len(first.positions) == len(first.sample.targets) == 200
    assert first.sample.targets.tolist() == numbers[first.positions].tolist()
    counts, _ = np.histogram(first.positions, 4, (0, 3000))
    assert counts.min() > 30
    again = read_stream(file, "y", num_sampled=200)
    other = read_stream(file, "y", num_sampled=200, seed=1)
    assert again.positions.tolist() == first.positions.tolist()
    assert other.positions.tolist() != first.positions.tolist()
    assert other.digest == first.digest
    file.write_text(file.read_text().replace("1,1\n", "1,2\n", 1))
    assert read_stream(file, "y", num_sampled=200).digest != first.digest
    rows = split_rows(first.whole)
    near = sampled(rows, first.positions)
    assert sum(map(len, near.values())) == 200
    for split, places in near.items():
        assert np.isin(first.positions[places], rows[split]).all()


def test_the_file_is_never_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 200)
    file, num_rows = tmp_path / "a.csv", 12_000
    frame = pd.DataFrame({f"x{i}": np.arange(num_rows) % (10 + i) for i in range(12)})
    frame.assign(y=np.arange(num_rows)).to_csv(file, index=False)

    def peak(read) -> int:
        tracemalloc.start()
        read()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    def streamed():
        stream = read_stream(file, "y", num_sampled=200)
        rows = sampled(split_rows(stream.whole), stream.positions)["train"]
        stream.encode(tabular.fit_encoding(stream.sample, rows, "standardise"))

    assert peak(streamed) < peak(lambda: read_table(file, "y")) / 2


def test_every_row_is_drawn_once_in_mixed_blocks(monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK", 10)
    monkeypatch.setattr(streaming, "MIXED", 3)
    rows = np.arange(0, 2000, 2)
    generator = np.random.default_rng(0)
    order = shuffled(rows, generator)
    assert sorted(order) == rows.tolist()
    assert len({row // 20 for row in order[:30]}) == 3
    assert order.tolist() != shuffled(rows, generator).tolist()


def test_a_split_without_sampled_rows_is_refused():
    rows = {"train": np.arange(5), "validation": np.array([7])}
    with pytest.raises(DataError, match="none is for validation: give a larger --data"):
        sampled(rows, np.array([1, 2]))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("x,y\n", {}, "a.csv has no rows."),
        ("", {}, "a.csv is empty."),
        ("x,z\n" + "1,2\n" * 20, {}, "--data.target: 'y' is not known."),
        ("x,x,y\n" + "1,2,3\n" * 20, {}, "a.csv has several columns called x; na"),
        ("x,y\n" + "1,2\n" * 20 + "1,a\n", {}, "Column y: 'a' in line 22 is not a n"),
        ("x,y\n" + "1,2\n" * 20 + "1\n", {}, "a.csv: the header has 2 fields, but"),
        ("x,y\n" + "1,2\n" * 20, {"encoding": "hex"}, "--data.encoding hex cannot be"),
        (
            ("x,y\n" + "é,2\n" * 20).encode("latin-1"),
            {},
            "a.csv, line 2: 0xe9 is not utf-8. Give --data.encoding, such as latin-1.",
        ),
        ("x,y\n1,3\n" + "2,2\n" * 20, {"how": "group", "column": "z"}, "--data.split_"),
    ],
    ids=map(str, range(9)),
)
def test_an_odd_file_is_told_in_one_line(
    content, options, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        split = {k: v for k, v in options.items() if k != "encoding"}
        stream = read_stream("a.csv", "y", **options)
        split_rows(stream.whole, **split)
    assert len(str(caught.value).splitlines()) == 1


def test_what_the_sample_does_not_show_is_told_with_its_line(tmp_path):
    file = tmp_path / "a.csv"
    rows = [f"{i % 9},{i}" for i in range(200)]
    file.write_text("\n".join(["x,y", *rows]))
    stream = read_stream(file, "y", num_sampled=50)
    encoding = tabular.fit_encoding(stream.sample, np.arange(30), "standardise")
    gone = int(np.setdiff1d(np.arange(200), stream.positions)[0])
    rows[gone] = f"odd,{gone}"
    file.write_text("\n".join(["x,y", *rows]))
    with pytest.raises(DataError, match=f"Column x: 'odd' in line {gone + 2} is not a"):
        stream.encode(encoding)
    file.write_text("\n".join(["x,y", *rows[:gone]]))
    with pytest.raises(DataError, match="changed while it was read"):
        stream.encode(encoding)


def test_a_packed_file_is_as_large_as_what_is_in_it(tmp_path):
    frame = pd.DataFrame({"a": np.arange(50_000), "b": ["x"] * 50_000})
    for name, write in {
        "a.csv": lambda path: frame.to_csv(path, index=False),
        "a.csv.gz": lambda path: frame.to_csv(path, index=False),
        "a.parquet": frame.to_parquet,
    }.items():
        write(tmp_path / name)
        packed = name != "a.csv"
        size = (tmp_path / name).stat().st_size / 1e9
        assert streaming.is_large(tmp_path / name, 0.9 * size)
        assert streaming.is_large(tmp_path / name, 1.02 * size) == packed
    (tmp_path / "no.parquet").write_bytes(b"no table")
    assert not streaming.is_large(tmp_path / "no.parquet", 1.0)
    assert not streaming.is_large(tmp_path / "gone.csv", 0.0)
