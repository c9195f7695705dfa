"""Parameter counts of the papers, and equality with keras.applications."""

import math

import keras
import numpy as np
import pytest

from kerazoo import zoo
from kerazoo.zoo.counting import multiply_adds

IMAGENET = {"stem": "imagenet", "num_classes": 1000}


# The counts that each paper or its authors' code states, in the paper's rounding.
@pytest.mark.parametrize(
    "name, millions, digits",
    [
        ("resnet20", 0.27, 2),  # He et al. 2016, table 6
        ("resnet32", 0.46, 2),
        ("resnet44", 0.66, 2),
        ("resnet56", 0.85, 2),
        ("resnet110", 1.7, 1),
        ("wide_resnet40_4", 8.9, 1),  # Zagoruyko & Komodakis 2016, table 4
        ("wide_resnet28_10", 36.5, 1),
        ("densenet_bc100", 0.8, 1),  # Huang et al. 2017, table 2
        ("lenet5", 0.06, 2),  # LeCun et al. 1998, section II.B: 60,000
    ],
)
def test_declared_params_are_the_papers(name, millions, digits):
    assert round(zoo.model_card(name).params / 1e6, digits) == millions


# The exact counts of public implementations of the same form.
@pytest.mark.parametrize(
    "name, params",
    [
        ("wide_resnet16_4", 2_748_890),
        ("densenet_bc100", 769_162),
        ("resnet18", 11_173_962),
        ("vgg16", 14_728_266),
    ],
)
def test_declared_params_are_those_of_other_implementations(name, params):
    assert zoo.model_card(name).params == params


@pytest.mark.parametrize(
    "name, params",
    [("resnet18", 11_689_512), ("resnet34", 21_797_672)],
)
def test_imagenet_form_has_the_published_params(name, params):
    model = zoo.create_model(name, input_shape=(224, 224, 3), **IMAGENET)
    assert _trainable_params(model) == params


def test_convnext_atto_has_the_published_3_7_million_params():
    model = zoo.create_model("convnext_atto", **IMAGENET)
    assert round(_trainable_params(model) / 1e6, 1) == 3.7


@pytest.mark.parametrize(
    "name, params",
    [("vgg11", 132_868_840), ("vgg13", 133_053_736), ("vgg16", 138_365_992)],
)
def test_vgg_with_its_dense_layers_has_the_published_params(name, params):
    model = zoo.create_model(
        name,
        input_shape=(224, 224, 3),
        num_classes=1000,
        dense_units=(4096, 4096),
    )
    assert _trainable_params(model) == params


def _unit(pixels):
    return pixels / 127.5 - 1.0


# Case → our name, keras.applications' name, arguments of each, input of the latter.
REFERENCES = {
    "resnet50": ("resnet50", "ResNet50", {}, {}, _unit),
    "densenet121": (
        "densenet_bc100",
        "DenseNet121",
        {"num_layers": (6, 12, 24, 16), "growth": 32},
        {},
        _unit,
    ),
    **{
        f"mobilenet_v2 {width}": (
            "mobilenet_v2",
            "MobileNetV2",
            {"width": width},
            {"alpha": width},
            _unit,
        )
        for width in (0.35, 1.0, 1.4)
    },
    **{
        f"mobilenet_v3_small {width}": (
            "mobilenet_v3_small",
            "MobileNetV3Small",
            {"width": width},
            {"alpha": width},
            lambda pixels: pixels,
        )
        for width in (0.75, 1.0, 1.25)
    },
    "efficientnet_b0": (
        "efficientnet_b0",
        "EfficientNetB0",
        {},
        {},
        lambda pixels: 255 * _unit(pixels),  # Keras's model divides by 255 itself
    ),
    "convnext_tiny": (
        "convnext_tiny",
        "ConvNeXtTiny",
        {},
        {"include_preprocessing": False},
        _unit,
    ),
}


@pytest.mark.parametrize("case", REFERENCES)
def test_equals_keras_applications(case, randomize):
    name, application, arguments, keras_arguments, to_keras_input = REFERENCES[case]
    shape = (64, 64, 3)
    model = zoo.create_model(name, input_shape=shape, **IMAGENET, **arguments)
    reference = getattr(keras.applications, application)(
        weights=None,
        input_shape=shape,
        classifier_activation=None,
        **keras_arguments,
    )
    assert _trainable_params(model) == _trainable_params(reference)
    if "convnext" not in case:  # its LayerScale is a convolution here
        assert multiply_adds(model) == multiply_adds(reference)

    randomize(reference)
    _copy_weights(reference, model, _resnet_key if case == "resnet50" else None)
    pixels = 255 * np.random.default_rng(1).random((2, *shape), dtype="float32")
    expected = reference(to_keras_input(pixels))
    spread = float(np.std(expected))
    assert spread > 1e-3, "a constant output would compare equal to anything"
    np.testing.assert_allclose(model(pixels), expected, rtol=1e-3, atol=1e-3 * spread)


def _trainable_params(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _weighted_layers(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _weighted_layers(layer)
        elif layer.weights and not isinstance(layer, keras.layers.Normalization):
            yield layer


def _copy_weights(reference, model, key):
    sources, targets = list(_weighted_layers(reference)), list(_weighted_layers(model))
    assert len(sources) == len(targets)
    if key is not None:
        by_key = {key(layer.name): layer for layer in sources}
        sources = [by_key[layer.name] for layer in targets]
    for source, target in zip(sources, targets, strict=True):
        # A dense kernel equals that of a 1 × 1 convolution, a depthwise one that of a
        # grouped convolution, up to axes of length 1.
        target.set_weights(
            [
                old.reshape(new.shape)
                for old, new in zip(source.get_weights(), target.weights, strict=True)
            ]
        )


def _resnet_key(name):
    """Keras's name of a layer of ResNet-50 → ours: its branches lie in parallel."""
    if name == "predictions":
        return "logits"
    if name.startswith("conv1"):
        return name.replace("conv1_bn", "stem_norm").replace("conv1_conv", "stem_conv")
    stage, block, conv, kind = name.split("_")
    stage, block = int(stage.removeprefix("conv")) - 1, block.removeprefix("block")
    return f"stage{stage}_{block}_{conv}_{'norm' if kind == 'bn' else 'conv'}"
