"""EfficientNet-B0, Tan & Le 2019, arXiv:1905.11946.

It equals keras.applications' model with `stem="imagenet"`, but for the input scaling:
pixels become [-1, 1]. The small stem, which the paper does not have, drops the first
two strides, so that an image of 32 pixels ends as 4 × 4 maps.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate, check_stem
from kerazoo.zoo.registry import register

# Expansion, filters, blocks, kernel, strides of the first block (table 1).
_STAGES = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)


def _initializer():
    return keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")


def _conv(x, filters, kernel_size, strides, name, use_bias=False):
    return layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=_initializer(),
        name=name,
    )(x)


def _norm_act(x, activation, name):
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return activate(x, activation, f"{name}_{activation}")


def _squeeze_excite(x, squeezed, activation, name):
    """Scale each channel by a gate that sees all of them."""
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = _conv(gate, squeezed, 1, 1, f"{name}_reduce", use_bias=True)
    gate = activate(gate, activation, f"{name}_{activation}")
    gate = _conv(gate, x.shape[-1], 1, 1, f"{name}_expand", use_bias=True)
    gate = layers.Activation("sigmoid", name=f"{name}_gate")(gate)
    return layers.Multiply(name=f"{name}_scale")([x, gate])


def _block(x, expansion, filters, kernel_size, strides, drop_rate, activation, name):
    shortcut = x
    channels = x.shape[-1]
    if expansion != 1:
        x = _conv(x, expansion * channels, 1, 1, f"{name}_expand")
        x = _norm_act(x, activation, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{name}_depthwise",
    )(x)
    x = _norm_act(x, activation, f"{name}_depthwise")
    x = _squeeze_excite(x, max(1, channels // 4), activation, f"{name}_excite")
    x = _conv(x, filters, 1, 1, f"{name}_project")
    x = layers.BatchNormalization(name=f"{name}_project_norm")(x)
    if strides == 1 and channels == filters:
        # One draw for all of a sample's block: stochastic depth.
        x = layers.Dropout(drop_rate, (None, 1, 1, 1), name=f"{name}_drop")(x)
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


@register(
    task="image_classification",
    paper="Tan & Le 2019, arXiv:1905.11946, table 1",
    year=2019,
    variants={"efficientnet_b0": {"params": 4_020_358, "multiply_adds": 116_167_168}},
)
def efficientnet_b0(
    stem: str = "small",
    stochastic_depth: float = 0.2,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.2,
    activation: str = "silu",
    name: str = "efficientnet_b0",
) -> keras.Model:
    """Build EfficientNet-B0: inverted residuals with squeeze-and-excite.

    Args:
        stem: "imagenet" for the paper's five strides, "small" for the last three.
        stochastic_depth: share of the blocks that a sample skips in training, growing
            from 0 at the first block to nearly this at the last, in [0, 1).
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu"; the paper's is "silu".
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
    x = _conv(x, 32, 3, 2 if stem == "imagenet" else 1, "stem")
    x = _norm_act(x, activation, "stem")
    total_blocks = sum(num_blocks for _, _, num_blocks, _, _ in _STAGES)
    blocks_before = 0
    for stage, row in enumerate(_STAGES, start=1):
        expansion, filters, num_blocks, kernel_size, strides = row
        for block in range(1, num_blocks + 1):
            keeps_size = block > 1 or (stage == 2 and stem == "small")
            x = _block(
                x,
                expansion,
                filters,
                kernel_size,
                1 if keeps_size else strides,
                stochastic_depth * blocks_before / total_blocks,
                activation,
                f"stage{stage}_{block}",
            )
            blocks_before += 1
    x = _conv(x, 1280, 1, 1, "head")
    x = _norm_act(x, activation, "head")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
