"""Columns are encoded alike by NumPy, in the graph and by hand, from training rows."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from ai_edge_litert.interpreter import Interpreter

from kerazoo.harness import DataError
from kerazoo.harness.export.exam import RMSE
from kerazoo.harness.export.export import answers, export
from kerazoo.harness.tables import tabular
from kerazoo.harness.tables.metric import UnscaledRMSE
from kerazoo.harness.tables.table_encoder import decode, encode
from kerazoo.harness.tables.target import fit_target, scale_target

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
QUANTILES = (0.05, 0.5, 0.95)


def table(targets=TARGETS, frame=FRAME, kinds=KINDS):
    columns = [
        SimpleNamespace(name=name, kind=kind, hint=None) for name, kind in kinds.items()
    ]
    return SimpleNamespace(frame=frame, columns=columns, targets=targets, target="y")


@pytest.fixture(scope="module")
def encoding():
    return tabular.fit_encoding(table(), TRAIN, "log")


def test_inputs_have_names_that_nothing_else_has():
    names = ["prediction", "country", "country_code", "country  code"]
    frame = pd.DataFrame({name: ["a", "b"] * 6 for name in names})
    one = table(np.arange(12.0), frame, dict.fromkeys(names, "category"))
    encoding = tabular.fit_encoding(one, np.arange(12), "standardise")
    codes = keras.Input((4,), dtype="int32", name="categories")
    outputs = keras.ops.sum(keras.ops.cast(codes, "float32"), axis=1, keepdims=True)
    product = tabular.attach_columns(keras.Model(codes, outputs), encoding)
    assert [tensor.name for tensor in product.inputs] == [
        *("prediction_2", "country", "country_code", "country_code_2")
    ]
    assert product.output_names == ["prediction"]


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
    assert tabular.num_features(encoding) == 2 + 8
    assert built["periods"] == [365.2425, 7.0, 1.0]  # one training row has a time
    days = table(TARGETS, FRAME.assign(built=FRAME["built"].dt.floor("D")))
    without = tabular.fit_encoding(days, TRAIN, "log")
    assert without["columns"][2]["periods"] == [365.2425, 7.0]
    assert tabular.num_features(without) == 2 + 6
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
    np.testing.assert_allclose(numbers[[0, 3], 7:9], [[0, 1], [0, -1]], atol=1e-2)
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
    found = answers(product, columns)
    np.testing.assert_allclose(
        found, np.concatenate(encode(columns, encoding), axis=1), atol=2e-4
    )


@pytest.mark.parametrize("transform", ["standardise", "log", "box_cox", "yeo_johnson"])
@pytest.mark.parametrize("sign", [1, -1])
def test_scaling_a_target_is_undone_by_numpy_and_in_the_graph(transform, sign):
    rng = np.random.default_rng(0)
    y = rng.lognormal(3, 1, 200)
    if sign < 0 and transform in ("log", "box_cox"):
        with pytest.raises(DataError, match="yeo_johnson takes any number"):
            fit_target(-y, transform)
        return
    target = fit_target(sign * y, transform)
    z = scale_target(sign * y, target)
    assert z.mean() == pytest.approx(0, abs=1e-5) and z.std() == pytest.approx(1)
    np.testing.assert_allclose(decode(z, target), sign * y, rtol=1e-4)
    graph = keras.ops.convert_to_numpy(
        tabular.decode_in_graph(keras.ops.array(z), target)
    )
    np.testing.assert_allclose(graph, sign * y, rtol=1e-3)


@pytest.mark.parametrize("transform", ["box_cox", "yeo_johnson"])
def test_a_skewed_target_becomes_less_so(transform):
    from scipy.stats import skew

    y = np.random.default_rng(0).lognormal(3, 1, 500)
    found = scale_target(y, fit_target(y, transform))
    assert abs(skew(found)) < 0.2 < skew(y)


def test_the_power_is_the_likeliest_one():
    from scipy.stats import boxcox

    y = np.random.default_rng(0).gamma(2, 1000, 500)
    target = fit_target(y, "box_cox")
    expected, power = boxcox(y)
    assert target["power"] == pytest.approx(power, abs=1e-4)
    assert np.corrcoef(scale_target(y, target), expected)[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("middle", [2e5, 1e-5])
def test_targets_far_from_1_keep_their_digits(middle):
    """Without the unit, a power of -2 leaves no digits of 200,000 in float32."""
    y = middle * np.random.default_rng(0).normal(1, 0.2, 300).clip(0.4) ** -0.5
    target = fit_target(y, "box_cox")
    assert target["power"] < -1.5
    z = keras.ops.array(scale_target(y, target))
    graph = keras.ops.convert_to_numpy(tabular.decode_in_graph(z, target))
    np.testing.assert_allclose(graph, y, rtol=1e-5)


@pytest.mark.parametrize(
    ("head", "outputs", "expected"),
    [
        ("mean", [[1.0]], [[12.0]]),
        ("mean_variance", [[1.0, np.log(4.0)]], [[12.0, 5.4206, 18.5794]]),
        (QUANTILES, [[-1.0, 1.0, 2.0]], [[12.0, 8.0, 14.0]]),
        (QUANTILES, [[2.0, 1.0, -1.0]], [[12.0, 12.0, 12.0]]),  # crossed
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
    numbers, _ = encode({"a": [3.0]}, encoding)
    z = tabular.find_network(product).predict(numbers, verbose=0)
    np.testing.assert_allclose(decode(z, target), expected, rtol=1e-4)


@pytest.mark.parametrize("head", ["mean", "mean_variance"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_does_not_round_the_answer(policy, head):
    column = {"name": "a", "input": "a", "kind": "number", "fill": 0.0, "flag": False}
    column |= {"low": -9.0, "high": 9.0, "center": 0.0, "scale": 1.0}
    target = {"transform": "standardise", "center": 200_001.0, "scale": 8.0}
    keras.config.set_dtype_policy(policy)
    try:
        x = keras.Input((1,), name="numbers")
        layer = keras.layers.Dense(1 if head == "mean" else 2, "linear", False)
        product = tabular.attach_columns(
            keras.Model(x, layer(x)), {"columns": [column], "target": target}, head
        )
    finally:
        keras.config.set_dtype_policy("float32")
    layer.kernel.assign(np.ones_like(layer.kernel))
    found = product.predict(np.array([0.5], "float32"), verbose=0)
    assert found.dtype == "float32" and found[0, 0] == 200_005.0


def test_values_far_out_are_drawn_in():
    frame = pd.DataFrame({"a": np.arange(101.0)})
    one = table(np.arange(101.0), frame, {"a": "number"})
    encoding = tabular.fit_encoding(one, np.arange(101), "standardise", winsorise=0.1)
    (column,) = encoding["columns"]
    assert (column["low"], column["high"]) == (10.0, 90.0)
    low, high = encode({"a": [-1e9, 1e9]}, encoding)[0][:, 0]
    inside = encode({"a": [10.0, 90.0]}, encoding)[0][:, 0]
    assert [low, high] == inside.tolist()


def skewed(num_rows=3000):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "long tail": rng.lognormal(8, 2, num_rows),
            "ties": np.where(rng.random(num_rows) < 0.8, 0, rng.normal(size=num_rows)),
            "digits": 1e6 + rng.normal(size=num_rows).round(1),
            "holes": np.where(rng.random(num_rows) < 0.1, np.nan, rng.random(num_rows)),
            "grades": rng.integers(0, 3, num_rows).astype(float),
        }
    )
    return table(rng.normal(size=num_rows), frame, dict.fromkeys(frame, "number"))


def test_quantiles_make_every_number_normal():
    from scipy.stats import kstest

    one = skewed()
    rows = np.arange(2000)
    encoding = tabular.fit_encoding(
        one, rows, "standardise", number_transform="quantile"
    )
    assert encoding == json.loads(json.dumps(encoding))
    columns = tabular.served_columns(one.frame, encoding)
    numbers, _ = encode(columns, encoding)
    for column in (0, 3):
        known = numbers[~one.frame.iloc[:, column].isna(), column]
        assert kstest(known[-800:], "norm").pvalue > 0.01
    assert (numbers[one.frame["ties"] == 0, 1] == 0).mean() == 1
    # Nothing ever lies farther out than the first and the last training row.
    last = numbers[rows].max(axis=0)
    far = {name: np.full(1, 1e30, "float32") for name in columns}
    np.testing.assert_array_equal(encode(far, encoding)[0][0, :4], last[:4])
    assert last[0] == pytest.approx(3.48, abs=0.01)  # of 2000 normal numbers


def test_quantiles_are_scikit_learns_between_the_ends():
    from sklearn.preprocessing import QuantileTransformer

    x = np.random.default_rng(0).gamma(2, 1, 30_000).astype("float32")
    one = table(x, pd.DataFrame({"a": x}), {"a": "number"})
    encoding = tabular.fit_encoding(
        one, np.arange(len(x)), "standardise", number_transform="quantile"
    )
    ours = encode({"a": x}, encoding)[0][:, 0]
    theirs = QuantileTransformer(
        n_quantiles=1000, output_distribution="normal", subsample=None
    ).fit_transform(x[:, None])[:, 0]
    middle = np.abs(theirs) < 2.5
    np.testing.assert_allclose(ours[middle], theirs[middle], atol=5e-3)


def test_a_column_of_one_value_has_no_quantiles():
    for values in ([3.0] * 5, [np.nan] * 5):
        one = table(TARGETS, pd.DataFrame({"a": values}), {"a": "number"})
        encoding = tabular.fit_encoding(one, TRAIN, "log", number_transform="quantile")
        assert encode({"a": values}, encoding)[0][:, 0].tolist() == [0] * 5


@pytest.fixture(scope="module")
def large():
    """Columns with quantiles and one about 1e6: raw, the encoding, encoded."""
    one = skewed()
    encoding = tabular.fit_encoding(
        one, np.arange(3000), "standardise", number_transform="quantile"
    )
    del encoding["columns"][2]["quantiles"]
    encoding["target"] |= {"center": 0.0, "scale": 1.0}
    columns = tabular.served_columns(one.frame, encoding)
    return columns, encoding, encode(columns, encoding)[0]


def show(weights, encoding):
    """A model that adds its encoded numbers up, by (features, outputs) weights."""
    x = keras.Input((len(weights),), name="numbers")
    total = keras.ops.matmul(x, weights.astype("float32"))
    return tabular.attach_columns(keras.Model(x, total), encoding)


def test_the_graph_finds_quantiles_as_numpy_does(large):
    columns, encoding, expected = large
    product = show(np.eye(expected.shape[1]), encoding)
    found = answers(product, columns)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_float16_file_keeps_quantiles_and_large_numbers_whole(large, tmp_path):
    """It would round them to 11 bits, and to 65504 at most."""
    columns, encoding, expected = large
    target = {"transform": "standardise", "center": 100_000.0, "scale": 1.0}
    product = show(np.ones((expected.shape[1], 1)), {**encoding, "target": target})
    some = {name: values[:200] for name, values in columns.items()}
    (verdict,) = export(
        product,
        tmp_path,
        ("tflite-fp16",),
        calibration=some,
        inputs=some,
        targets=1e5 + expected[:200].sum(axis=1),
        metric=RMSE,
        tolerance=1.0,
        metadata={},
    )
    assert verdict.passed and verdict.max_difference < 0.02, verdict


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_prediction_lies_in_its_interval_also_on_a_device(large, tmp_path):
    """Three outputs of an untrained model have no order."""
    columns, encoding, expected = large
    some = {name: values[:300] for name, values in columns.items()}
    x = keras.Input((expected.shape[1],), name="numbers")
    model = keras.Model(x, keras.layers.Dense(3)(x))
    crossed = np.diff(model.predict(expected[:300], verbose=0)) < 0
    assert crossed.any(axis=0).all()

    product = tabular.attach_columns(model, encoding, QUANTILES)
    export(
        product,
        tmp_path,
        ("tflite",),
        calibration=some,
        inputs=some,
        targets=np.zeros(300),
        metric=RMSE,
        tolerance=1.0,
        metadata={},
    )
    device = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    on_device = [
        device(**{name: values[[row]] for name, values in some.items()})["prediction"]
        for row in range(300)
    ]
    for found in (answers(product, some), np.concatenate(on_device)):
        middle, low, high = found.T
        assert (low <= middle).all() and (middle <= high).all() and (low < high).any()


def test_the_metric_is_in_the_unit_of_the_target():
    target = fit_target(TARGETS, "log")
    metric = UnscaledRMSE(target, column=1)
    predicted = np.array([12.0, 18.0, 40.0, 80.0, 5.0])
    both = np.stack([np.zeros(5), scale_target(predicted, target)], axis=-1)
    metric.update_state(scale_target(TARGETS, target), both)
    assert float(metric.result()) == pytest.approx(np.sqrt(8 / 5), rel=1e-4)
    again = UnscaledRMSE.from_config(json.loads(json.dumps(metric.get_config())))
    assert (again.name, again.column, again.target) == ("rmse", 1, target)


def test_plain_models_see_categories_one_by_one(encoding):
    columns = tabular.served_columns(FRAME, encoding)
    matrix = tabular.plain_features(encode(columns, encoding), encoding)
    assert matrix.shape == (5, 10 + 4)
    assert matrix[:, 10:].argmax(1).tolist() == [1, 3, 1, 2, 0]


def test_upstream_keras_takes_a_vector_for_a_bias_of_the_second_axis():
    """When this fails: `tabular._constants` may add, in place of subtracting."""
    rows, vector = np.zeros((2, 4, 1), "float32"), np.arange(4, dtype="float32")
    assert np.add(rows, vector).shape == (2, 4, 4)
    assert keras.ops.add(rows, vector).shape == (2, 4, 1)
