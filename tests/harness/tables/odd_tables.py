"""Small tables that tests write, and the errors they end in."""

import numpy as np
import pandas as pd
import pytest

from kerazoo.harness import DataError
from kerazoo.harness.tables.reading import read_table

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


def told_in_lines(error: DataError) -> None:
    """Check that an error is one line, or a title and one for each of a few columns."""
    title, *lines = str(error).splitlines()
    assert title.isprintable() and len(lines) <= 6 and len(lines) != 1
    assert all(line.startswith("- ") and line.isprintable() for line in lines)
