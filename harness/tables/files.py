"""From a file or a DataFrame to a pandas frame of columns that have no kind yet.

The index of the frame says where a row comes from, so that every later message can
name it: the line of a text file, or the row of anything else, counted from 0.
"""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from kerazoo.harness.errors import DataError
from kerazoo.harness.text_files import DELIMITERS, check_delimiter, one_column, opened
from kerazoo.harness.wording import first_line, listed, places, shown

if TYPE_CHECKING:
    import pandas

SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet")
CHUNK = 50_000  # lines that are Python strings at one time


def read_frame(source: Any, delimiter: str, encoding: str) -> "pandas.DataFrame":
    """Read a table as it is; the names of its columns are checked.

    Args:
        source: a path, a pandas DataFrame, or what has `to_pandas` (polars, Arrow).
        delimiter: of a text file; empty: the commonest of , ; tab and | in its header.
        encoding: of a text file.

    Raises:
        DataError: it cannot be read, has no rows, or names that cannot be used.
    """
    import pandas as pd

    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        name = shown(str(path))
        if _is_parquet(path, name):
            frame = _of_parquet(path, name)
        else:
            chunks = list(_text_chunks(path, name, delimiter, encoding))
            if not chunks:
                raise DataError(f"{name} has a header and no rows.")
            frame = pd.concat(chunks)
    else:
        name = "The table"
        if hasattr(source, "to_pandas"):
            source = _converted(source)
        if not isinstance(source, pd.DataFrame):
            raise DataError(
                "A table is a file or a DataFrame of pandas or polars, not a "
                f"{type(source).__name__}."
            )
        frame = source.set_axis(pd.RangeIndex(len(source), name="row"))
    frame = _checked_names(frame, name)
    if not len(frame):
        raise DataError(f"{name} has a header and no rows.")
    return frame


def _is_parquet(path: Path, name: str) -> bool:
    if path.is_dir():
        raise DataError(f"{name} is a folder; give one file of it.")
    if not path.exists():
        raise DataError(f"There is no file {name}.")
    if not path.name.lower().endswith(SUFFIXES):
        raise DataError(f"{name}: tables are read from {', '.join(SUFFIXES)} files.")
    return path.suffix.lower() == ".parquet"


def _of_parquet(path: Path, name: str) -> "pandas.DataFrame":
    import pandas as pd

    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except Exception as error:
        # Arrow raises nearly anything for broken files.
        reason = first_line(error)
        raise DataError(f"{name} is not a complete Parquet file: {reason}") from error
    return frame.set_axis(pd.RangeIndex(len(frame), name="row"))


def _converted(source: Any) -> Any:
    try:
        return source.to_pandas()
    except Exception as error:
        # polars and Arrow raise errors of their own.
        raise DataError(
            f"The {type(source).__name__} has no form in pandas: {first_line(error)}"
        ) from error


def read_chunks(
    path: Path, delimiter: str, encoding: str
) -> Iterator["pandas.DataFrame"]:
    """Yield a file's rows in pieces of `CHUNK`, as `read_frame` would return them.

    Raises:
        DataError: as `read_frame`, where reading gets to what is wrong.
    """
    name = shown(str(path))
    chunks = _parquet_chunks if _is_parquet(path, name) else _text_chunks
    for chunk in chunks(path, name, delimiter, encoding):
        yield _checked_names(chunk, name)


def _parquet_chunks(path: Path, name: str, delimiter: str, encoding: str):
    del delimiter, encoding
    import pandas as pd
    import pyarrow.parquet

    start = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(CHUNK):
                stop = start + batch.num_rows
                index = pd.RangeIndex(start, stop, name="row")
                yield batch.to_pandas().set_axis(index)
                start = stop
    except (pyarrow.ArrowException, OSError) as error:
        reason = first_line(error)
        raise DataError(f"{name} is not a complete Parquet file: {reason}") from error


def _text_chunks(path: Path, name: str, delimiter: str, encoding: str):
    with opened(path, encoding) as file:
        yield from _chunks_of(file, name, delimiter, encoding)


def _chunks_of(
    file: TextIO, name: str, delimiter: str, encoding: str
) -> Iterator["pandas.DataFrame"]:
    import pandas as pd

    given, delimiter = delimiter, delimiter or _delimiter(file)
    check_delimiter(delimiter, '"\r\n')
    lines = _without_zero_bytes(file, name, encoding)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    uneven: list[tuple[int, int]] = []
    try:
        header = next((row for row in reader if row), [""])
        if len(header) == 1 and not header[0].strip():
            raise DataError(f"{name} is empty.")
        _check_delimiter(name, header, given)
        rows = _rows(reader, len(header), uneven)
        while chunk := list(islice(rows, CHUNK)):
            lines = pd.Index([line for line, _ in chunk], name="line")
            cells = [row for _, row in chunk]
            labels = range(len(header))
            frame = pd.DataFrame(cells, lines, labels, dtype="str")
            yield frame.set_axis(header, axis=1)
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: {error}.") from error
    if uneven:
        lines = pd.Index([line for line, _ in uneven], name="line")
        raise DataError(
            f"{name}: the header has {len(header)} fields, but line {lines[0]} has "
            f"{uneven[0][1]}; uneven are {places(lines)}. A field that holds "
            f"{delimiter!r} must stand in double quotes."
        )


def _without_zero_bytes(file: TextIO, name: str, encoding: str) -> Iterator[str]:
    for line in file:
        if "\0" in line:
            raise DataError(
                f"{name} is not a text in {encoding}: it holds zero bytes. If it is "
                "one after all, give --data.encoding, such as utf-16-le."
            )
        yield line


def _rows(reader: Any, width: int, uneven: list[tuple[int, int]]):
    """Yield rows with the line each begins in; note those of another width."""
    line = reader.line_num + 1
    for row in reader:
        if len(row) == width:
            yield line, row
        elif row:  # empty lines have no fields at all
            uneven.append((line, len(row)))
        line = reader.line_num + 1


def _delimiter(file: TextIO) -> str:
    header = next((line for line in file if line.strip()), "")
    file.seek(0)
    return max(DELIMITERS, key=re.sub(r'"[^"]*"', "", header).count)


def _check_delimiter(name: str, header: list[str], given: str) -> None:
    other = [d for d in f"{DELIMITERS} " if d in header[0].strip() and d != given]
    if len(header) == 1 and other:
        raise one_column(name, header[0], other[0])


def _checked_names(frame: "pandas.DataFrame", name: str) -> "pandas.DataFrame":
    names = [str(label).strip() for label in frame.columns]
    _check_names(name, names)
    return frame.set_axis(names, axis=1)


def _check_names(name: str, names: list[str]) -> None:
    if not names:
        raise DataError(f"{name} has no columns.")
    unnamed = [number for number, label in enumerate(names, 1) if not label]
    if unnamed:
        which = "column" if len(unnamed) == 1 else "columns"
        raise DataError(
            f"{name}: {which} {listed(unnamed)} of {len(names)} has no name. Name it "
            "in the header; if it only counts the rows, write the table without it."
        )
    double = [shown(label) for label, count in Counter(names).items() if count > 1]
    if double:
        raise DataError(
            f"{name} has several columns called {listed(double)}; names must differ."
        )
