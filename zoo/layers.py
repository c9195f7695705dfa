"""What several families of the zoo share: an activation by name, and the stems."""

import keras
from keras import layers

IMAGE_AXES = (1, 2)  # height and width of a channels-last image
SIGNAL_AXES = (1,)  # time of a channels-last signal


def activate(
    x: keras.KerasTensor, activation: str, name: str, axes: tuple[int, ...] = IMAGE_AXES
) -> keras.KerasTensor:
    """Apply an activation by name.

    Args:
        x: features, channels last.
        activation: any Keras activation name, or `"prelu"` for a learned slope per
            channel (He et al. 2015, arXiv:1502.01852).
        name: the layer's name.
        axes: the axes over which PReLU shares its slope; `()` after a dense layer.
    """
    if activation == "prelu":
        return layers.PReLU(shared_axes=axes, name=name)(x)
    return layers.Activation(activation, name=name)(x)


def check_stem(stem: str) -> None:
    """Check the name of a stem.

    Raises:
        ValueError: stem is neither `"small"` nor `"imagenet"`.
    """
    if stem not in ("small", "imagenet"):
        raise ValueError(f'stem must be "small" or "imagenet"; got {stem!r}')
