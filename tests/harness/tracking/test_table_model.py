"""What MLflow loads of a table answers for the table's own file, however it is read."""

import json
import re

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server import infer_and_parse_data

from kerazoo.harness.tables import tabular
from kerazoo.harness.tables.predict import predict_rows
from kerazoo.harness.tables.reading import read_table
from kerazoo.harness.tracking import mlflow_store

ROWS = 40
PREDICTED = "predicted_price ($)"
# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates, and MLflow
# 3.17 looks at the columns of an example in one that pandas 3 does.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
]


def cycle(*values):
    return [values[i % len(values)] for i in range(ROWS)]


TABLE = pd.DataFrame(
    {
        "owner": [f"me {i}" for i in range(ROWS)],
        "living area (m²)": [*map(str, range(ROWS - 2)), "?", ""],
        "zip": cycle("01067", "50667", "2.5"),
        "rooms": cycle("2", "3", "NaN", "4"),  # a category, as one says
        "garden": cycle("yes", "no", ""),
        "sold": cycle("True", "False"),
        "ISO": cycle("2024-01-31", "2023-12-01 12:30", "1969-12-31T23:00Z"),
        "dotted": cycle("31.01.2024", "1.2.2024", "NA"),
        "month first": cycle("01/31/2024", "01/02/2024"),
        "price ($)": [str(i * i) for i in range(ROWS)],
    }
)


def as_it_stands(file):
    return pd.read_csv(file, dtype=str, keep_default_na=False)


def as_pandas_does(file):
    return pd.read_csv(file)


def with_datetimes(file):
    frame = pd.read_csv(file)
    frame["ISO"] = pd.to_datetime(frame["ISO"], format="ISO8601", utc=True)
    frame["month first"] = pd.to_datetime(frame["month first"], format="%m/%d/%Y")
    days = pd.to_datetime(frame["dotted"], format="%d.%m.%Y") - pd.Timestamp(0)
    return frame.assign(dotted=days / pd.Timedelta("1D"))  # as those of exports


@pytest.fixture
def logged(store):
    """The file, what `kerazoo predict` answers for it, and the address in MLflow."""
    TABLE.to_csv("houses.csv", index=False)
    kinds = {"zip": "category", "rooms": "category"}
    table = read_table("houses.csv", "price ($)", kinds=kinds, exclude=["owner"])
    encoding = tabular.fit_encoding(table, np.arange(ROWS), "standardise")
    features = keras.Input((tabular.num_features(encoding),), name="numbers")
    codes = keras.Input((len(tabular.cardinalities(encoding)),), dtype="int32")
    both = keras.ops.concatenate([features, keras.ops.cast(codes, "float32")], -1)
    network = keras.Model([features, codes], keras.layers.Dense(1)(both))
    model = tabular.attach_columns(network, encoding)
    expected = predict_rows(model, encoding, "houses.csv")[0][PREDICTED]
    assert expected.nunique() == ROWS

    columns = tabular.served_columns(table.frame, encoding)
    tracker = mlflow_store.start("trials", "a table")
    example = {name: values[:3] for name, values in columns.items()}
    tracker.model(model, example, {"encoding": encoding})
    tracker.end("FINISHED")
    return "houses.csv", expected, f"runs:/{tracker.run_id}/model"


def test_the_file_is_answered_as_by_kerazoo_predict(logged):
    file, expected, address = logged
    model = mlflow.pyfunc.load_model(address)
    for read in (as_it_stands, as_pandas_does, with_datetimes):
        found = model.predict(read(file))["prediction"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, err_msg=read.__name__)
    for name, odd in {"living area (m²)": "12 kg", "ISO": "soon"}.items():
        with pytest.raises(ValueError, match=f"Column {re.escape(name)}: .*{odd}"):
            model.predict(as_it_stands(file).assign(**{name: odd}))
    with pytest.raises(mlflow.MlflowException, match=r"missing inputs \['zip'\]"):
        model.predict(as_it_stands(file).drop(columns="zip"))


def test_what_the_page_and_a_server_show_are_the_tables_own_names(logged):
    file, expected, address = logged
    info = mlflow.models.get_model_info(address)
    names = [name for name in TABLE if name not in ("owner", "price ($)")]
    assert info.signature.inputs.input_names() == names
    example = mlflow.pyfunc.load_model(address).input_example
    assert list(example) == names
    assert example["ISO"].tolist()[:2] == ["2024-01-31", "2023-12-01 12:30:00"]
    rows = as_it_stands(file).head(5).to_dict("records")
    rows[0]["living area (m²)"], rows[0]["garden"] = 0, True  # as JSON may have them
    sent = json.loads(json.dumps({"dataframe_records": rows}))
    parsed = infer_and_parse_data(sent, info.signature.inputs)
    found = mlflow.pyfunc.load_model(address).predict(parsed)
    np.testing.assert_allclose(found["prediction"], expected[:5], rtol=1e-4)
