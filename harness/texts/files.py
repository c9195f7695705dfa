"""Pairs of texts, streamed from what users have: one pass, line by line.

A line that cannot be used is skipped and counted; `OddLines` stops where they are many.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from kerazoo.harness.errors import DataError
from kerazoo.harness.text_files import opened
from kerazoo.harness.texts.fields import (
    TOO_LONG,
    Fields,
    Lines,
    Odd,
    delimited_fields,
    json_fields,
    may_be_header,
    quoted_fields,
)
from kerazoo.harness.texts.odd_lines import OddLines
from kerazoo.harness.texts.text import Normaliser
from kerazoo.harness.wording import shown

LEXICA = (".dict", ".train", ".test")  # a word, white space, its symbols
OF_COLUMNS = (".tsv", ".txt", ".csv")
OF_OBJECTS = (".jsonl", ".ndjson")
SUFFIXES = (*OF_COLUMNS, *OF_OBJECTS, *LEXICA)
LONGEST = 10_000  # characters of one side
LONGEST_LINE = 1 << 20  # characters that are held at one time
EMPTY = Odd("with an empty side")


class Pair(NamedTuple):
    """A source and its target, and where they stand."""

    source: str
    target: str
    line: int  # of the file, counted from 1


def stream_pairs(
    path: str | Path,
    target_path: str | Path = "",
    *,
    odd: OddLines,
    columns: Sequence[str] = (),
    delimiter: str = "",
    encoding: str = "utf-8",
    normalise: tuple[Normaliser, Normaliser] = (Normaliser(), Normaliser()),
) -> Iterator[Pair]:
    """Yield the pairs of a file, or of two files that are aligned line by line.

    What a file is, its name says, before any `.gz`: `.tsv` and `.txt` have two texts a
    line and no quotes; `.csv` has quotes and a header; `.jsonl` and `.ndjson` have one
    object a line; `.dict`, `.train` and `.test` have a word and its symbols.

    Args:
        path: the file.
        target_path: a second text file, whose lines are the targets.
        odd: receives the lines that are skipped.
        columns: of source and target, by name (there is a header then) or counted from
            1 (there is none). Empty: 1 and 2 in .tsv, "source" and "target" elsewhere.
            In JSON, "translation.en" is the "en" of the object "translation".
        delimiter: empty: a tab, or a comma in .csv. A space parts the first word, the
            source, from the rest.
        encoding: of the files.
        normalise: what is done to sources and to targets.

    Raises:
        DataError: in one line what is wrong, where, and what to do.
    """
    path = Path(path).expanduser()
    if columns and (len(columns) != 2 or columns[0] == columns[1]):
        raise DataError("--data.columns takes two: of the source, and of the target.")
    if target_path:
        fields = _aligned(path, Path(target_path).expanduser(), encoding)
    else:
        fields = _fields(path, columns, delimiter, encoding)
    for line, sides in fields:
        odd.num_lines += 1
        found = (
            sides if isinstance(sides, Odd) else _cleaned(sides, normalise, encoding)
        )
        if isinstance(found, Odd):
            odd.add(found.kind, line, found.hint)
        else:
            yield Pair(*found, line)
    odd.check()
    if odd.count == odd.num_lines:
        raise DataError(f"{odd.name} holds no pairs.")


def read_pairs(
    path: str | Path, target_path: str | Path = "", *, most_odd: float = 0.05, **options
) -> tuple[list[Pair], list[str]]:
    """Return the pairs of a file in memory, and notes for the user.

    Args:
        path: as in `stream_pairs`.
        target_path: as in `stream_pairs`.
        most_odd: share of the lines that may be skipped.
        **options: of `stream_pairs`.

    Raises:
        DataError: as `stream_pairs` does.
    """
    odd = OddLines(shown(str(path)), most_odd)
    pairs = list(stream_pairs(path, target_path, odd=odd, **options))
    notes = [odd.note] if odd.note else []
    has_columns = not target_path and file_kind(Path(path)) in OF_COLUMNS
    if has_columns and pairs[0].line == 1 and may_be_header(*pairs[0][:2]):
        first, second, _ = pairs[0]
        notes.append(
            f"{odd.name}: line 1, {first!r} and {second!r}, was taken for a pair. If "
            f"it is a header, give --data.columns '[{first}, {second}]'"
        )
    return pairs, notes


def file_kind(path: Path) -> str:
    """Return the suffix that says what is in a file.

    >>> file_kind(Path("pairs.TSV.gz"))
    '.tsv'
    """
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _fields(
    path: Path, columns: Sequence[str], delimiter: str, encoding: str
) -> Fields:
    name, kind = shown(str(path)), file_kind(path)
    if kind not in SUFFIXES:
        raise DataError(
            f"{name}: pairs are read from {', '.join(SUFFIXES)} files, also with .gz; "
            "a second text file is given with --data.target_path."
        )
    lines = _lines(path, encoding)
    if kind in OF_OBJECTS:
        return json_fields(lines, columns)
    if kind == ".csv":
        return quoted_fields(lines, name, columns, delimiter or ",")
    usual = " " if kind in LEXICA else "\t"
    return delimited_fields(lines, name, columns, delimiter or usual)


def _aligned(path: Path, target_path: Path, encoding: str) -> Fields:
    paths = (path, target_path)
    for number, lines in enumerate(
        zip_longest(*(_lines(path, encoding) for path in paths)), 1
    ):
        if None in lines:
            short, long = paths if lines[0] is None else reversed(paths)
            raise DataError(
                f"{shown(str(short))} ends after line {number - 1:,}, and "
                f"{shown(str(long))} goes on; aligned files have equally many."
            )
        texts = tuple(text for _, text in lines)
        yield number, TOO_LONG if None in texts else texts


def _cleaned(
    sides: tuple[str, str], normalise: tuple[Normaliser, Normaliser], encoding: str
) -> tuple[str, str] | Odd:
    if max(map(len, sides)) > LONGEST:
        return TOO_LONG
    try:
        # Bytes that could not be decoded stand in the text as half characters.
        "".join(sides).encode()
    except UnicodeEncodeError:
        hint = "Give --data.encoding, such as latin-1."
        return Odd(f"with what is not in {shown(encoding)}", hint)
    source, target = (clean(side) for clean, side in zip(normalise, sides, strict=True))
    return (source, target) if source and target else EMPTY


def _lines(path: Path, encoding: str) -> Lines:
    """Yield the lines of a file, counted from 1; None: it is too long to be held."""
    number = 0
    # Bytes that are not in the encoding are shown with the lines that they stand in.
    with opened(path, encoding, errors="surrogateescape", newline="\n") as file:
        while line := file.readline(LONGEST_LINE):
            number += 1
            whole = line.endswith("\n") or len(line) < LONGEST_LINE
            while len(line) == LONGEST_LINE and not line.endswith("\n"):
                line = file.readline(LONGEST_LINE)
            yield number, line if whole else None
    if not number:
        raise DataError(f"{shown(str(path))} is empty.")
