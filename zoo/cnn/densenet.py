"""Densely connected networks, Huang et al. 2017, arXiv:1608.06993: DenseNet-BC.

Deviation: pixels are scaled to [-1, 1] inside the model, in place of whitening.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate, check_stem
from kerazoo.zoo.registry import register


def _norm_act(x, activation, name):
    x = layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5, name=f"{name}_norm")(
        x
    )
    return activate(x, activation, f"{name}_{activation}")


def _conv(x, filters, kernel_size, name):
    return layers.Conv2D(
        filters,
        kernel_size,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def _dense_layer(x, growth, dropout, activation, name):
    """Add `growth` channels, computed from all the channels so far."""
    new = _norm_act(x, activation, f"{name}_1")
    new = _conv(new, 4 * growth, 1, f"{name}_1")
    new = layers.Dropout(dropout, name=f"{name}_1_dropout")(new)
    new = _norm_act(new, activation, f"{name}_2")
    new = _conv(new, growth, 3, f"{name}_2")
    new = layers.Dropout(dropout, name=f"{name}_2_dropout")(new)
    return layers.Concatenate(name=f"{name}_concat")([x, new])


def _transition(x, dropout, activation, name):
    """Halve the channels, the height and the width."""
    x = _norm_act(x, activation, name)
    x = _conv(x, x.shape[-1] // 2, 1, name)
    x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


@register(
    task="image_classification",
    paper="Huang et al. 2017, arXiv:1608.06993, table 2",
    year=2017,
    variants={
        "densenet_bc100": {
            "arguments": {"num_layers": (16, 16, 16), "growth": 12},
            "params": 769_162,
            "multiply_adds": 287_929_692,
        },
    },
)
def densenet(
    num_layers: tuple[int, ...] = (16, 16, 16),
    growth: int = 12,
    stem: str = "small",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "densenet",
) -> keras.Model:
    """Build DenseNet-BC: dense blocks, with halving transitions between them.

    Args:
        num_layers: dense layers in each block, of two convolutions each.
        growth: channels that a dense layer adds (k in the paper).
        stem: "imagenet" for the paper's 7 × 7 convolution with stride 2 and pooling,
            "small" for one 3 × 3 convolution that keeps the size of a small image.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share dropped in training after each convolution but the first
            (the paper, without augmentation: 0.2), in [0, 1).
        activation: any Keras activation name, or "prelu".
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
    if stem == "imagenet":
        x = layers.ZeroPadding2D(3, name="stem_pad")(x)
        x = layers.Conv2D(2 * growth, 7, 2, use_bias=False, name="stem_conv")(x)
        x = _norm_act(x, activation, "stem")
        x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
        x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    else:
        x = _conv(x, 2 * growth, 3, "stem")
    for block, layers_in_block in enumerate(num_layers, start=1):
        if block > 1:
            x = _transition(x, dropout, activation, f"transition{block - 1}")
        for layer in range(1, layers_in_block + 1):
            x = _dense_layer(x, growth, dropout, activation, f"block{block}_{layer}")
    x = _norm_act(x, activation, "final")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
