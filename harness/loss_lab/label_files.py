"""The labels of a file, a folder of images, or a data set that is known by name."""

import zipfile
from pathlib import Path

import numpy as np

from kerazoo.harness.config import one_of
from kerazoo.harness.errors import DataError
from kerazoo.harness.tables.files import SUFFIXES
from kerazoo.harness.wording import first_line, listed, not_among, unknown


def read_labels(source: str, target: str = "") -> np.ndarray:
    """Read labels only; of images the names of their folders.

    Args:
        source: a .npy file, a .npz file with the array y, a table as of regression, a
            folder with one folder of images per class, or the name of a data set.
        target: the column of a table, or the array of a .npz file.

    Raises:
        DataError: there is no such source, or no labels can be read from it.
    """
    from kerazoo.harness.catalog import data_sets

    names = [row["name"] for row in data_sets()]
    path = Path(source).expanduser()
    if target and not path.name.lower().endswith((".npz", *SUFFIXES)):
        raise DataError(f"--target {target}: {source} has one target, without a name.")
    if source in names:
        return _known(source)
    if path.is_dir():
        return _of_folder(path)
    if not path.exists():
        raise DataError(
            f"There is no file or folder {source}; as a data set "
            f"{not_among(source, names)}"
        )
    if path.suffix in (".npy", ".npz"):
        return _of_arrays(path, target or "y")
    if path.name.lower().endswith(SUFFIXES):
        return _of_table(path, target)
    kinds = ", ".join((".npy", ".npz", *SUFFIXES))
    raise DataError(f"{source}: labels are read from {kinds} files.")


def _known(name: str) -> np.ndarray:
    from kerazoo.harness.images import datasets

    found = getattr(datasets, name)("")
    return found.train[1]


def _of_folder(path: Path) -> np.ndarray:
    from kerazoo.harness.images.layout import Layout

    try:
        classes = Layout(path).found["train"]
    except ValueError as error:
        raise DataError(first_line(error)) from error
    return np.repeat(list(classes), [len(files) for files in classes.values()])


def _of_arrays(path: Path, name: str) -> np.ndarray:
    try:
        with open(path, "rb") as file:
            stored = np.load(file)
            if isinstance(stored, np.ndarray):
                return stored
            one_of("array", name, stored)
            return stored[name]
    except (EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a complete {path.suffix} file.") from error
    except ValueError as error:
        pickled = "allow_pickle" in str(error)
        reason = "it holds Python objects, not numbers or strings" if pickled else error
        raise DataError(f"{path}: {reason}") from error


def _of_table(path: Path, target: str) -> np.ndarray:
    from kerazoo.harness.tables.files import read_frame
    from kerazoo.harness.tables.kinds import type_column

    frame = read_frame(path, "", "utf-8")
    if not target:
        raise DataError(f"{path}: give --target COLUMN, one of: {listed([*frame])}.")
    if target not in frame:
        raise DataError(f"{path}: column {unknown(target, [*frame])}")
    try:
        values, kind = type_column(frame[target])
    except DataError:  # such as a text a row: for the loss's advice to judge
        values, kind = type_column(frame[target], "category")
    if missing := values.isna().sum():
        raise DataError(f"{path}: {missing} of {len(frame)} rows have no {target}.")
    if kind != "number":
        return values.to_numpy().astype(str)
    numbers = values.to_numpy()
    whole = (numbers == numbers.round()).all()  # as of classes; floats are amounts
    as_written = all(str(text).strip().lstrip("+-").isdigit() for text in frame[target])
    return numbers.astype("int64") if whole and as_written else numbers
