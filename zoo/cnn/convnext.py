"""ConvNeXt, Liu et al. 2022, arXiv:2201.03545; atto is the size of Woo et al. 2023,
arXiv:2301.00808, table 14, in the first version's form.

Deviations: the pointwise layers are 1 × 1 convolutions, which devices run better than
dense layers on maps (the same function); LayerScale is a depthwise 1 × 1 convolution,
so that only stock layers are used (the same function); the small stem takes patches
of 2 × 2 pixels in place of 4 × 4; odd sizes are padded.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate, check_stem
from kerazoo.zoo.registry import register


def _conv(x, filters, kernel_size, strides, name):
    return layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        name=name,
    )(x)


def _norm(x, name):
    return layers.LayerNormalization(epsilon=1e-6, name=name)(x)


def _block(x, layer_scale, drop_rate, activation, name):
    shortcut = x
    channels = x.shape[-1]
    x = layers.DepthwiseConv2D(
        7,
        padding="same",
        depthwise_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        name=f"{name}_depthwise",
    )(x)
    x = _norm(x, f"{name}_norm")
    x = _conv(x, 4 * channels, 1, 1, f"{name}_expand")
    x = activate(x, activation, f"{name}_{activation}")
    x = _conv(x, channels, 1, 1, f"{name}_project")
    x = layers.DepthwiseConv2D(
        1,
        use_bias=False,
        depthwise_initializer=keras.initializers.Constant(layer_scale),
        name=f"{name}_layer_scale",
    )(x)
    # One draw for all of a sample's block: stochastic depth.
    x = layers.Dropout(drop_rate, (None, 1, 1, 1), name=f"{name}_drop")(x)
    return layers.Add(name=f"{name}_add")([shortcut, x])


@register(
    task="image_classification",
    paper="Liu et al. 2022, arXiv:2201.03545",
    year=2022,
    variants={
        "convnext_atto": {
            "arguments": {"num_blocks": (2, 2, 6, 2), "filters": (40, 80, 160, 320)},
            "params": 3_376_290,
            "multiply_adds": 44_337_280,
        },
        "convnext_tiny": {
            "arguments": {"num_blocks": (3, 3, 9, 3), "filters": (96, 192, 384, 768)},
            "params": 27_824_362,
            "multiply_adds": 362_952_192,
        },
    },
)
def convnext(
    num_blocks: tuple[int, ...] = (2, 2, 6, 2),
    filters: tuple[int, ...] = (40, 80, 160, 320),
    layer_scale: float = 1e-6,
    stochastic_depth: float = 0.0,
    stem: str = "small",
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "gelu",
    name: str = "convnext",
) -> keras.Model:
    """Build ConvNeXt: large depthwise kernels, layer normalization, few activations.

    Args:
        num_blocks: residual blocks in each stage.
        filters: channels of each stage.
        layer_scale: the initial factor on what a block adds.
        stochastic_depth: share of the blocks that a sample skips in training, growing
            from 0 at the first block to this at the last, in [0, 1).
        stem: "imagenet" for patches of 4 × 4 pixels, "small" for 2 × 2.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu"; the paper's is "gelu".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: num_blocks and filters differ in length, or there is no such stem.
    """
    if len(num_blocks) != len(filters):
        raise ValueError(
            "num_blocks and filters must have one number for each stage; "
            f"got {num_blocks} and {filters}"
        )
    check_stem(stem)
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    patch = 4 if stem == "imagenet" else 2
    x = _conv(x, filters[0], patch, patch, "stem")
    x = _norm(x, "stem_norm")
    last_block = max(1, sum(num_blocks) - 1)
    blocks_before = 0
    for stage, blocks in enumerate(num_blocks, start=1):
        if stage > 1:
            x = _norm(x, f"downsample{stage}_norm")
            x = _conv(x, filters[stage - 1], 2, 2, f"downsample{stage}")
        for block in range(1, blocks + 1):
            drop_rate = stochastic_depth * blocks_before / last_block
            x = _block(x, layer_scale, drop_rate, activation, f"stage{stage}_{block}")
            blocks_before += 1
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = _norm(x, "pool_norm")
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
