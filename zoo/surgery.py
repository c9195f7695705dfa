"""Cut a built model: its feature maps at every resolution, or a new head."""

from numbers import Integral

import keras
from keras import layers

_PADDINGS = (layers.ZeroPadding1D, layers.ZeroPadding2D)


def feature_pyramid(model: keras.Model) -> keras.Model:
    """Return a model of the feature maps at every resolution, finest first.

    A map counts if every path from the input to the output runs through it, so that it
    never lies inside a branch, and if a convolution was applied at its resolution. Of
    each resolution, the last such map is taken, before any padding. A new resolution
    begins wherever a convolution or a pooling strides, so that odd and padded sizes
    need no rule of their own. In nets of inverted residuals that map is the expansion
    in front of the strided convolution, where SSDLite attaches too (Sandler et al.
    2018, arXiv:1801.04381, section 6.2).

    The weights are shared with `model`, not copied.

    Args:
        model: a functional model of one image or one signal that only shrinks maps.

    Shapes:
        input: the model's own.
        output: a list of (batch, height, width, channels) or (batch, time, channels).

    Raises:
        ValueError: the model is sequential, has several inputs or outputs, is no model
            of images or signals, uses a layer more than once, or at some resolution
            has no map that every path runs through (as in NASNet, whose cells read
            the last two cells).

    >>> from kerazoo.zoo import create_model
    >>> [maps.shape for maps in feature_pyramid(create_model("resnet20")).outputs]
    [(None, 32, 32, 16), (None, 16, 16, 32), (None, 8, 8, 64)]
    """
    _check_form(model)
    last_map = {}  # number of striding layers above → the last map there
    convolved = set()  # the resolutions at which a convolution was applied
    for operation, num_strides, is_on_every_path in _walk(model):
        if any(hasattr(layer, "kernel_size") for layer in _layers_in(operation)):
            convolved.add(num_strides)
        if (
            is_on_every_path
            and num_strides in convolved
            and not isinstance(operation, _PADDINGS)
            and len(operation.output.shape) == len(model.input.shape)
        ):
            last_map[num_strides] = operation.output
    missing = convolved - set(last_map)
    if missing or not last_map:
        raise ValueError(
            f"{model.name} has no feature map that every path runs through after "
            f"{sorted(missing)} strided layers, so that it gives no pyramid of maps"
        )
    maps = [last_map[num_strides] for num_strides in sorted(last_map)]
    return keras.Model(model.input, maps, name=f"{model.name}_features")


def reset_head(model: keras.Model, num_classes: int) -> keras.Model:
    """Return the model with a new layer of logits, and all its other weights kept.

    The weights below the head are shared with `model`, not copied.

    Args:
        model: a functional model whose last layer is a dense one named "logits".
        num_classes: number of logits of the new head.

    Raises:
        ValueError: the model does not end in a dense layer named "logits", or
            num_classes is no positive integer.

    >>> from kerazoo.zoo import create_model
    >>> reset_head(create_model("resnet20"), 3).output_shape
    (None, 3)
    """
    _check_form(model)
    head = model.layers[-1]
    if not isinstance(head, layers.Dense) or head.name != "logits":
        raise ValueError(
            f'{model.name} does not end in a dense layer named "logits" but in '
            f"{head.name!r} ({type(head).__name__}); reset_head replaces the head of a "
            "zoo model"
        )
    if not isinstance(num_classes, Integral) or num_classes < 1:
        raise ValueError(f"num_classes must be a positive integer; got {num_classes}")
    config = {**head.get_config(), "units": int(num_classes)}
    new_head = layers.Dense.from_config(config)
    return keras.Model(model.input, new_head(head.input), name=model.name)


def _check_form(model):
    if isinstance(model, keras.Sequential):
        raise ValueError(f"{model.name} must be a functional model; it is sequential")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{model.name} must have one input and one output; "
            f"it has {len(model.inputs)} and {len(model.outputs)}"
        )


def _walk(model):
    """Yield each operation, the strides above it, and whether all paths cross it.

    In an order from input to output, every path crosses an operation if and only if no
    tensor made before it is read after it.
    """
    operations = [o for o in model.operations if not isinstance(o, layers.InputLayer)]
    sources = [
        [id(tensor) for tensor in keras.tree.flatten(operation.input)]
        for operation in operations
    ]
    last_read = {
        tensor: index for index, tensors in enumerate(sources) for tensor in tensors
    }
    made = {id(operation.output) for operation in operations} | {id(model.input)}
    if not made.issuperset({*last_read, id(model.output)}):
        raise ValueError(
            f"{model.name} uses a layer more than once; a pyramid is taken of models "
            "that use each layer once"
        )
    num_strides = {id(model.input): 0}
    open_until = last_read[id(model.input)]
    for index, operation in enumerate(operations):
        strides = max(num_strides[tensor] for tensor in sources[index])
        strides += any(_is_strided(layer) for layer in _layers_in(operation))
        output = id(operation.output)
        num_strides[output] = strides
        yield operation, strides, open_until <= index
        open_until = max(open_until, last_read.get(output, 0))


def _layers_in(operation):
    """A layer itself, or the layers of a model used as a layer."""
    if isinstance(operation, keras.Model):
        return operation.layers
    return [operation]


def _is_strided(layer):
    return max(keras.tree.flatten(getattr(layer, "strides", 1))) > 1
