import math

import keras
import numpy as np
import pytest
from keras import ops

from kerazoo import zoo
from kerazoo.zoo.regression.categories import CategoryEmbedding, CrossedCategories
from kerazoo.zoo.regression.embeddings import (
    ClassToken,
    PeriodicEncoding,
    PiecewiseLinearEncoding,
    SeparateDense,
    adapt_embeddings,
)
from kerazoo.zoo.regression.members import MemberAverage, MemberDense, MemberScale

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

GENERATOR = np.random.default_rng(0)
# A column of many values, one of a few (equal quantiles), one of a single value.
TRAINING = np.stack(
    [GENERATOR.normal(size=200), GENERATOR.integers(0, 3, 200), np.full(200, 2.0)], 1
)
# Within the training data, at its ends, and far outside.
NUMBERS = np.array(
    [[0.3, 1.0, 2.0], [-9.0, -4.0, 1.0], [9.0, 7.0, 3.0], [-0.7, 0.5, 2.0]], "float32"
)


def piecewise_linear(x, edges):
    """Equation 1 of the paper for one number, bin by bin."""
    encoding = []
    wide = [i for i in range(len(edges) - 1) if edges[i + 1] > edges[i]]
    for i in range(len(edges) - 1):
        if i not in wide:
            encoding.append(0.0)
            continue
        share = (x - edges[i]) / (edges[i + 1] - edges[i])
        if share < 0 and i != wide[0]:
            share = 0.0
        if share > 1 and i != wide[-1]:
            share = 1.0
        encoding.append(share)
    return encoding


@pytest.mark.parametrize("num_bins", [1, 2, 7])
def test_piecewise_linear_encoding_is_the_papers(num_bins):
    layer = PiecewiseLinearEncoding(num_bins)
    layer.adapt(TRAINING)
    levels = np.linspace(0, 1, num_bins + 1)
    expected = [
        [
            piecewise_linear(x, np.quantile(TRAINING[:, column], levels))
            for column, x in enumerate(row)
        ]
        for row in NUMBERS.astype("float64")
    ]
    got = np.asarray(layer(NUMBERS))
    assert got.shape == (4, 3, num_bins)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    assert (got[:, 2] == 0).all(), "a column of one value says nothing"
    assert layer.trainable_weights == []


def test_bins_that_were_not_adapted_lie_between_3_and_minus_3():
    layer = PiecewiseLinearEncoding(6)
    got = np.asarray(layer(np.array([[-3.0], [0.5], [4.0]], "float32")))[:, 0]
    np.testing.assert_allclose(got[0], [0] * 6, atol=1e-6)
    np.testing.assert_allclose(got[1], [1, 1, 1, 0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(got[2], [1, 1, 1, 1, 1, 2], atol=1e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_bins_of_missing_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="numbers must be finite"):
        PiecewiseLinearEncoding(2).adapt([[0.0], [wrong]])


def test_a_models_bins_are_adapted_wherever_they_lie():
    model = zoo.create_model(
        "mlp",
        num_features=3,
        embeddings="piecewise_linear",
        embedding_options={"num_bins": 4},
    )
    inputs = keras.Input((3,), name="numbers")
    outer = keras.Model(inputs, model(inputs))
    adapt_embeddings(outer, TRAINING)
    edges = np.asarray(model.get_layer("piecewise_linear").edges)
    np.testing.assert_allclose(edges[0, 0], TRAINING[:, 0].min(), rtol=1e-5)
    np.testing.assert_allclose(edges[0, 2], np.median(TRAINING[:, 0]), rtol=1e-4)
    plain = zoo.create_model("mlp", num_features=3)
    before = plain.get_weights()
    adapt_embeddings(plain, TRAINING)
    for old, new in zip(before, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_periodic_encoding_is_the_papers():
    layer = PeriodicEncoding(2, sigma=0.5)
    got = np.asarray(layer(NUMBERS))
    frequencies = np.asarray(layer.frequencies, "float64")
    for row, x in enumerate(NUMBERS.astype("float64")):
        for column in range(3):
            angles = [2 * math.pi * c * x[column] for c in frequencies[column]]
            expected = [*map(math.sin, angles), *map(math.cos, angles)]
            np.testing.assert_allclose(got[row, column], expected, atol=1e-4)


def test_frequencies_are_drawn_with_sigma_and_can_be_kept():
    keras.utils.set_random_seed(0)
    layer = PeriodicEncoding(4000, sigma=0.3, trainable=False)
    layer.build((None, 1))
    assert np.std(np.asarray(layer.frequencies)) == pytest.approx(0.3, rel=0.05)
    assert layer.trainable_weights == []


def test_separate_dense_layers_share_nothing():
    layer = SeparateDense(2)
    x = GENERATOR.normal(size=(4, 3, 5)).astype("float32")
    got = np.asarray(layer(x))
    kernel, bias = (np.asarray(w) for w in layer.get_weights())
    assert np.abs(kernel).max() <= 5**-0.5 and kernel.shape == (3, 5, 2)
    for row in range(3):
        expected = x[:, row] @ kernel[row] + bias[row]
        np.testing.assert_allclose(got[:, row], expected, rtol=1e-4, atol=1e-5)
    assert layer.multiply_adds() == 3 * 5 * 2


def test_a_category_has_a_vector_of_its_column():
    layer = CategoryEmbedding((2, 3), 4)
    codes = np.array([[0, 0], [1, 2]], "int32")
    got = np.asarray(layer(codes))
    table = np.asarray(layer.table)
    np.testing.assert_array_equal(got, table[[[0, 2], [1, 4]]])
    total = CategoryEmbedding((2, 3), 4, total=True)
    total.build((None, 2))
    total.table.assign(table)
    np.testing.assert_allclose(total(codes), got.sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize("codes", [[2, 0], [-1, 0], [0, -1], [0, 3]])
def test_a_code_out_of_range_reads_no_vector_of_another_column(codes):
    layer = CategoryEmbedding((2, 3), 4)
    layer(np.array([[0, 0]], "int32"))
    with pytest.raises(Exception, match=r"= 5 is not in \[0, 5\)"):  # TensorFlow's own
        layer(np.array([codes], "int32"))


def test_a_class_token_stands_in_front():
    layer = ClassToken()
    tokens = GENERATOR.normal(size=(2, 3, 4)).astype("float32")
    got = np.asarray(layer(tokens))
    np.testing.assert_array_equal(got[:, 1:], tokens)
    np.testing.assert_array_equal(got[:, 0], np.repeat(layer.token[0], 2, axis=0))


LAYERS = [
    (PiecewiseLinearEncoding(5), (2, 3)),
    (PeriodicEncoding(5, 0.2), (2, 3)),
    (SeparateDense(5), (2, 3, 4)),
    (CategoryEmbedding((3, 4), 5, 0.1, keras.regularizers.L2(0.1), True), (2, 2)),
    (CrossedCategories(((0, 1),), (3, 4), 5), (2, 2)),
    (ClassToken(), (2, 3, 4)),
    (MemberScale(3, "normal"), (2, 4)),
    (MemberDense(5, 3, "random_signs"), (2, 4)),
    (MemberDense(5, 3), (2, 3, 4)),
    (MemberAverage(True, True), (2, 3, 4)),
]


@pytest.mark.parametrize("layer, shape", LAYERS, ids=lambda x: type(x).__name__)
def test_a_layer_comes_back_from_its_config_and_knows_its_shape(layer, shape):
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == f"kerazoo>{type(layer).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    x = ops.ones(shape, "int32" if "Categor" in type(layer).__name__ else "float32")
    expected = layer(x)
    assert tuple(layer.compute_output_shape(shape)) == tuple(expected.shape)
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), expected)


@pytest.mark.parametrize(
    "layer, arguments, message",
    [
        (PiecewiseLinearEncoding, {"num_bins": 0}, "num_bins must be at least 1"),
        (PeriodicEncoding, {"sigma": 0.0}, "sigma above 0"),
        (PeriodicEncoding, {"num_frequencies": 0}, "num_frequencies must be at least"),
        (MemberScale, {"num_members": 2, "scale": "zeros"}, "scale must be one of"),
        (
            MemberDense,
            {"units": 1, "num_members": 2, "scale": ""},
            "scale must be one of",
        ),
    ],
)
def test_a_wrong_argument_is_refused(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**arguments)
