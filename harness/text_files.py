"""Text files in whatever encoding they are, packed or not."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from kerazoo.harness.errors import DataError
from kerazoo.harness.wording import first_line, shown

GZIP_MAGIC = b"\x1f\x8b"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # how such files begin
DELIMITERS = ",;\t|"  # those that are usual between columns


@contextmanager
def opened(
    path: Path, encoding: str, errors: str = "strict", newline: str = ""
) -> Iterator[TextIO]:
    """Open a text file, also a `.gz`, for the block.

    Args:
        path: of the file.
        encoding: a name that Python has; in UTF-8 a mark at the beginning is no text.
        errors: as of `open`.
        newline: as of `open`.

    Raises:
        DataError: whatever keeps it from being opened, or read to its end.
    """
    name = shown(str(path))
    if path.is_dir():
        raise DataError(f"{name} is a folder; give one file of it.")
    if not path.exists():
        raise DataError(f"There is no file {name}.")
    packed = path.suffix.lower() == ".gz"
    plain = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start == GZIP_MAGIC and not packed:
            raise DataError(
                f"{name} is packed by gzip; give it a name that ends in .gz."
            )
        if plain and start in UTF_16_MARKS:
            raise DataError(f"{name} is not in utf-8: give --data.encoding utf-16.")
        with (gzip.open if packed else open)(
            path,
            "rt",
            # Excel begins files with a mark that is no part of the first name.
            encoding="utf-8-sig" if plain else encoding,
            errors=errors,
            newline=newline,
        ) as file:
            yield file
    except UnicodeDecodeError as error:
        byte, place = error.object[error.start], _place(path, packed, encoding)
        raise DataError(
            f"{name}{place}: 0x{byte:02x} is not {encoding}. Give --data.encoding, "
            "such as latin-1."
        ) from error
    except DataError:
        raise
    except (LookupError, ValueError) as error:
        raise DataError(
            f"--data.encoding {shown(encoding)} cannot be used: {first_line(error)}"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} cannot be read: {first_line(error)}") from error


def check_delimiter(delimiter: str, never: str) -> None:
    """Raise DataError for what cannot part the columns of a quoted file."""
    if len(delimiter) != 1 or delimiter in never:
        raise DataError(
            f"--data.delimiter {delimiter!r} cannot be used; it is one character."
        )


def one_column(name: str, header: str, other: str) -> DataError:
    """Return the error for a header in which another delimiter stands."""
    return DataError(
        f"{name} has one column, {shown(header)!r}; it looks as if separated by "
        f"{other!r}: give --data.delimiter {other!r}."
    )


def _place(path: Path, packed: bool, encoding: str) -> str:
    """Name the first line that is not in an encoding, if bytes show where lines end."""
    with (gzip.open if packed else open)(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return f", line {number:,}"
    return ""
