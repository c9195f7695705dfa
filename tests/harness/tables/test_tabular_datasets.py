"""Tables that are known by name: there, missing, and not to be had."""

import subprocess
import sys

import pandas as pd
import pytest
import sklearn.datasets

from kerazoo.harness import DataError, catalog
from kerazoo.harness.tables import datasets
from kerazoo.harness.tables.reading import read_table


def test_diabetes_is_read():
    table = read_table(*datasets.diabetes(""))
    assert (table.name, table.target) == ("diabetes", "progression")
    assert len(table.targets) == 442 and len(table.columns) == 10
    assert [c.name for c in table.columns if c.kind == "category"] == ["sex"]
    assert table.targets.min() == 25 and table.targets.max() == 346


@pytest.fixture
def diamonds_file(tmp_path):
    """A package as plotnine is, which must not be imported."""
    folder = tmp_path / "plotnine"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError")
    rows = [f"0.{i},{'None' if i % 2 else 'Ideal'},{i * 10}" for i in range(1, 21)]
    file = folder / "data" / "diamonds.csv"
    file.write_text("\n".join(["carat,cut,price", *rows, *rows[:3]]) + "\n")
    return file


def test_diamonds_are_found_without_importing_plotnine(diamonds_file, monkeypatch):
    monkeypatch.syspath_prepend(str(diamonds_file.parents[2]))
    table = read_table(*datasets.diamonds(""))
    assert (table.name, table.target, len(table.targets)) == ("diamonds", "price", 20)
    assert table.notes[0] == "3 rows that repeat another were dropped"
    assert table.frame["cut"].tolist() == ["None", "Ideal"] * 10


def test_diamonds_are_read_from_a_path(diamonds_file):
    frame, _ = datasets.diamonds(str(diamonds_file))
    assert len(frame) == 20


def test_without_plotnine_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotnine", None)
    with pytest.raises(DataError) as caught:
        datasets.diamonds("")
    assert str(caught.value) == (
        "diamonds.csv comes with the package plotnine: `pip install plotnine`, or give "
        "the file with --data.path."
    )


def test_a_missing_file_of_diamonds_is_named():
    with pytest.raises(DataError, match=r"diamonds: .*gone\.csv"):
        datasets.diamonds("gone.csv")


def test_california_comes_from_scikit_learn(monkeypatch):
    frame = pd.DataFrame({"MedInc": range(20), "MedHouseVal": range(20)})

    def fetch(data_home, as_frame, n_retries):
        assert data_home == "cache" and as_frame
        return type("Bunch", (), {"frame": frame})

    monkeypatch.setattr(sklearn.datasets, "fetch_california_housing", fetch)
    found, target = datasets.california("cache")
    assert target == "MedHouseVal" and found.attrs["name"] == "california"


def test_without_a_network_one_line_says_how_to_get_california(monkeypatch):
    def fetch(**options):
        raise OSError("no route\nmore")

    monkeypatch.setattr(sklearn.datasets, "fetch_california_housing", fetch)
    with pytest.raises(DataError) as caught:
        datasets.california("")
    line = str(caught.value)
    assert line.startswith("california could not be downloaded (no route). Run ")
    assert "\n" not in line and "more" not in line


def test_tables_are_listed():
    names = [row["name"] for row in catalog.KINDS["data"]()]
    assert {"digits", "diabetes", "california", "diamonds"} <= set(names)
    assert {"cmudict", "pronalsyl"} <= set(names)
    assert "10 measurements" in catalog.describe("diabetes")


def test_nothing_heavy_is_imported_before_a_table_is_read():
    code = (
        "import sys, kerazoo.harness.tables.reading, kerazoo.harness.tables.datasets;"
        "heavy = {'pandas', 'pyarrow', 'sklearn', 'tensorflow', 'keras'};"
        "print(heavy & {*sys.modules})"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.stdout == "set()\n", shown.stderr
