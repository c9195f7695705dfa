"""VGG, Simonyan & Zisserman 2015, arXiv:1409.1556, configurations A, B and D.

Deviations: batch normalization after each convolution (Ioffe & Szegedy 2015,
arXiv:1502.03167); by default global average pooling in place of the two dense layers of
4,096, which hold 90 % of the paper's parameters (`dense_units=(4096, 4096)` brings them
back); pooling pads odd sizes, so that small images pass through all five stages.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate
from kerazoo.zoo.registry import register

# Depth → convolutions in each stage (table 1).
_CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3)}


@register(
    task="image_classification",
    paper="Simonyan & Zisserman 2015, arXiv:1409.1556, with batch normalization",
    year=2015,
    variants={
        "vgg11": {
            "arguments": {"depth": 11},
            "params": 9_231_114,
            "multiply_adds": 152_769_536,
        },
        "vgg13": {
            "arguments": {"depth": 13},
            "params": 9_416_010,
            "multiply_adds": 228_267_008,
        },
        "vgg16": {
            "arguments": {"depth": 16},
            "params": 14_728_266,
            "multiply_adds": 313_201_664,
        },
    },
)
def vgg(
    depth: int = 11,
    dense_units: tuple[int, ...] = (),
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "vgg",
) -> keras.Model:
    """Build VGG with batch normalization: five stages of 64 to 512 channels.

    Args:
        depth: number of weighted layers in the paper: 11, 13 or 16.
        dense_units: sizes of the dense layers before the logits. With none, the last
            maps are averaged; with some, they are flattened.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share dropped in training of the pooled features, or of the output of
            each dense layer (the paper: 0.5), in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: depth is not 11, 13 or 16.
    """
    if depth not in _CONVS:
        raise ValueError(f"depth must be 11, 13 or 16; got {depth}")
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    for stage, num_convs in enumerate(_CONVS[depth], start=1):
        for conv in range(1, num_convs + 1):
            prefix = f"stage{stage}_{conv}"
            x = layers.Conv2D(
                min(32 * 2**stage, 512),
                3,
                padding="same",
                kernel_initializer="he_normal",
                name=f"{prefix}_conv",
            )(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"{prefix}_norm")(x)
            x = activate(x, activation, f"{prefix}_{activation}")
        x = layers.MaxPooling2D(2, padding="same", name=f"stage{stage}_pool")(x)
    if dense_units:
        x = layers.Flatten(name="flatten")(x)
        for index, units in enumerate(dense_units, start=1):
            x = layers.Dense(units, name=f"dense{index}")(x)
            x = activate(x, activation, f"dense{index}_{activation}", axes=())
            x = layers.Dropout(dropout, name=f"dense{index}_dropout")(x)
    else:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
