"""Wide residual networks, Zagoruyko & Komodakis 2016, arXiv:1605.07146.

Deviation: pixels are scaled to [-1, 1] inside the model, in place of whitening.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate, check_stem
from kerazoo.zoo.registry import register


def _norm_act(x, activation, name):
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return activate(x, activation, f"{name}_{activation}")


def _conv(x, filters, kernel_size, strides, name):
    return layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def _wide_block(x, filters, strides, dropout, activation, name):
    shortcut = x
    x = _norm_act(x, activation, f"{name}_1")
    if shortcut.shape[-1] != filters:
        shortcut = _conv(x, filters, 1, strides, f"{name}_shortcut")
    x = _conv(x, filters, 3, strides, f"{name}_1")
    x = _norm_act(x, activation, f"{name}_2")
    x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    x = _conv(x, filters, 3, 1, f"{name}_2")
    return layers.Add(name=f"{name}_add")([shortcut, x])


@register(
    task="image_classification",
    paper="Zagoruyko & Komodakis 2016, arXiv:1605.07146, table 4",
    year=2016,
    variants={
        "wide_resnet16_4": {
            "arguments": {"depth": 16, "width": 4},
            "params": 2_748_890,
            "multiply_adds": 392_612_352,
        },
        "wide_resnet28_10": {
            "arguments": {"depth": 28, "width": 10},
            "params": 36_479_194,
            "multiply_adds": 5_243_328_768,
        },
        "wide_resnet40_4": {
            "arguments": {"depth": 40, "width": 4},
            "params": 8_949_210,
            "multiply_adds": 1_298_582_016,
        },
    },
)
def wide_resnet(
    depth: int = 16,
    width: int = 4,
    stem: str = "small",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "wide_resnet",
) -> keras.Model:
    """Build the wide ResNet: three pre-activated stages of 16, 32 and 64 × `width`.

    Args:
        depth: number of weighted layers, 6n + 4.
        width: the factor on the channels of the thin network.
        stem: "imagenet" for a 7 × 7 convolution with stride 2 and pooling, which the
            paper does not have, "small" for its 3 × 3 one that keeps the size.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share dropped in training between the two convolutions of each block
            (the paper: 0.3), in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: depth is not 6n + 4, or there is no such stem.
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"depth must be 6n + 4, such as 16 or 28; got {depth}")
    check_stem(stem)
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    if stem == "imagenet":
        x = _conv(x, 16, 7, 2, "stem")
        x = _norm_act(x, activation, "stem")
        x = layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    else:
        x = _conv(x, 16, 3, 1, "stem")
    for stage, filters in enumerate((16, 32, 64), start=1):
        for block in range(1, (depth - 4) // 6 + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            prefix = f"stage{stage}_{block}"
            x = _wide_block(x, filters * width, strides, dropout, activation, prefix)
    x = _norm_act(x, activation, "final")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
