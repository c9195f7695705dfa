import functools
import itertools
import math

import keras
import numpy as np
import pytest

from kerazoo import zoo
from kerazoo.zoo.counting import multiply_adds

MODELS = [
    name for name in zoo.list_models(kind="cnn") if not name.startswith("imagenet")
]
ODD_SHAPES = {"image_classification": (13, 15, 2), "signal_classification": (17, 2)}
ACTIVATIONS = ["relu", "leaky_relu", "prelu", "elu", "gelu", "tanh", "silu"]
# One of each builder, as small as its arguments allow.
FAMILIES = {
    "lenet5": {},
    "cnn": {"filters": (8, 8)},
    "vgg11": {},
    "resnet20": {"depth": 8},
    "resnet18": {},
    "wide_resnet16_4": {"depth": 10, "width": 1},
    "densenet_bc100": {"num_layers": (2, 2)},
    "mobilenet_v2": {"width": 0.35},
    "mobilenet_v3_small": {"width": 0.35},
    "efficientnet_b0": {},
    "convnext_atto": {"num_blocks": (1, 1), "filters": (8, 16)},
    "resnet1d": {"filters": (8, 16)},
    "cnn1d": {},
}


def trainable_params(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def odd_shape(name):
    return ODD_SHAPES[zoo.model_card(name).task]


def random_inputs(shape, batch=2):
    scale = 255 if len(shape) == 3 else 1
    return scale * np.random.default_rng(0).random((batch, *shape), dtype="float32")


@functools.cache
def small_model(name):
    shape = odd_shape(name)
    return zoo.create_model(name, input_shape=shape, dropout=0.5, **FAMILIES[name])


def test_every_builder_is_in_the_table_of_families():
    builders = {zoo.model_card(name).builder for name in MODELS}
    assert builders == {zoo.model_card(name).builder for name in FAMILIES}


@pytest.mark.parametrize("name", MODELS)
def test_costs_are_the_declared_ones(name):
    card = zoo.model_card(name)
    model = zoo.create_model(name)
    assert model.name == name
    assert model.input_shape[1:] == {**card.defaults, **card.arguments}["input_shape"]
    assert trainable_params(model) == card.params
    assert multiply_adds(model) == card.multiply_adds


@pytest.mark.parametrize("name", MODELS)
def test_one_step_on_an_odd_input_changes_every_weight(name):
    keras.utils.set_random_seed(0)
    shape = odd_shape(name)
    model = zoo.create_model(name, input_shape=shape, num_classes=3, dropout=0.1)
    assert model.output_shape == (None, 3)
    assert model.layers[-1].name == "logits"
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    # So large a step that even the tiny gradients under a LayerScale show.
    model.compile(
        keras.optimizers.SGD(1000.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    loss = model.train_on_batch(random_inputs(shape, batch=4), np.array([0, 1, 2, 0]))
    assert np.isfinite(loss)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        new = weight.numpy()
        assert np.isfinite(new).all(), weight.path
        assert (old != new).any(), weight.path


# Every pair; those of large builders are slow, but for the two most unlike ReLU.
LARGE = ("vgg", "resnet18", "mobilenet", "efficientnet")
ACTIVATION_CASES = [
    pytest.param(
        name,
        activation,
        marks=[pytest.mark.slow]
        if name.startswith(LARGE) and activation not in ("prelu", "tanh")
        else [],
    )
    for name, activation in itertools.product(FAMILIES, ACTIVATIONS)
]


@pytest.mark.parametrize("name, activation", ACTIVATION_CASES)
def test_every_activation_works(name, activation):
    shape = odd_shape(name)
    arguments = {**FAMILIES[name], "activation": activation}
    model = zoo.create_model(name, input_shape=shape, **arguments)
    wanted = None if activation == "prelu" else activation
    used = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.PReLU)
        or getattr(layer, "activation", None) is keras.activations.get(wanted)
    ]
    assert len(used) >= 2
    assert np.isfinite(model(random_inputs(shape))).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_has_a_name_of_its_own(name):
    again = small_model.__wrapped__(name)
    # Keras numbers the names that it makes itself, so they differ between two models.
    names = [layer.name for layer in small_model(name).layers]
    assert names == [layer.name for layer in again.layers]
    assert again.operations == again.layers


@pytest.mark.parametrize("name", [n for n in FAMILIES if "1d" not in n])
def test_pixels_are_scaled_inside_the_model(name):
    first = small_model(name).layers[1]
    assert first.name == "rescale"
    scaled = np.asarray(first(np.array([0.0, 127.5, 255.0])))
    np.testing.assert_allclose(scaled, [-1.0, 0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("name", [n for n in FAMILIES if "1d" not in n])
def test_digits_of_8_x_8_pixels_are_enough(name):
    model = zoo.create_model(name, input_shape=(8, 8, 1))
    assert model(random_inputs((8, 8, 1))).shape[1:] == (10,)


@pytest.mark.parametrize("name", FAMILIES)
def test_dropout_acts_in_training_only(name):
    model = small_model(name)
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert any(layer.rate == 0.5 for layer in drops)
    inputs = random_inputs(odd_shape(name))
    np.testing.assert_array_equal(model(inputs), model(inputs))
    noisy = [np.asarray(model(inputs, training=True)) for _ in range(2)]
    assert (noisy[0] != noisy[1]).any()


def test_stochastic_depth_skips_whole_blocks_of_a_sample():
    model = zoo.create_model("efficientnet_b0", stochastic_depth=0.5)
    drop = model.get_layer("stage6_4_drop")
    dropped = np.asarray(drop(np.ones((64, 2, 2, 3)), training=True))
    per_sample = dropped.reshape(64, -1)
    assert (per_sample == per_sample[:, :1]).all()
    assert 0 < (per_sample[:, 0] == 0).sum() < 64
    rates = [layer.rate for layer in model.layers if layer.name.endswith("_drop")]
    assert rates == sorted(rates) and rates[-1] < 0.5


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("resnet20", {"depth": 21}, "depth must be 6n"),
        ("resnet18", {"depth": 19}, "depth must be 18, 34 or 50; got 19"),
        ("resnet18", {"stem": "large"}, 'stem must be "small" or "imagenet"; got'),
        ("resnet20", {"stem": "huge"}, "stem must be"),
        ("wide_resnet16_4", {"stem": "huge"}, "stem must be"),
        ("vgg11", {"depth": 12}, "depth must be 11, 13 or 16; got 12"),
        ("wide_resnet16_4", {"depth": 17}, "depth must be 6n"),
        ("lenet5", {"input_shape": (3, 8, 1)}, "at least 4 × 4 pixels"),
        ("cnn", {"filters": ()}, "at least one stage"),
        ("cnn1d", {"filters": ()}, "at least one stage"),
        ("convnext_atto", {"filters": (8,)}, "one number for each stage"),
        ("densenet_bc100", {"stem": "big"}, "stem must be"),
        ("mobilenet_v2", {"stem": ""}, "stem must be"),
        ("mobilenet_v3_small", {"stem": ""}, "stem must be"),
        ("efficientnet_b0", {"stem": ""}, "stem must be"),
    ],
)
def test_a_wrong_argument_is_refused_when_building(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, **arguments)
