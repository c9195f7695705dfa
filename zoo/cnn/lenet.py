"""LeNet-5, LeCun et al. 1998, doi:10.1109/5.726791.

Deviations: plain average pooling in place of subsampling with a learned slope and bias;
the third layer sees all six maps (the paper wires 60 of 96 pairs); a dense layer of
logits in place of radial basis functions; ReLU by default (the paper: scaled tanh);
"same" padding in the first layer in place of digits padded from 28 to 32 pixels, and in
the second where an image has fewer than 12 pixels a side.
"""

import keras
from keras import layers

from kerazoo.zoo.layers import activate
from kerazoo.zoo.registry import register


@register(
    task="image_classification",
    paper="LeCun et al. 1998, doi:10.1109/5.726791",
    year=1998,
    variants={"lenet5": {"params": 61_706, "multiply_adds": 416_520}},
)
def lenet5(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "lenet5",
) -> keras.Model:
    """Build LeNet-5: two convolutions with pooling, then three dense layers.

    Args:
        input_shape: (height, width, channels) of an image with pixels 0 to 255.
        num_classes: number of logits.
        dropout: share of the last 84 features dropped in training, in [0, 1).
        activation: any Keras activation name, or "prelu"; the paper's is "tanh".
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: an image of fewer than 4 × 4 pixels.
    """
    if min(input_shape[:2]) < 4:
        raise ValueError(f"lenet5 needs at least 4 × 4 pixels; got {input_shape}")
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    x = layers.Conv2D(6, 5, padding="same", name="conv1")(x)
    x = activate(x, activation, f"conv1_{activation}")
    x = layers.AveragePooling2D(2, name="pool1")(x)
    padding = "same" if min(input_shape[:2]) < 12 else "valid"
    x = layers.Conv2D(16, 5, padding=padding, name="conv2")(x)
    x = activate(x, activation, f"conv2_{activation}")
    x = layers.AveragePooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, name="dense1")(x)
    x = activate(x, activation, f"dense1_{activation}", axes=())
    x = layers.Dense(84, name="dense2")(x)
    x = activate(x, activation, f"dense2_{activation}", axes=())
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
