"""MobileNetV2, Sandler et al. 2018, arXiv:1801.04381; V3, Howard et al. 2019,
arXiv:1905.02244.

Both equal keras.applications' models with `stem="imagenet"`. The small stem, which the
papers do not have, drops the first two strides, so that an image of 32 pixels ends as
4 × 4 maps.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate, check_stem
from kerazoo.zoo.registry import register

# Expansion, filters, blocks, strides of the first block (table 2).
_V2_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# Expansion, filters, kernel, strides, squeeze-and-excite, hard-swish (V3's table 2).
_V3_SMALL_BLOCKS = (
    (1, 16, 3, 2, True, False),
    (72 / 16, 24, 3, 2, False, False),
    (88 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True),
    (6, 40, 5, 1, True, True),
    (6, 40, 5, 1, True, True),
    (3, 48, 5, 1, True, True),
    (3, 48, 5, 1, True, True),
    (6, 96, 5, 2, True, True),
    (6, 96, 5, 1, True, True),
    (6, 96, 5, 1, True, True),
)


def _round_filters(filters):
    """The nearest multiple of 8, at least 8, that loses at most a tenth."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _conv_norm(x, filters, kernel_size, strides, name):
    x = layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=False, name=name
    )(x)
    return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_norm")(x)


def _squeeze_excite(x, name):
    """Scale each channel by a gate that sees all of them (always with ReLU)."""
    channels = x.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = layers.Conv2D(_round_filters(channels / 4), 1, name=f"{name}_reduce")(gate)
    gate = layers.Activation("relu", name=f"{name}_relu")(gate)
    gate = layers.Conv2D(channels, 1, name=f"{name}_expand")(gate)
    gate = layers.Activation("hard_sigmoid", name=f"{name}_gate")(gate)
    return layers.Multiply(name=f"{name}_scale")([x, gate])


def _inverted_residual(
    x, expansion, filters, kernel_size, strides, activation, name, squeeze_excite=False
):
    shortcut = x
    if expansion != 1:
        expanded = _round_filters(x.shape[-1] * expansion)
        x = _conv_norm(x, expanded, 1, 1, f"{name}_expand")
        x = activate(x, activation, f"{name}_expand_{activation}")
    x = layers.DepthwiseConv2D(
        kernel_size, strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_depthwise_norm")(x)
    x = activate(x, activation, f"{name}_depthwise_{activation}")
    if squeeze_excite:
        x = _squeeze_excite(x, f"{name}_excite")
    x = _conv_norm(x, filters, 1, 1, f"{name}_project")
    if strides == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


@register(
    task="image_classification",
    paper="Sandler et al. 2018, arXiv:1801.04381, table 2",
    year=2018,
    variants={"mobilenet_v2": {"params": 2_236_682, "multiply_adds": 87_976_448}},
)
def mobilenet_v2(
    width: float = 1.0,
    stem: str = "small",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu6",
    name: str = "mobilenet_v2",
) -> keras.Model:
    """Build MobileNetV2: inverted residuals with linear bottlenecks.

    Args:
        width: the factor on the channels of each layer, rounded to multiples of 8.
        stem: "imagenet" for the paper's five strides, "small" for the last three.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu"; the paper's is "relu6".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: there is no such stem.
    """
    check_stem(stem)
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    stem_strides = 2 if stem == "imagenet" else 1
    x = _conv_norm(x, _round_filters(32 * width), 3, stem_strides, "stem")
    x = activate(x, activation, f"stem_{activation}")
    for stage, (expansion, filters, num_blocks, strides) in enumerate(_V2_STAGES, 1):
        for block in range(1, num_blocks + 1):
            keeps_size = block > 1 or (stage == 2 and stem == "small")
            x = _inverted_residual(
                x,
                expansion,
                _round_filters(filters * width),
                3,
                1 if keeps_size else strides,
                activation,
                f"stage{stage}_{block}",
            )
    # A width under 1 leaves the last layer as it is (section 6.1).
    x = _conv_norm(x, _round_filters(1280 * max(1.0, width)), 1, 1, "head")
    x = activate(x, activation, f"head_{activation}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


@register(
    task="image_classification",
    paper="Howard et al. 2019, arXiv:1905.02244, table 2",
    year=2019,
    variants={"mobilenet_v3_small": {"params": 1_528_106, "multiply_adds": 17_507_328}},
)
def mobilenet_v3_small(
    width: float = 1.0,
    stem: str = "small",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.2,
    activation: str = "hard_swish",
    name: str = "mobilenet_v3_small",
) -> keras.Model:
    """Build MobileNetV3-small: inverted residuals with squeeze-and-excite.

    Args:
        width: the factor on the channels of each layer, rounded to multiples of 8.
        stem: "imagenet" for the paper's five strides, "small" for the last three.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the last 1,024 features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu", in place of hard-swish. The
            first three blocks and the gates keep the paper's ReLU.
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: there is no such stem.
    """
    check_stem(stem)
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    x = _conv_norm(x, 16, 3, 2 if stem == "imagenet" else 1, "stem")
    x = activate(x, activation, f"stem_{activation}")
    for block, row in enumerate(_V3_SMALL_BLOCKS, start=1):
        expansion, filters, kernel_size, strides, squeeze_excite, hard_swish = row
        x = _inverted_residual(
            x,
            expansion,
            _round_filters(filters * width),
            kernel_size,
            1 if block == 1 and stem == "small" else strides,
            activation if hard_swish else "relu",
            f"block{block}",
            squeeze_excite,
        )
    x = _conv_norm(x, _round_filters(6 * x.shape[-1]), 1, 1, "head")
    x = activate(x, activation, f"head_{activation}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(_round_filters(1024 * max(1.0, width)), name="dense")(x)
    x = activate(x, activation, f"dense_{activation}", axes=())
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
