"""Tables larger than memory: a file is read twice in pieces, and encoded onto disk.

The first time, 8 bytes are kept of each row's target and of what a split goes by, and a
seeded sample of whole rows. All that is read off a table is read off this sample: the
kinds of the columns, the encoding, and what is looked at in raw form. The second time,
every row is encoded and written to files that batches are read from.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerazoo.harness.data import digest
from kerazoo.harness.errors import DataError
from kerazoo.harness.tables import files, reading, tabular
from kerazoo.harness.tables.kinds import Kind, type_column
from kerazoo.harness.tables.reading import Table
from kerazoo.harness.tables.splits import How
from kerazoo.harness.tables.table_encoder import encode
from kerazoo.harness.wording import shown

if TYPE_CHECKING:
    import pandas

GIGABYTE = 1e9
GZIP_SHARE = 5  # of a CSV file of numbers and categories, about
BLOCK = 4096  # rows that lie together on disk and are read together
MIXED = 32  # blocks whose rows are shuffled together


@dataclass(frozen=True)
class Stream:
    """A file that was read once."""

    path: Path
    delimiter: str
    encoding: str  # of the text
    whole: Table  # of every row the target and what the split goes by, no features
    sample: Table
    positions: np.ndarray  # (sampled rows,) places in `whole`, ascending
    digest: str  # 12 hex digits that change with any row

    def encode(self, encoding: tabular.Encoding) -> dict[str, np.ndarray]:
        """Read the file again, and encode every row onto disk.

        The files lie where temporary ones do (`TMPDIR`), and go when Python ends.

        Returns:
            `numbers` and `categories`, as far as there are any: (rows, …) arrays of
            which only what is read is in memory.

        Raises:
            DataError: a value that does not fit its column's kind; the file changed.
        """
        folder = Path(tempfile.mkdtemp(prefix="kerazoo-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        index = self.whole.frame.index
        widths = {
            "numbers": (tabular.num_features(encoding), "float32"),
            "categories": (len(tabular.cardinalities(encoding)), "int32"),
        }
        arrays = {
            name: np.lib.format.open_memmap(
                folder / f"{name}.npy", "w+", dtype, shape=(len(index), width)
            )
            for name, (width, dtype) in widths.items()
            if width
        }
        start = 0
        for chunk in files.read_chunks(self.path, self.delimiter, self.encoding):
            chunk = chunk[chunk.index.isin(index[start : start + len(chunk)])]
            if not len(chunk):  # no row has a target
                continue
            rows = slice(start, start + len(chunk))
            encoded = encode(self._served(chunk, encoding), encoding)
            for name, values in zip(widths, encoded, strict=True):
                if name in arrays:
                    arrays[name][rows] = values
            start = rows.stop
        if start != len(index):
            raise DataError(f"{self.path} changed while it was read.")
        return arrays

    def _served(
        self, chunk: "pandas.DataFrame", encoding: tabular.Encoding
    ) -> dict[str, np.ndarray]:
        typed = {
            column.name: type_column(chunk[column.name], column.kind, column.hint)[0]
            for column in self.sample.columns
        }
        return tabular.served_columns(typed, encoding)


@dataclass(frozen=True)
class InMemory:
    """A table that is wholly in memory, to be used as a `Stream` is."""

    sample: Table

    @property
    def whole(self) -> Table:
        """The same: the sample is of every row."""
        return self.sample

    @property
    def positions(self) -> np.ndarray:
        """Places of the sampled rows, which are all."""
        return np.arange(len(self.sample.targets))

    @property
    def digest(self) -> str:
        """12 hex digits that change with any row."""
        import pandas as pd

        hashes = pd.util.hash_pandas_object(self.sample.frame, index=False)
        return digest(hashes.to_numpy(), self.sample.targets)

    def encode(self, encoding: tabular.Encoding) -> dict[str, np.ndarray]:
        """Return `numbers` and `categories`, as far as there are any: (rows, …)."""
        columns = tabular.served_columns(self.sample.frame, encoding)
        encoded = zip(("numbers", "categories"), encode(columns, encoding), strict=True)
        return {name: array for name, array in encoded if array.shape[1]}


def is_large(path: str | os.PathLike, gigabytes: float) -> bool:
    """Say whether a file takes more than that, unpacked."""
    path = Path(path).expanduser()
    if not path.is_file():
        return False
    unpacked = path.stat().st_size
    if path.suffix.lower() == ".gz":
        unpacked *= GZIP_SHARE  # what it says itself is wrong from 4 GB up
    elif path.suffix.lower() == ".parquet":
        import pyarrow

        with contextlib.suppress(pyarrow.ArrowInvalid):  # told by who reads it
            unpacked = sum(_sizes_of_groups(path))
    return unpacked > gigabytes * GIGABYTE


def _sizes_of_groups(path: Path) -> Iterator[int]:
    from pyarrow import parquet

    facts = parquet.ParquetFile(path).metadata
    for group in range(facts.num_row_groups):
        yield facts.row_group(group).total_byte_size


def read_stream(
    path: str | os.PathLike,
    target: str,
    *,
    kinds: Mapping[str, Kind] | None = None,
    exclude: Sequence[str] = (),
    delimiter: str = "",
    encoding: str = "utf-8",
    how: How = "random",
    column: str = "",
    num_sampled: int = 100_000,
    seed: int = 0,
    known: tabular.Encoding | None = None,
) -> Stream:
    """Read a file for the first time: count and check its rows, and draw a sample.

    Args:
        path: a file, as `read_table` takes it.
        target: as there, like `kinds`, `exclude`, `delimiter` and `encoding`.
        kinds: see there.
        exclude: see there.
        delimiter: see there.
        encoding: see there.
        how: as in `split_rows`, which takes `Stream.whole`.
        column: as there.
        num_sampled: rows of the sample.
        seed: of the sample.
        known: as in `read_table`.

    Raises:
        DataError: as `read_table`; where the sample does not show it, `encode` does.
    """
    import pandas as pd

    path = Path(path).expanduser()
    kinds = kinds or {}
    sample = _Sample(num_sampled, seed)
    targets, keys, codes, hashes, header = [], [], {}, [], None
    for chunk in files.read_chunks(path, delimiter, encoding):
        if header is None:
            header = chunk.iloc[:0]
            reading.check_choices(list(header.columns), target, kinds, exclude)
        targets.append(type_column(chunk[target], "number")[0])
        if column in chunk and how in ("group", "time"):
            keys.append(_codes(chunk[column], codes))
        hashes.append(pd.util.hash_pandas_object(chunk, index=False).to_numpy())
        sample.add(chunk)
    if header is None:
        raise DataError(f"{shown(str(path))} has no rows.")
    notes: list[str] = []
    present = reading.check_target(pd.concat(targets), notes)
    frame = pd.DataFrame(index=present.index)
    if keys:
        frame[column] = pd.concat(keys)
    if codes and how == "time":
        # All at once, as a single date may show whether the day or the month is first.
        texts = pd.Series(list(codes), name=column, dtype=object)
        times, _ = type_column(texts, kinds.get(column))
        frame[column] = times.reindex(frame[column]).to_numpy()
    name = reading.table_name(path)
    whole = Table(name, target, (), frame, present.to_numpy(), notes, header)

    raw = sample.rows()
    raw = raw[raw.index.isin(present.index)]
    table = reading.type_table(raw, name, target, kinds, exclude, [*notes], known)
    table.notes.append(
        f"the file was read in pieces, {len(present):,} rows; kinds, encoding, these "
        f"notes, baselines, plots and test scores are of a sample of {len(raw):,}"
    )
    return Stream(
        path=path,
        delimiter=delimiter,
        encoding=encoding,
        whole=whole,
        sample=table,
        positions=present.index.searchsorted(raw.index),
        digest=digest(np.concatenate(hashes)),
    )


def sampled(
    rows: dict[str, np.ndarray], positions: np.ndarray
) -> dict[str, np.ndarray]:
    """Return by split which of the sampled rows belong to it.

    Args:
        rows: by split, ascending places of rows in the whole table.
        positions: of the sampled rows there, ascending.

    Raises:
        DataError: a split has none.
    """
    found = {}
    for split, those in rows.items():
        places = np.searchsorted(those, positions).clip(max=len(those) - 1)
        found[split] = np.flatnonzero(those[places] == positions)
        if not len(found[split]):
            raise DataError(
                f"Of {len(positions):,} sampled rows none is for {split}: give a "
                "larger --data.stream_sample, or other shares."
            )
    return found


def shuffled(rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return rows in an order that is random, and yet quick to read from a disk.

    Blocks of rows are shuffled, and then the rows of each few blocks.

    >>> sorted(shuffled(np.arange(5), np.random.default_rng(0)).tolist())
    [0, 1, 2, 3, 4]
    """
    blocks = np.array_split(rows, -(-len(rows) // BLOCK))
    order = generator.permutation(len(blocks))
    groups = [order[i : i + MIXED] for i in range(0, len(order), MIXED)]
    return np.concatenate(
        [generator.permutation(np.concatenate([blocks[b] for b in g])) for g in groups]
    )


class _Sample:
    """Rows drawn while they pass: those with the smallest of random numbers."""

    def __init__(self, size: int, seed: int):
        self.size = size
        # Made-up tables often come from the plain seed, and would be drawn by value.
        self.generator = np.random.default_rng([seed, 1])
        self.bound = 1.0  # above it, nothing is among the smallest
        self.draws, self.frames = [], []

    def add(self, chunk: "pandas.DataFrame") -> None:
        draws = self.generator.random(len(chunk))
        self.draws.append(draws[draws < self.bound])
        self.frames.append(chunk[draws < self.bound])
        if sum(map(len, self.draws)) > 2 * self.size:
            self.rows()

    def rows(self) -> "pandas.DataFrame":
        import pandas as pd

        draws, frame = np.concatenate(self.draws), pd.concat(self.frames)
        if len(draws) > self.size:
            self.bound = np.partition(draws, self.size)[self.size]
            draws, frame = draws[draws < self.bound], frame[draws < self.bound]
        self.draws, self.frames = [draws], [frame]
        return frame


def _codes(values: "pandas.Series", codes: dict[str, int]) -> "pandas.Series":
    """Return 8 bytes a row for texts that may be long; NaN where there is none."""
    texts = values.astype(str).str.strip()
    missing = values.isna() | (texts == "")
    numbers = texts.map(lambda text: codes.setdefault(text, len(codes)))
    return numbers.astype("float64").mask(missing)
