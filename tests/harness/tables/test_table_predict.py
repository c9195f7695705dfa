"""Rows of a file reach the model as those of training did."""

import json

import numpy as np
import pandas as pd
import pytest

from kerazoo.harness import DataError
from kerazoo.harness.export import export
from kerazoo.harness.tables.predict import predict_rows
from kerazoo.harness.tables.reading import read_table
from kerazoo.harness.tables.tabular import fit_encoding, served_columns


@pytest.fixture
def seen(monkeypatch):
    """What the model is asked."""
    seen = {}

    def answers(model, inputs):
        seen.update(inputs)
        return np.zeros((len(next(iter(inputs.values()))), 1))

    monkeypatch.setattr(export, "answers", answers)
    return seen


def test_a_mark_is_missing_among_booleans_and_a_category_among_categories(
    seen, tmp_path
):
    frame = pd.DataFrame(
        {
            "garden": ["yes", "no", "NA", "no"] * 5,
            "cut": ["Fair", "None", "Good", "NA"] * 5,
            "price": range(20),
        }
    )
    table = read_table(frame, "price")
    encoding = fit_encoding(table, np.arange(20), "standardise")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    predict_rows(None, encoding, tmp_path / "rows.csv")
    assert seen["garden"][:4].tolist() == ["yes", "no", "", "no"]
    assert seen["cut"][:4].tolist() == ["Fair", "None", "Good", "NA"]
    for name, values in served_columns(table.frame, encoding).items():
        assert np.array_equal(seen[name], values)


@pytest.mark.parametrize("rows", ["YES no perhaps NA", "True false perhaps NA", "1 0"])
def test_booleans_are_the_same_however_they_are_written(rows, seen, tmp_path):
    frame = pd.DataFrame({"garden": ["Yes", "no", "YES", "No"] * 5, "price": range(20)})
    encoding = fit_encoding(read_table(frame, "price"), np.arange(20), "standardise")
    (column,) = encoding["columns"]
    assert column["vocabulary"] == ["Yes", "no"]
    (tmp_path / "rows.csv").write_text("\n".join(["garden", *rows.split()]))
    predict_rows(None, encoding, tmp_path / "rows.csv")
    wanted = ["Yes", "no", "perhaps", ""][: len(rows.split())]
    assert seen["garden"].tolist() == wanted


@pytest.mark.parametrize(
    ("dates", "odd", "example"),
    [
        ("2024-01-01 03.01.2024 2024-01-04", "'03.01.2024' in line 3", "2024-01-01"),
        ("2024-01-01 03.01.2024 04.01.2024", "'2024-01-01' in line 2", "03.01.2024"),
        ("2024-01-01 2024-01-04 01/13/2024", "'01/13/2024' in line 4", "2024-01-01"),
    ],
)
def test_the_date_of_another_form_is_named(dates, odd, example, tmp_path):
    frame = pd.DataFrame({"sold": ["2024-01-01", "2024-02-01"] * 5, "price": range(10)})
    encoding = fit_encoding(read_table(frame, "price"), np.arange(10), "standardise")
    (tmp_path / "rows.csv").write_text("\n".join(["sold", *dates.split()]))
    with pytest.raises(DataError) as caught:
        predict_rows(None, encoding, tmp_path / "rows.csv")
    assert str(caught.value) == f"Column sold: {odd} is not a date, unlike {example}."


def test_a_few_rows_are_meant_as_the_whole_column_was(seen, tmp_path):
    """Which number is the day, and how numbers that are categories are written."""
    frame = pd.DataFrame(
        {
            "sold": ["01/02/2024", "31/01/2024", "05/06/2024", "02/02/2024"] * 5,
            "size": [1.0, 2.0, 2.5, 1.0] * 5,
            "price": range(20),
        }
    )
    table = read_table(frame, "price", kinds={"size": "category"})
    encoding = json.loads(json.dumps(fit_encoding(table, np.arange(20), "standardise")))
    rows = pd.DataFrame({"sold": ["01/02/2024", "05/06/2024"], "size": [1, 2]})
    rows.to_parquet(tmp_path / "rows.parquet")
    predict_rows(None, encoding, tmp_path / "rows.parquet")
    known = served_columns(table.frame, encoding)
    assert seen["sold"].tolist() == known["sold"][[0, 2]].tolist()
    assert seen["size"].tolist() == known["size"][[0, 1]].tolist() == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("text", "form", "written"),
    [
        ("town;age\nKöln;1\n", {}, "utf-8"),
        ("town,age\nKöln,1\n", {"delimiter": ";"}, "utf-8"),
        ("town,age\nKöln,1\n", {"characters": "latin-1"}, "utf-8"),
        ("town,age\nKöln,1\n", {"characters": "latin-1"}, "latin-1"),
        ("town;age\nKöln;1\n", {"characters": "latin-1", "delimiter": ";"}, "latin-1"),
    ],
)
def test_a_file_may_be_in_the_form_of_the_run_or_in_the_usual_one(
    text, form, written, seen, tmp_path
):
    frame = pd.DataFrame({"town": ["Köln", "Ulm"] * 10, "price": range(20)})
    encoding = fit_encoding(read_table(frame, "price"), np.arange(20), "standardise")
    (tmp_path / "rows.csv").write_bytes(text.encode(written))
    predict_rows(None, encoding, tmp_path / "rows.csv", **form)
    assert seen["town"].tolist() == ["Köln"]
