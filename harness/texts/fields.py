"""From a line to the two fields that are a pair, for each kind of file.

Each function yields line numbers with both fields, or with what is wrong with the line.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kerazoo.harness.errors import DataError
from kerazoo.harness.text_files import DELIMITERS, check_delimiter, one_column
from kerazoo.harness.texts.text import SIDES
from kerazoo.harness.wording import shown, unknown


class Odd(NamedTuple):
    """What is wrong with a line, and what to do if most lines are like it."""

    kind: str
    hint: str = ""


Lines = Iterable[tuple[int, str | None]]  # None: too long to be held
Fields = Iterator[tuple[int, tuple[str, str] | Odd]]
TOO_LONG = Odd("too long")
# What files call the columns of pairs: sides, and languages that many have.
USUAL_NAMES = """
source target src tgt trg input output text translation sentence1 sentence2
word words phoneme phonemes grapheme graphemes pronunciation spelling ipa
question answer prompt response article summary original simplified incorrect correct
ar bg bn cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt ro
ru sk sl sr sv sw ta th tr uk ur vi zh
arabic chinese czech dutch english french german greek hindi italian japanese korean
polish portuguese russian spanish swedish turkish ukrainian vietnamese
"""


def delimited_fields(
    lines: Lines, name: str, columns: Sequence[str], delimiter: str
) -> Fields:
    """Read lines without quotes: columns 1 and 2, where none are given."""
    if columns and delimiter == " ":
        raise DataError("--data.delimiter ' ' parts the first word from the rest.")
    named = _named(columns)
    chosen = None if named else _positions(columns or ("1", "2"))
    for number, line in lines:
        if line is None:
            yield number, TOO_LONG
            continue
        row = line.rstrip("\r\n").split(delimiter)
        if delimiter == " ":
            row = line.strip().split(maxsplit=1)
        if chosen is None:
            chosen = _of_header(row, name, columns, delimiter)
        elif line.strip():
            yield number, _picked(row, chosen, bool(columns), delimiter)


def quoted_fields(
    lines: Lines, name: str, columns: Sequence[str], delimiter: str
) -> Fields:
    """Read lines with quotes: columns "source" and "target", where none are given."""
    check_delimiter(delimiter, '" \r\n')
    columns = columns or SIDES
    chosen = None if _named(columns) else _positions(columns)
    too_long = set()

    def held() -> Iterator[str]:
        for number, (_, line) in enumerate(lines, 1):
            if line is None:
                too_long.add(number)
            yield line or ""

    reader = csv.reader(held(), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            # A quote that is never closed takes many lines along.
            is_long = "field limit" in str(error)
            for number in range(first, reader.line_num + 1):
                yield number, TOO_LONG if is_long else Odd("with broken quotes")
            continue
        if row is None:
            return
        if too_long.intersection(range(first, reader.line_num + 1)):
            yield first, TOO_LONG
        elif row and chosen is None:
            chosen = _of_header(row, name, columns, delimiter)
        elif row:
            yield first, _picked(row, chosen, True, delimiter)


def json_fields(lines: Lines, columns: Sequence[str]) -> Fields:
    """Read a JSON object a line: keys "source" and "target", where none are given.

    A key "translation.en" that an object lacks is the "en" of its "translation".
    """
    keys = columns or SIDES
    for number, line in lines:
        if line is None:
            yield number, TOO_LONG
        elif line.strip():
            yield number, _of_object(line, keys)


def _of_object(line: str, keys: Sequence[str]) -> tuple[str, str] | Odd:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return Odd("that are not JSON")
    if not isinstance(found, dict):
        return Odd("that are not JSON objects")
    try:
        sides = tuple(_value(found, key) for key in keys)
    except KeyError as error:
        return _without_key(error.args[0], list(_keys(found)))
    return (
        sides
        if all(isinstance(side, str) for side in sides)
        else Odd("with a side that is not text")
    )


def _value(found: dict, key: str):
    if key in found:
        return found[key]
    value = found
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise KeyError(key)
        value = value[part]
    return value


def _keys(found: dict) -> Iterator[str]:
    """Yield the names of an object's values, those within other objects dotted."""
    for key, value in found.items():
        if isinstance(value, dict) and value:
            yield from (f"{key}.{inner}" for inner in value)
        else:
            yield key


def _without_key(key: str, known: list[str]) -> Odd:
    reason = unknown(key, known) if known else "the object is empty."
    return Odd(f"without {shown(key)!r}", f"--data.columns: {reason}")


def may_be_header(first: str, second: str) -> bool:
    """Say whether two fields are what columns of pairs are usually called.

    >>> may_be_header("English", "fr"), may_be_header("to", "a")
    (True, False)
    """
    names = {first.casefold(), second.casefold()}
    return len(names) == 2 and names <= {*USUAL_NAMES.split()}


def _picked(
    row: list[str], chosen: tuple[int, int], given: bool, delimiter: str
) -> tuple[str, str] | Odd:
    """Return two fields of a row; it may have more of them if columns were given."""
    if max(chosen) >= len(row):
        others = [d for d in f"{DELIMITERS} " if len(row) == 1 and d in row[0]]
        hint = f"Is it --data.delimiter {others[0]!r}?" if others else ""
        name = {"\t": "tab", " ": "space"}.get(delimiter, repr(delimiter))
        kind = f"without a {name}" if len(row) == 1 else "with too few fields"
        return Odd(kind, hint)
    if not given and len(row) > 2:
        hint = "Say which two they are, as --data.columns '[1, 2]'."
        return Odd("with more than two fields", hint)
    return row[chosen[0]], row[chosen[1]]


def _named(columns: Sequence[str]) -> bool:
    return not all(re.fullmatch("[0-9]{1,4}", column) for column in columns)


def _positions(columns: Sequence[str]) -> tuple[int, int]:
    first, second = (int(column) - 1 for column in columns)
    if min(first, second) < 0:
        raise DataError("--data.columns: columns are counted from 1.")
    return first, second


def _of_header(
    header: list[str], name: str, columns: Sequence[str], delimiter: str
) -> tuple[int, int]:
    header = [label.strip().removeprefix("\ufeff") for label in header]
    others = [d for d in DELIMITERS if len(header) == 1 and d in header[0]]
    for column in columns:
        if column not in header and others:
            raise one_column(name, header[0], others[0])
        if column not in header:
            raise DataError(f"{name}, --data.columns: {unknown(column, header)}")
    return header.index(columns[0]), header.index(columns[1])
