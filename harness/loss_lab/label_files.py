"""The labels of a file, a folder of images, or a data set that is known by name."""

import csv
import zipfile
from pathlib import Path

import numpy as np

from kerazoo.harness.config import not_among, one_of
from kerazoo.harness.data import DataError

DELIMITERS = ",;\t"


def read_labels(source: str, target: str = "") -> np.ndarray:
    """Read labels only; of images the names of their folders.

    Args:
        source: a .npy file, a .npz file with the array y, a CSV file with a header, a
            folder with one folder of images per class, or the name of a data set.
        target: the column of a CSV file, or the array of a .npz file.

    Raises:
        DataError: there is no such source, or no labels can be read from it.
    """
    from kerazoo.harness.catalog import data_sets

    names = [row["name"] for row in data_sets()]
    path = Path(source).expanduser()
    if target and path.suffix not in (".npz", ".csv", ".tsv"):
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
    if path.suffix in (".csv", ".tsv"):
        return _of_table(path, target)
    raise DataError(f"{source}: labels are read from .npy, .npz, .csv and .tsv files.")


def _known(name: str) -> np.ndarray:
    from kerazoo.harness.images import datasets

    found = getattr(datasets, name)("")
    return found.train[1]


def _of_folder(path: Path) -> np.ndarray:
    from kerazoo.harness.images.layout import Layout

    try:
        classes = Layout(path).found["train"]
    except ValueError as error:
        raise DataError(str(error).splitlines()[0]) from error
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
        raise DataError(f"{path} is no whole {path.suffix} file.") from error
    except ValueError as error:
        pickled = "allow_pickle" in str(error)
        reason = "it holds Python objects, not numbers or strings" if pickled else error
        raise DataError(f"{path}: {reason}") from error


def _of_table(path: Path, target: str) -> np.ndarray:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            delimiter = max(DELIMITERS, key=header.count)
            columns = next(csv.reader([header], delimiter=delimiter), [])
            if not target:
                choices = ", ".join(columns)
                raise ValueError(f"give --target COLUMN, one of: {choices}.")
            one_of("column", target, columns)
            place = columns.index(target)
            rows = csv.reader(file, delimiter=delimiter)
            cells = [row[place] if place < len(row) else "" for row in rows if row]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not in UTF-8.") from error
    except (csv.Error, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    if "" in cells:
        missing = cells.count("")
        raise DataError(f"{path}: {missing} of {len(cells)} rows have no {target}.")
    for kind in (int, float):
        try:
            return np.array([kind(cell) for cell in cells])
        except ValueError:
            continue
    return np.array(cells)
