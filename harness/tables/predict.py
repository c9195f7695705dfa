"""Let the model of a regression run answer the rows of a file."""

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from kerazoo.harness.errors import DataError
from kerazoo.harness.tables.files import read_frame
from kerazoo.harness.tables.kinds import type_column
from kerazoo.harness.tables.tabular import Encoding, served_columns
from kerazoo.harness.wording import listed

if TYPE_CHECKING:
    import keras
    import pandas


def predict_rows(
    model: "keras.Model",
    encoding: Encoding,
    file: Path,
    *,
    delimiter: str = "",
    characters: str = "utf-8",
) -> tuple["pandas.DataFrame", list[str]]:
    """Return a table's rows with predictions behind them, and notes for the user.

    Unknown categories and missing values are treated as in training; columns that the
    model does not know stay as they are.

    Args:
        model: takes raw columns, answers in the target's unit.
        encoding: of the run, from its `data.json`.
        file: a table as `read_table` takes it; it needs no target.
        delimiter: that of the run; the usual one is tried too.
        characters: the encoding of the run's text; UTF-8 is tried first.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds what is no number
            or no date where the model needs one.
    """
    from kerazoo.harness.export.export import answers

    frame = _read(file, delimiter, characters)
    needed = [column["name"] for column in encoding["columns"]]
    if missing := [name for name in needed if name not in frame.columns]:
        raise DataError(
            f"{file} lacks {listed(missing)}; the model needs {listed(needed)}."
        )
    target = encoding["target"]["name"]
    unknown = [n for n in frame.columns if n not in needed and n != target]
    notes = [f"not used: {listed(unknown)}"] if unknown else []
    typed = {
        c["name"]: type_column(frame[c["name"]], c["kind"], c.get("hint"))[0]
        for c in encoding["columns"]
    }
    inputs = served_columns(typed, encoding)
    outputs = answers(model, inputs)
    names = ["predicted", "lower", "upper"][: outputs.shape[1]]
    for name, values in zip(names, outputs.T, strict=True):
        title = f"{name}_{target}"
        while title in frame.columns:  # of an earlier prediction
            title += "_2"
        frame[title] = values
    return frame, notes


def _read(file: Path, delimiter: str, characters: str) -> "pandas.DataFrame":
    # What is read as UTF-8 is that; any file can be read as Latin-1.
    forms = dict.fromkeys(product((delimiter, ""), ("utf-8", characters)))
    errors = []
    for form in forms:
        try:
            return read_frame(file, *form)
        except DataError as error:
            errors.append(error)
    raise errors[0]
