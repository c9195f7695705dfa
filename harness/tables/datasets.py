"""The tables that are known by name: one function each, found by its name.

Each takes the path that the user gave, if any, and returns a frame and its target, as
`read_table` takes them; `attrs` of the frame holds its name and notes.
"""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from kerazoo.harness.errors import DataError
from kerazoo.harness.wording import first_line

if TYPE_CHECKING:
    import pandas

Known = tuple["pandas.DataFrame", str]


def diabetes(path: str) -> Known:
    """442 patients, 10 measurements, how far diabetes went; comes with scikit-learn."""
    del path
    from sklearn.datasets import load_diabetes

    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame = frame.rename(columns={"target": "progression"})
    frame["sex"] = frame["sex"].astype(int).astype("category")
    return _named(frame, "diabetes"), "progression"


def california(path: str) -> Known:
    """20,640 blocks of houses, 8 numbers, the median value in $100,000; downloaded."""
    from sklearn.datasets import fetch_california_housing

    try:
        found = fetch_california_housing(
            data_home=path or None, as_frame=True, n_retries=1
        )
    except Exception as error:
        # A download fails in many ways: no network, a proxy's page, a full disk.
        raise DataError(
            f"california could not be downloaded ({first_line(error)}). Run "
            "`sklearn.datasets.fetch_california_housing()` once where there is a "
            "network, and give its folder, ~/scikit_learn_data, with --data.path."
        ) from error
    return _named(found.frame, "california"), "MedHouseVal"


def diamonds(path: str) -> Known:
    """53,794 diamonds, 6 numbers, 3 grades, the price in $; comes with plotnine."""
    import pandas as pd

    file = Path(path) if path else _of_plotnine("diamonds.csv")
    try:
        # Otherwise the text "None" would be missing.
        frame = pd.read_csv(file, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"diamonds: {first_line(error)}") from error
    whole = len(frame)
    frame = frame.drop_duplicates(ignore_index=True)
    note = f"{whole - len(frame)} rows that repeat another were dropped"
    return _named(frame, "diamonds", note), "price"


def _of_plotnine(name: str) -> Path:
    # Looked up, not imported: plotnine takes seconds and brings much along.
    found = importlib.util.find_spec("plotnine")
    file = Path(found.origin).parent / "data" / name if found else None
    if not file or not file.is_file():
        raise DataError(
            f"{name} comes with the package plotnine: `pip install plotnine`, or give "
            "the file with --data.path."
        )
    return file


def _named(frame: "pandas.DataFrame", name: str, *notes: str) -> "pandas.DataFrame":
    frame.attrs = {"name": name, "notes": list(notes)}
    return frame
