"""Rows of a file reach the model as those of training did."""

import numpy as np
import pandas as pd
import pytest

from kerazoo.harness import export
from kerazoo.harness.table_predict import predict_rows
from kerazoo.harness.tables import read_table
from kerazoo.harness.tabular import fit_encoding, served_columns


@pytest.fixture
def seen(monkeypatch):
    """What the model is asked."""
    seen = {}

    def answers(model, inputs):
        seen.update(inputs)
        return np.zeros((len(next(iter(inputs.values()))), 1))

    monkeypatch.setattr(export, "by_name", lambda model, inputs: inputs)
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
