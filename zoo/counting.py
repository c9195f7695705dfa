"""The cost of a model: multiply-adds of one forward pass of one sample."""

import math

import keras
from keras import layers

# Sequences have any length: a source and a target are counted with this many tokens.
SEQUENCE_LENGTH = 32

# Their weights scale and shift; by convention that is not counted.
_FREE = (
    layers.BatchNormalization,
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.Normalization,
    layers.PReLU,
)
_FREE_NAMES = ("LayerScale",)  # keras.applications keeps this class to itself
_APPLIED_PER_OUTPUT = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Dense,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
)
_APPLIED_PER_INPUT = (
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)
_SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)


def multiply_adds(model: keras.Model) -> int:
    """Count the multiply-adds of a model's convolutions and dense layers.

    Biases, normalizations, activations, pooling and sums are not counted, as in the
    papers' own tables. The products between queries, keys and values of attention are.
    A layer of the zoo's own says what it costs in a method of this name.

    Args:
        model: a functional or sequential model with a fixed input shape.

    Raises:
        ValueError: a weighted layer of a class that is not known here, a layer used
            more than once, or an input size left open.

    >>> from kerazoo.zoo import create_model
    >>> multiply_adds(create_model("lenet5"))
    416520
    """
    return sum(_layer_multiply_adds(layer) for layer in model.layers)


def _layer_multiply_adds(layer: keras.Layer) -> int:
    if isinstance(layer, keras.Model):
        return multiply_adds(layer)
    free = isinstance(layer, _FREE) or type(layer).__name__ in _FREE_NAMES
    if free or not layer.weights:
        return 0
    if hasattr(layer, "multiply_adds"):
        return layer.multiply_adds()
    if isinstance(layer, layers.MultiHeadAttention):
        return _attention_multiply_adds(layer)
    if isinstance(layer, _APPLIED_PER_OUTPUT):
        return _positions(layer, "output") * math.prod(layer.kernel.shape)
    if isinstance(layer, _APPLIED_PER_INPUT):
        return _positions(layer, "input") * math.prod(layer.kernel.shape)
    if isinstance(layer, _SEPARABLE):
        kernels = layer.depthwise_kernel, layer.pointwise_kernel
        per_output = sum(math.prod(kernel.shape) for kernel in kernels)
        return _positions(layer, "output") * per_output
    raise ValueError(
        f"the multiply-adds of the layer {layer.name!r} are not known: "
        f"{type(layer).__name__} has weights and no rule in kerazoo.zoo.counting"
    )


def _attention_multiply_adds(layer: layers.MultiHeadAttention) -> int:
    """Four projections, and the products of queries, keys and values."""
    query, value = layer._inbound_nodes[0].input_tensors[:2]
    num_queries, num_values = query.shape[1], value.shape[1]
    projected = sum(
        places * math.prod(dense.kernel.shape)
        for places, dense in (
            (num_queries, layer._query_dense),
            (num_values, layer._key_dense),
            (num_values, layer._value_dense),
            (num_queries, layer._output_dense),
        )
    )
    width = layer.num_heads * (layer._key_dim + layer._value_dim)
    return projected + num_queries * num_values * width


def _positions(layer: keras.Layer, side: str) -> int:
    """How many times a kernel is applied: once per place in the input or output."""
    if len(layer._inbound_nodes) != 1:
        raise ValueError(
            f"the layer {layer.name!r} is used {len(layer._inbound_nodes)} times; "
            "multiply_adds counts models that use each layer once"
        )
    shape = getattr(layer, side).shape[1:-1]
    if None in shape:
        raise ValueError(
            f"the {side} of the layer {layer.name!r} has the open shape {shape}; "
            "build the model with a fixed input_shape to count its multiply-adds"
        )
    return math.prod(shape)
