import importlib.util
import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from kerazoo import zoo
from kerazoo.zoo.counting import multiply_adds
from kerazoo.zoo.regression.embeddings import adapt_embeddings

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

MODELS = zoo.list_models(kind="regression")
# As small as the arguments allow, with every part in use.
SMALL = {
    "linear": {"l1": 1e-4, "l2": 1e-4},
    "mlp": {"depth": 2, "width": 8},
    "snn": {"depth": 2, "width": 8},
    "tabular_resnet": {"num_blocks": 1, "width": 6},
    "wide_and_deep": {"units": (8, 4), "crosses": ((0, 1),)},
    "dcn_v2": {"num_crosses": 2, "depth": 1, "width": 8, "rank": 3},
    "ft_transformer": {"num_blocks": 2, "width": 8, "num_heads": 2, "hidden": 5},
    "tabm": {"num_members": 3, "depth": 2, "width": 8},
    "tabm_mini": {"num_members": 3, "depth": 2, "width": 8},
}
COLUMNS = {"num_features": 3, "cardinalities": (4, 5)}
TABLE = {
    "numbers": np.random.default_rng(0).normal(size=(6, 3)).astype("float32"),
    "categories": np.random.default_rng(1).integers(0, 4, (6, 2)).astype("int32"),
}
QUANTILES = (0.1, 0.5, 0.9)


def small_model(name, **arguments):
    return zoo.create_model(name, **COLUMNS, **{**SMALL[name], **arguments})


def trainable_params(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def test_every_model_is_in_the_table():
    assert set(SMALL) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_costs_are_the_declared_ones(name):
    card = zoo.model_card(name)
    model = zoo.create_model(name)
    assert model.name == name and model.input_shape == (None, 8)
    assert trainable_params(model) == card.params
    assert multiply_adds(model) == card.multiply_adds


# Each written out as the paper has it: f features, d width, o outputs.
@pytest.mark.parametrize(
    "name, arguments, params",
    [
        ("linear", {}, (3 * 2 + 2) + (4 + 5) * 2),
        # Embeddings of 2 for 2 columns beside 3 numbers: 7 features.
        ("mlp", {"embedding_size": 2}, 9 * 2 + (7 * 8 + 8) + (8 * 8 + 8) + 9 * 2),
        ("snn", {"embedding_size": 2}, 9 * 2 + (7 * 8 + 8) + (8 * 8 + 8) + 9 * 2),
        (
            "tabular_resnet",
            {"embedding_size": 2},
            9 * 2 + (7 * 6 + 6) + 12 + (6 * 12 + 12) + (12 * 6 + 6) + 12 + 7 * 2,
        ),
        (
            "wide_and_deep",
            {"embedding_size": 2},
            (9 * 2 + 7 * 8 + 8 + 8 * 4 + 4 + 5 * 2) + (3 * 2 + 2 + 9 * 2) + 20 * 2,
        ),
        (
            "dcn_v2",
            {"embedding_size": 2},
            9 * 2 + 2 * (7 * 3 + 3 * 7 + 7) + (7 * 8 + 8) + 9 * 2,
        ),
        (
            "dcn_v2",
            {"embedding_size": 2, "rank": None, "structure": "parallel"},
            9 * 2 + 2 * (7 * 7 + 7) + (7 * 8 + 8) + (7 + 8 + 1) * 2,
        ),
        (
            "ft_transformer",
            {},
            2 * 3 * 8 + 9 * 8 + 8  # tokens of numbers, of categories, of the class
            + 2 * (4 * (8 * 8 + 8) + 2 * (8 * 5 + 5) + (5 * 8 + 8))
            + 3 * 2 * 8  # normalizations, but the first
            + 2 * 8 + 9 * 2,
        ),
        (
            "tabm",
            {"embedding_size": 2},
            9 * 2
            + (7 * 8 + 3 * 7 + 2 * 3 * 8)
            + (8 * 8 + 3 * 8 + 2 * 3 * 8)
            + 3 * 9 * 2,
        ),
        (
            "tabm_mini",
            {"embedding_size": 2},
            9 * 2 + 3 * 7 + (7 * 8 + 8) + (8 * 8 + 8) + 3 * 9 * 2,
        ),
    ],
)  # fmt: skip
def test_params_are_those_of_the_formula(name, arguments, params):
    assert trainable_params(small_model(name, num_targets=2, **arguments)) == params


@pytest.mark.parametrize("head", ["mean", "mean_variance", QUANTILES])
@pytest.mark.parametrize("name", MODELS)
def test_the_head_says_how_many_numbers_a_target_has(name, head):
    model = small_model(name, num_targets=2, head=head)
    numbers = {"mean": 1, "mean_variance": 2}.get(head, 3)
    assert model.output_shape == (None, numbers * 2)
    assert model(TABLE).shape == (6, numbers * 2)
    assert model.output_names == ["prediction"]
    assert [tensor.name for tensor in model.inputs] == ["numbers", "categories"]
    assert [tensor.dtype for tensor in model.inputs] == ["float32", "int32"]


@pytest.mark.parametrize("embeddings", ["none", "piecewise_linear", "periodic"])
@pytest.mark.parametrize("name", MODELS)
def test_steps_lower_the_loss_and_change_every_weight(name, embeddings):
    keras.utils.set_random_seed(0)
    model = small_model(name, embeddings=embeddings)
    adapt_embeddings(model, TABLE["numbers"])
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    targets = 3 + TABLE["numbers"][:, :1]
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=True)
    costs = []
    for _ in range(8):
        model.reset_metrics()
        costs.append(float(model.train_on_batch(TABLE, targets)))
    assert costs[-1] < costs[0]
    for old, weight in zip(before, model.trainable_weights, strict=True):
        new = weight.numpy()
        assert np.isfinite(new).all(), weight.path
        # Dropout, ReLU and softmax (whose result a key's bias never changes) aside.
        if not weight.path.endswith("key/bias"):
            assert (old != new).any(), weight.path


@pytest.mark.parametrize("name", MODELS)
def test_one_kind_of_column_is_enough(name):
    arguments = {k: v for k, v in SMALL[name].items() if k != "crosses"}
    numbers = zoo.create_model(name, **{**arguments, "num_features": 3})
    assert numbers(ops.array(TABLE["numbers"])).shape == (6, 1)
    assert numbers({"numbers": TABLE["numbers"]}).shape == (6, 1)
    columns = {"num_features": 0, "cardinalities": (4, 5)}
    categories = zoo.create_model(name, **{**arguments, **columns})
    assert categories(ops.array(TABLE["categories"])).shape == (6, 1)


@pytest.mark.parametrize("name", MODELS)
def test_inputs_go_by_name_or_in_order(name):
    model = small_model(name)
    swapped = dict(reversed(TABLE.items()))
    expected = np.asarray(model(TABLE))
    np.testing.assert_array_equal(model(swapped), expected)
    np.testing.assert_array_equal(model(list(TABLE.values())), expected)


@pytest.mark.parametrize("name", [n for n in MODELS if n != "linear"])
def test_dropout_acts_in_training_only(name):
    model = small_model(name, dropout=0.5)
    np.testing.assert_array_equal(model(TABLE), model(TABLE))
    noisy = [np.asarray(model(TABLE, training=True)) for _ in range(2)]
    assert (noisy[0] != noisy[1]).any()


@pytest.mark.parametrize("activation", ["prelu", "silu", "tanh"])
@pytest.mark.parametrize(
    "name", [n for n in MODELS if "activation" in zoo.model_card(n).defaults]
)
def test_every_activation_works(name, activation):
    if name == "ft_transformer" and activation == "prelu":
        activation = "gelu"  # its gate has no slope to learn
    model = small_model(name, activation=activation)
    assert np.isfinite(model(TABLE)).all()
    if activation == "prelu":
        assert any(isinstance(x, keras.layers.PReLU) for x in model.layers)


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_has_a_name_of_its_own(name):
    model, again = (small_model(name, embeddings="periodic") for _ in range(2))
    # Keras numbers the names that it makes itself, so they differ between two models.
    assert [x.name for x in model.layers] == [x.name for x in again.layers]
    assert model.operations == model.layers


def test_ridge_is_the_one_of_scikit_learn():
    from sklearn.linear_model import Ridge

    generator = np.random.default_rng(0)
    numbers = generator.normal(size=(80, 4)).astype("float32")
    targets = numbers @ [[2.0], [-1.0], [0.5], [0.0]] + 3
    targets += generator.normal(size=targets.shape)
    alpha = 8.0
    ridge = Ridge(alpha).fit(numbers, targets[:, 0])
    model = zoo.create_model("linear", num_features=4, l2=alpha / len(numbers))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.8)
    model.compile(optimizer, "mse")
    data = ops.array(numbers), ops.array(targets)
    model.fit(*data, batch_size=80, epochs=150, shuffle=False, verbose=0)
    kernel, bias = (np.asarray(w) for w in model.get_weights())
    np.testing.assert_allclose(kernel[:, 0], ridge.coef_, atol=1e-3)
    np.testing.assert_allclose(bias[0], ridge.intercept_, atol=1e-3)
    assert abs(kernel[0, 0] - 2) > 0.05, "the penalty does something"


def test_lasso_makes_weights_small():
    model = zoo.create_model("linear", num_features=2, l1=0.5)
    kernel = model.get_layer("numbers_weights").kernel
    kernel.assign([[2.0], [-1.0]])
    assert float(sum(model.losses)) == pytest.approx(0.5 * 3)


def test_a_linear_model_is_a_weighted_sum():
    model = small_model("linear")
    dense, table = (
        model.get_layer(f"{kind}_weights") for kind in ("numbers", "categories")
    )
    table.table.assign(np.arange(9.0)[:, None])
    weights, bias = (np.asarray(w) for w in dense.get_weights())
    first, second = TABLE["categories"].T
    expected = TABLE["numbers"] @ weights[:, 0] + bias + first + (4 + second)
    np.testing.assert_allclose(np.asarray(model(TABLE))[:, 0], expected, rtol=1e-5)


def test_a_cross_has_a_weight_for_every_pair_of_codes():
    model = small_model("wide_and_deep", crosses=((0, 1), (1, 0)))
    crosses = model.get_layer("crosses")
    assert crosses.table.shape == (40, 1)
    crosses.table.assign(np.arange(40.0)[:, None])
    first, second = TABLE["categories"].T
    expected = (first * 5 + second) + (20 + second * 4 + first)
    got = np.asarray(crosses(TABLE["categories"]))
    np.testing.assert_array_equal(got[:, 0], expected)


def test_a_cross_layer_is_the_papers():
    model = zoo.create_model("dcn_v2", num_features=3, num_crosses=1)
    x = TABLE["numbers"]
    dense = model.get_layer("cross1_dense")
    dense.bias.assign([0.1, -0.2, 0.3])
    kernel, bias = (np.asarray(w) for w in dense.get_weights())
    crossed = keras.Model(model.inputs, model.get_layer("cross1_add").output)
    np.testing.assert_allclose(
        crossed(ops.array(x)), x * (x @ kernel + bias) + x, rtol=1e-4, atol=1e-6
    )


def test_a_self_normalizing_network_keeps_mean_and_variance():
    keras.utils.set_random_seed(0)
    model = zoo.create_model("snn", num_features=64, depth=16)
    x = np.random.default_rng(0).normal(size=(256, 64)).astype("float32")
    last = keras.Model(model.inputs, model.get_layer("dense16_selu").output)
    values = np.asarray(last(ops.array(x)))
    assert abs(values.mean()) < 0.15 and 0.7 < values.std() < 1.3


def test_a_transformer_sees_columns_as_a_set():
    """Columns swapped together with their tokens change nothing: none has a place."""
    model = zoo.create_model(
        "ft_transformer", num_features=3, **SMALL["ft_transformer"]
    )
    expected = np.asarray(model(ops.array(TABLE["numbers"])))
    swap = [2, 0, 1]
    embedding = model.get_layer("numbers_embedding")
    swapped = ops.array(TABLE["numbers"][:, swap])
    assert np.abs(np.asarray(model(swapped)) - expected).max() > 1e-3
    for weight in embedding.weights:
        weight.assign(np.asarray(weight)[swap])
    np.testing.assert_allclose(model(swapped), expected, rtol=1e-4, atol=1e-5)


def test_no_normalization_stands_before_the_first_attention():
    names = [layer.name for layer in small_model("ft_transformer").layers]
    assert "block1_attention_norm" not in names
    assert {"block1_gated_norm", "block2_attention_norm"} <= set(names)


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("mlp", {"num_features": 0}, "a table needs columns"),
        ("mlp", {"cardinalities": (3, 0)}, "every cardinality at least 1"),
        ("mlp", {"num_targets": 0}, "num_targets must be at least 1; got 0"),
        ("mlp", {"head": "median"}, "head must be \"mean\".*got 'median'"),
        ("mlp", {"head": (0.9, 0.1)}, "head must be"),
        ("mlp", {"head": (0.0, 0.5)}, "head must be"),
        ("mlp", {"head": ()}, "head must be"),
        ("mlp", {"embeddings": "fourier"}, "embeddings must be one of none, piece"),
        ("mlp", {"embedding_options": {"sigma": 1}}, "options need one of the last"),
        (
            "mlp",
            {"embeddings": "periodic", "embedding_options": {"sigm": 1}},
            "Unrecognized keyword arguments.*sigm",
        ),
        ("mlp", {"depth": 0}, "depth must be at least 1; got 0"),
        ("linear", {"l2": -1.0}, "l1 and l2 must be at least 0"),
        ("snn", {"width": 0}, "width must be at least 1"),
        ("tabular_resnet", {"expansion": 0.001}, "hidden must be at least 1"),
        ("wide_and_deep", {"units": ()}, "one number for each dense layer"),
        ("wide_and_deep", {"crosses": ((0, 1),)}, "crosses must be pairs of columns"),
        ("dcn_v2", {"structure": "deep"}, 'must be "stacked" or "parallel"'),
        ("dcn_v2", {"rank": 0}, "rank must be at least 1"),
        ("ft_transformer", {"width": 12}, "width must be a multiple of num_heads"),
        ("tabm", {"num_members": 0}, "num_members must be at least 1"),
    ],
)
def test_a_wrong_argument_is_refused_when_building(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, **arguments)


# ------------------------------------------------- saved files, and other backends

EMBEDDED = {"linear": "none", "mlp": "piecewise_linear", "ft_transformer": "periodic"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of models as .keras files, with what they answer to TABLE."""
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(0)
    np.savez(folder / "table.npz", **TABLE)
    for name in MODELS:
        model = small_model(name, embeddings=EMBEDDED.get(name, "none"))
        adapt_embeddings(model, TABLE["numbers"])
        np.save(folder / f"{name}.npy", model(TABLE))
        model.save(folder / f"{name}.keras")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_saved_models_give_the_same_answers_on_every_backend(
    saved, run_python, backend
):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    printed = run_python(
        f"""
        import json, pathlib, sys
        import keras, numpy as np
        import kerazoo.zoo.regression  # registers the layers
        assert keras.backend.backend() == {backend!r}
        folder = pathlib.Path({str(saved)!r})
        table = dict(np.load(folder / "table.npz"))
        for name in json.loads({json.dumps(json.dumps(MODELS))}):
            model = keras.saving.load_model(folder / f"{{name}}.keras")
            answers = keras.ops.convert_to_numpy(model(table))
            expected = np.load(folder / f"{{name}}.npy")
            np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-5)
            print(name)
        print({backend!r} == "tensorflow" or "tensorflow" not in sys.modules)
        """,
        KERAS_BACKEND=backend,
    )
    assert printed.split() == [*MODELS, "True"]
