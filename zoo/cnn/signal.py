"""Networks for signals: a 1-D ResNet, Wang et al. 2017, arXiv:1611.06455, and a plain
1-D CNN.

Deviations: none from the paper's ResNet but a dropout after pooling. The plain CNN is
the form of `plain.py` in one dimension, with longer kernels.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import SIGNAL_AXES, activate
from kerazoo.zoo.registry import register


def _conv_norm(x, filters, kernel_size, name):
    x = layers.Conv1D(
        filters,
        kernel_size,
        padding="same",
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)


def _head(x, num_classes, dropout):
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(num_classes, name="logits")(x)


@register(
    task="signal_classification",
    paper="Wang et al. 2017, arXiv:1611.06455, figure 1c",
    year=2017,
    variants={"resnet1d": {"params": 505_290, "multiply_adds": 64_038_144}},
)
def resnet1d(
    filters: tuple[int, ...] = (64, 128, 128),
    input_shape: tuple[int, int] = (128, 1),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "resnet1d",
) -> keras.Model:
    """Build the ResNet for time series: blocks of kernels 8, 5 and 3, no striding.

    Args:
        filters: channels of each residual block.
        input_shape: (time, channels) of a signal; `None` for any length.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: (batch, time, channels), standardized by the caller.
        output: (batch, num_classes), logits.
    """
    inputs = keras.Input(input_shape, name="signal")
    x = inputs
    for block, channels in enumerate(filters, start=1):
        shortcut = x
        for conv, kernel_size in enumerate((8, 5, 3), start=1):
            prefix = f"block{block}_{conv}"
            x = _conv_norm(x, channels, kernel_size, prefix)
            if conv < 3:
                x = activate(x, activation, f"{prefix}_{activation}", SIGNAL_AXES)
        prefix = f"block{block}"
        if shortcut.shape[-1] == channels:
            shortcut = layers.BatchNormalization(
                momentum=0.9, name=f"{prefix}_shortcut_norm"
            )(shortcut)
        else:
            shortcut = _conv_norm(shortcut, channels, 1, f"{prefix}_shortcut")
        x = layers.Add(name=f"{prefix}_add")([shortcut, x])
        x = activate(x, activation, f"{prefix}_out", SIGNAL_AXES)
    return keras.Model(inputs, _head(x, num_classes, dropout), name=name)


@register(
    task="signal_classification",
    paper="none: the plain CNN in one dimension",
    year=2015,
    variants={"cnn1d": {"params": 73_866, "multiply_adds": 2_782_464}},
)
def cnn1d(
    filters: tuple[int, ...] = (32, 64, 128),
    kernel_size: int = 7,
    input_shape: tuple[int, int] = (128, 1),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "cnn1d",
) -> keras.Model:
    """Build a plain CNN for signals: one convolution and a halving in each stage.

    Args:
        filters: channels of each stage; a max pooling stands between two stages.
        kernel_size: length of the convolutions, in time steps.
        input_shape: (time, channels) of a signal; `None` for any length.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: (batch, time, channels), standardized by the caller.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: there is no stage.
    """
    if not filters:
        raise ValueError("cnn1d needs at least one stage; got filters=()")
    inputs = keras.Input(input_shape, name="signal")
    x = inputs
    for stage, channels in enumerate(filters, start=1):
        if stage > 1:
            x = layers.MaxPooling1D(2, padding="same", name=f"pool{stage - 1}")(x)
        x = _conv_norm(x, channels, kernel_size, f"stage{stage}")
        x = activate(x, activation, f"stage{stage}_{activation}", SIGNAL_AXES)
    return keras.Model(inputs, _head(x, num_classes, dropout), name=name)
