"""Residual networks, He et al. 2016, arXiv:1512.03385.

Two forms: `small_resnet` for images of about 32 pixels (section 4.2, table 6), `resnet`
for larger ones (table 1).

Deviations: no per-pixel mean is subtracted, pixels are scaled to [-1, 1] inside the
model. ResNet-18 and 34 pad strided convolutions as TensorFlow does, bottom and right.
ResNet-50 is keras.applications' own, whose convolutions carry biases.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate, check_stem
from kerazoo.zoo.registry import register

# Depth → blocks in each stage (table 1).
_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def _conv_norm(x, filters, kernel_size, strides, name, padding="same", use_bias=False):
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1.001e-5, name=f"{name}_norm"
    )(x)


def _stem(x, filters, stem, activation, use_bias=False):
    """Table 1's 7 × 7 convolution and pooling, or one that keeps the size."""
    if stem == "small":
        x = _conv_norm(x, filters, 3, 1, "stem", use_bias=use_bias)
        return activate(x, activation, f"stem_{activation}")
    x = layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = _conv_norm(x, filters, 7, 2, "stem", padding="valid", use_bias=use_bias)
    x = activate(x, activation, f"stem_{activation}")
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    return layers.MaxPooling2D(3, 2, name="stem_pool")(x)


def _subsample_shortcut(x, filters, strides, name):
    """Option A of the paper: subsample, and pad the new channels with zeros."""
    if strides > 1:
        x = layers.AveragePooling2D(1, strides, name=f"{name}_subsample")(x)
    if (missing := filters - x.shape[-1]) > 0:
        # ZeroPadding2D pads the two middle axes only, so channels take a middle place.
        x = layers.Permute((1, 3, 2), name=f"{name}_channels_to_middle")(x)
        x = layers.ZeroPadding2D(((0, 0), (0, missing)), name=f"{name}_pad")(x)
        x = layers.Permute((1, 3, 2), name=f"{name}_channels_to_last")(x)
    return x


def _projection_shortcut(x, filters, strides, name, use_bias=False):
    """Option B of the paper: a 1 × 1 convolution wherever the shape changes."""
    if strides == 1 and x.shape[-1] == filters:
        return x
    return _conv_norm(x, filters, 1, strides, f"{name}_0", use_bias=use_bias)


def _basic_block(x, shortcut, filters, strides, activation, name):
    x = _conv_norm(x, filters, 3, strides, f"{name}_1")
    x = activate(x, activation, f"{name}_1_{activation}")
    x = _conv_norm(x, filters, 3, 1, f"{name}_2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return activate(x, activation, f"{name}_out")


def _bottleneck_block(x, shortcut, filters, strides, activation, name):
    x = _conv_norm(x, filters, 1, strides, f"{name}_1", use_bias=True)
    x = activate(x, activation, f"{name}_1_{activation}")
    x = _conv_norm(x, filters, 3, 1, f"{name}_2", use_bias=True)
    x = activate(x, activation, f"{name}_2_{activation}")
    x = _conv_norm(x, 4 * filters, 1, 1, f"{name}_3", use_bias=True)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return activate(x, activation, f"{name}_out")


def _head(x, num_classes, dropout):
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(num_classes, name="logits")(x)


@register(
    task="image_classification",
    paper="He et al. 2016, arXiv:1512.03385, table 6",
    year=2016,
    variants={
        "resnet20": {
            "arguments": {"depth": 20},
            "params": 269_722,
            "multiply_adds": 40_551_040,
        },
        "resnet32": {
            "arguments": {"depth": 32},
            "params": 464_154,
            "multiply_adds": 68_862_592,
        },
        "resnet44": {
            "arguments": {"depth": 44},
            "params": 658_586,
            "multiply_adds": 97_174_144,
        },
        "resnet56": {
            "arguments": {"depth": 56},
            "params": 853_018,
            "multiply_adds": 125_485_696,
        },
        "resnet110": {
            "arguments": {"depth": 110},
            "params": 1_727_962,
            "multiply_adds": 252_887_680,
        },
    },
)
def small_resnet(
    depth: int = 20,
    stem: str = "small",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "small_resnet",
) -> keras.Model:
    """Build the ResNet for small images: three stages of 16, 32 and 64 channels.

    Args:
        depth: number of weighted layers, 6n + 2.
        stem: "imagenet" for the 7 × 7 convolution with stride 2 and the pooling of the
            larger form, "small" for the paper's 3 × 3 convolution that keeps the size.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: depth is not 6n + 2, or there is no such stem.
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"depth must be 6n + 2, such as 20 or 56; got {depth}")
    check_stem(stem)
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    x = _stem(x, 16, stem, activation)
    for stage, filters in enumerate((16, 32, 64), start=1):
        for block in range(1, (depth - 2) // 6 + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            prefix = f"stage{stage}_{block}"
            shortcut = _subsample_shortcut(x, filters, strides, prefix)
            x = _basic_block(x, shortcut, filters, strides, activation, prefix)
    return keras.Model(inputs, _head(x, num_classes, dropout), name=name)


@register(
    task="image_classification",
    paper="He et al. 2016, arXiv:1512.03385, table 1",
    year=2016,
    variants={
        "resnet18": {
            "arguments": {"depth": 18},
            "params": 11_173_962,
            "multiply_adds": 555_422_720,
        },
        "resnet34": {
            "arguments": {"depth": 34},
            "params": 21_282_122,
            "multiply_adds": 1_159_402_496,
        },
        "resnet50": {
            "arguments": {"depth": 50},
            "params": 23_547_402,
            "multiply_adds": 1_222_332_416,
        },
    },
)
def resnet(
    depth: int = 18,
    stem: str = "small",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "resnet",
) -> keras.Model:
    """Build the ResNet of four stages, with 64 to 512 (or 256 to 2,048) channels.

    Args:
        depth: number of weighted layers: 18, 34 or 50.
        stem: "imagenet" for the paper's 7 × 7 convolution with stride 2 and pooling,
            "small" for one 3 × 3 convolution that keeps the size of a small image.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: depth is not 18, 34 or 50, or there is no such stem.
    """
    if depth not in _BLOCKS:
        raise ValueError(f"depth must be 18, 34 or 50; got {depth}")
    check_stem(stem)
    bottleneck = depth >= 50
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    x = _stem(x, 64, stem, activation, use_bias=bottleneck)
    for stage, num_blocks in enumerate(_BLOCKS[depth], start=1):
        filters = 32 * 2**stage
        for block in range(1, num_blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            prefix = f"stage{stage}_{block}"
            if bottleneck:
                shortcut = _projection_shortcut(x, 4 * filters, strides, prefix, True)
                x = _bottleneck_block(x, shortcut, filters, strides, activation, prefix)
            else:
                shortcut = _projection_shortcut(x, filters, strides, prefix)
                x = _basic_block(x, shortcut, filters, strides, activation, prefix)
    return keras.Model(inputs, _head(x, num_classes, dropout), name=name)
