"""Columns are encoded alike by NumPy, in the graph and by hand, from training rows."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from kerazoo.harness import DataError, tabular
from kerazoo.harness.export import answers, by_name
from kerazoo.harness.table_encoder import decode, encode
from kerazoo.harness.tabular_metric import UnscaledRMSE

FRAME = pd.DataFrame(
    {
        "size (m²)": [1.0, 2.0, np.nan, 5.0, 1000.0],
        "colour": ["red", "blue", "red", None, "grün"],
        "built": pd.to_datetime(
            ["1970-01-01", "1970-01-08", None, "2020-06-30 12:00", "2024-02-29"],
            format="ISO8601",
        ),
    }
)
KINDS = {"size (m²)": "number", "colour": "category", "built": "date"}
TARGETS = np.array([10.0, 20.0, 40.0, 80.0, 5.0])
TRAIN = np.arange(4)  # the last row is no training row


def table(targets=TARGETS, frame=FRAME, kinds=KINDS):
    columns = [SimpleNamespace(name=name, kind=kind) for name, kind in kinds.items()]
    return SimpleNamespace(frame=frame, columns=columns, targets=targets, target="y")


@pytest.fixture(scope="module")
def encoding():
    return tabular.fit_encoding(table(), TRAIN, "log")


def test_only_training_rows_are_read(encoding):
    changed = FRAME.copy()
    changed.loc[4] = [-7.0, "never seen", pd.Timestamp("1800-01-01")]
    targets = np.array([*TARGETS[:4], 1e9])
    again = tabular.fit_encoding(table(targets, changed), TRAIN, "log")
    assert again == encoding


def test_the_encoding_is_what_one_reads_off_by_hand(encoding):
    size, colour, built = encoding["columns"]
    assert (size["name"], size["input"], size["fill"]) == ("size (m²)", "size_m", 2.0)
    assert size["flag"] and built["flag"]
    assert size["center"] == pytest.approx(2.5)  # of 1, 2, 2 and 5
    assert size["scale"] == pytest.approx(1.5)
    assert colour["vocabulary"] == ["red", "", "blue"]
    assert encoding["target"]["center"] == pytest.approx(np.log(TARGETS[:4]).mean())
    assert tabular.num_features(encoding) == 2 + 6
    assert tabular.cardinalities(encoding) == (4,)
    json.dumps(encoding)


def test_numbers_and_codes_are_right(encoding):
    columns = tabular.served_columns(FRAME, encoding)
    numbers, categories = encode(columns, encoding)
    assert categories[:, 0].tolist() == [1, 3, 1, 2, 0]  # "grün" was never seen
    np.testing.assert_allclose(
        numbers[:, 0], [-1, -1 / 3, -1 / 3, 5 / 3, 665], rtol=1e-6
    )
    assert numbers[:, 1].tolist() == [0, 0, 1, 0, 0]
    # 1970-01-08 is a week after the first: the same place in the week.
    np.testing.assert_allclose(numbers[0, 5:7], [0, 1], atol=1e-6)
    np.testing.assert_allclose(numbers[1, 5:7], [0, 1], atol=1e-6)
    turn = 2 * np.pi * 7 / 365.2425
    np.testing.assert_allclose(numbers[1, 3:5], [np.sin(turn), np.cos(turn)], rtol=1e-5)
    assert numbers.dtype == np.float32 and categories.dtype == np.int32


class Echo(keras.layers.Layer):
    """Show what a model is given."""

    def call(self, inputs):
        numbers, codes = inputs
        return keras.ops.concatenate([numbers, keras.ops.cast(codes, "float32")], -1)


def test_the_graph_encodes_as_numpy_does(encoding):
    numbers = keras.Input((tabular.num_features(encoding),), name="numbers")
    codes = keras.Input((1,), name="categories", dtype="int32")
    model = keras.Model([numbers, codes], Echo(name="echo")([numbers, codes]))
    plain = {
        **encoding,
        "target": {"transform": "standardise", "center": 0, "scale": 1},
    }
    product = tabular.attach_columns(model, plain)

    columns = tabular.served_columns(FRAME, encoding)
    found = answers(product, by_name(product, columns))
    np.testing.assert_allclose(
        found, np.concatenate(encode(columns, encoding), axis=1), atol=2e-4
    )


@pytest.mark.parametrize("transform", ["standardise", "log", "yeo_johnson"])
@pytest.mark.parametrize("sign", [1, -1])
def test_scaling_a_target_is_undone_by_numpy_and_in_the_graph(transform, sign):
    rng = np.random.default_rng(0)
    y = rng.lognormal(3, 1, 200)
    if sign < 0 and transform == "log":
        with pytest.raises(DataError, match="yeo_johnson takes any number"):
            tabular.fit_target(-y, transform)
        return
    target = tabular.fit_target(sign * y, transform)
    z = tabular.scale_target(sign * y, target)
    assert z.mean() == pytest.approx(0, abs=1e-5) and z.std() == pytest.approx(1)
    np.testing.assert_allclose(decode(z, target), sign * y, rtol=1e-4)
    graph = keras.ops.convert_to_numpy(
        tabular.decode_in_graph(keras.ops.array(z), target)
    )
    np.testing.assert_allclose(graph, sign * y, rtol=1e-3)


def test_a_skewed_target_becomes_less_so():
    from scipy.stats import skew

    y = np.random.default_rng(0).lognormal(3, 1, 500)
    found = tabular.scale_target(y, tabular.fit_target(y, "yeo_johnson"))
    assert abs(skew(found)) < 0.2 < skew(y)


@pytest.mark.parametrize(
    ("head", "outputs", "expected"),
    [
        ("mean", [[1.0]], [[12.0]]),
        ("mean_variance", [[1.0, np.log(4.0)]], [[12.0, 5.4206, 18.5794]]),
        ((0.05, 0.5, 0.95), [[-1.0, 1.0, 2.0]], [[12.0, 8.0, 14.0]]),
    ],
)
def test_every_head_ends_in_the_unit_of_the_target(head, outputs, expected):
    """A scale of 2 and a centre of 10: 1 is 12."""
    x = keras.Input((1,), name="numbers")
    wanted = np.array(outputs, "float32")
    layer = keras.layers.Dense(wanted.shape[1], kernel_initializer="zeros")
    model = keras.Model(x, layer(x))
    layer.bias.assign(wanted[0])
    column = {"name": "a", "input": "a", "kind": "number", "fill": 0.0, "flag": False}
    column |= {"low": -9.0, "high": 9.0, "center": 0.0, "scale": 1.0}
    target = {"transform": "standardise", "center": 10.0, "scale": 2.0}
    encoding = {"columns": [column], "target": target}
    product = tabular.attach_columns(model, encoding, head)
    found = product.predict(np.array([3.0], "float32"), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_values_far_out_are_drawn_in_and_counted():
    frame = pd.DataFrame({"a": np.arange(101.0)})
    one = table(np.arange(101.0), frame, {"a": "number"})
    encoding = tabular.fit_encoding(one, np.arange(101), "standardise", winsorise=0.1)
    (column,) = encoding["columns"]
    assert (column["low"], column["high"]) == (10.0, 90.0)
    notes = tabular.winsorised_notes(one, np.arange(101), encoding)
    assert notes == ["a: 20 values are drawn in to 10 to 90"]
    low, high = encode({"a": [-1e9, 1e9]}, encoding)[0][:, 0]
    inside = encode({"a": [10.0, 90.0]}, encoding)[0][:, 0]
    assert [low, high] == inside.tolist()


def test_the_metric_is_in_the_unit_of_the_target():
    target = tabular.fit_target(TARGETS, "log")
    metric = UnscaledRMSE(target, column=1)
    predicted = np.array([12.0, 18.0, 40.0, 80.0, 5.0])
    both = np.stack([np.zeros(5), tabular.scale_target(predicted, target)], axis=-1)
    metric.update_state(tabular.scale_target(TARGETS, target), both)
    assert float(metric.result()) == pytest.approx(np.sqrt(8 / 5), rel=1e-4)
    again = UnscaledRMSE.from_config(json.loads(json.dumps(metric.get_config())))
    assert (again.name, again.column, again.target) == ("rmse", 1, target)


def test_plain_models_see_categories_one_by_one(encoding):
    columns = tabular.served_columns(FRAME, encoding)
    matrix = tabular.plain_features(encode(columns, encoding), encoding)
    assert matrix.shape == (5, 8 + 4)
    assert matrix[:, 8:].argmax(1).tolist() == [1, 3, 1, 2, 0]
