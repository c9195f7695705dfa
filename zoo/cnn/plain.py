"""A plain convolutional network: stages of convolutions with max pooling between them.

The form is VGG's (Simonyan & Zisserman 2015, arXiv:1409.1556) at a small size, with
batch normalization (Ioffe & Szegedy 2015, arXiv:1502.03167) and global average pooling
in place of dense layers (Lin et al. 2014, arXiv:1312.4400).
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate
from kerazoo.zoo.registry import register


@register(
    task="image_classification",
    paper="Simonyan & Zisserman 2015, arXiv:1409.1556, at a small size",
    year=2015,
    variants={"cnn": {"params": 89_506, "multiply_adds": 11_685_376}},
)
def cnn(
    filters: tuple[int, ...] = (24, 40, 64),
    convs_per_stage: int = 2,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "cnn",
) -> keras.Model:
    """Build a plain CNN of under 100,000 parameters for small images.

    Args:
        filters: channels of each stage; a max pooling stands between two stages.
        convs_per_stage: number of 3 × 3 convolutions in a stage.
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: there is no stage, or no convolution in a stage.
    """
    if not filters or convs_per_stage < 1:
        raise ValueError(
            "cnn needs at least one stage and one convolution in it; "
            f"got filters={filters}, convs_per_stage={convs_per_stage}"
        )
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    for stage, channels in enumerate(filters, start=1):
        if stage > 1:
            x = layers.MaxPooling2D(2, padding="same", name=f"pool{stage - 1}")(x)
        for conv in range(1, convs_per_stage + 1):
            prefix = f"stage{stage}_{conv}"
            x = layers.Conv2D(
                channels,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
                name=f"{prefix}_conv",
            )(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"{prefix}_norm")(x)
            x = activate(x, activation, f"{prefix}_{activation}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
