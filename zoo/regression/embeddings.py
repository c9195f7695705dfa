"""Layers that turn a column of a table into a vector.

Gorishniy et al. 2022, arXiv:2203.05556, for numbers.

Deviations: bins are quantiles of the training data; the paper's bins from decision
trees are left out. A linear layer of its own follows for every column, with ReLU after
the periodic encoding (the paper's PLR) and without after the piecewise linear one (its
Q-L), since what follows is not linear itself.
"""

# ruff: noqa: D102  (what Keras calls is documented there)

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="kerazoo")
class PiecewiseLinearEncoding(layers.Layer):
    """Encode a number by how far it has come through each bin (equation 1).

    A bin that lies below the number gives 1, one above it 0, the one around it the
    share that is passed. The first and the last bin go on below 0 and above 1. Bins
    without width, as quantiles of a column of few values have them, give 0.

    Args:
        num_bins: bins of a column, at least 1.
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, features).
        output: (batch, features, bins).

    Raises:
        ValueError: num_bins is below 1.

    >>> layer = PiecewiseLinearEncoding(2)
    >>> layer.adapt([[0.0], [1.0], [3.0]])
    >>> layer(ops.array([[2.0]]))[0, 0].numpy().tolist()
    [1.0, 0.5]
    """

    def __init__(self, num_bins: int = 48, **kwargs):
        super().__init__(**kwargs)
        if num_bins < 1:
            raise ValueError(f"num_bins must be at least 1; got {num_bins}")
        self.num_bins = num_bins

    def build(self, input_shape):
        # Standardised numbers mostly lie in here; `adapt` finds out where.
        steps = np.linspace(-3.0, 3.0, self.num_bins + 1)
        self.edges = self.add_weight(
            name="edges",
            shape=(input_shape[-1], self.num_bins + 1),
            initializer=lambda shape, dtype: ops.tile(
                ops.convert_to_tensor(steps[None], dtype), (shape[0], 1)
            ),
            trainable=False,
        )

    def adapt(self, numbers) -> None:
        """Set the edges of the bins to quantiles of the training data.

        Args:
            numbers: (samples, features).

        Raises:
            ValueError: a number is missing or infinite.
        """
        numbers = np.asarray(numbers, "float64")
        if not np.isfinite(numbers).all():
            raise ValueError("numbers must be finite; fill missing values in before")
        if not self.built:
            self.build(numbers.shape)
        levels = np.linspace(0.0, 1.0, self.num_bins + 1)
        self.edges.assign(np.quantile(numbers, levels, axis=0).T)

    def call(self, numbers):
        edges = ops.convert_to_tensor(self.edges)
        left, right = edges[:, :-1], edges[:, 1:]
        lowest, highest = edges[:, :1], edges[:, -1:]
        width = right - left
        has_width = width > 0
        scale = ops.where(has_width, 1 / ops.where(has_width, width, 1.0), 0.0)
        first = ops.where(left == lowest, scale, 0.0)
        last = ops.where(right == highest, scale, 0.0)
        x = ops.expand_dims(numbers, -1)
        inside = (ops.minimum(ops.maximum(x, left), right) - left) * scale
        below = ops.minimum(x - lowest, 0.0) * first
        above = ops.maximum(x - highest, 0.0) * last
        return inside + below + above

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.num_bins)

    def multiply_adds(self) -> int:
        """Scaling is not counted."""
        return 0

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_bins": self.num_bins}


@keras.saving.register_keras_serializable(package="kerazoo")
class PeriodicEncoding(layers.Layer):
    """Encode a number by sines and cosines of learned frequencies (section 3.3).

    Args:
        num_frequencies: frequencies of a column, at least 1.
        sigma: standard deviation of the initial frequencies, above 0; the argument that
            the paper tunes with most care, from 0.01 to 100.
        **kwargs: as in `keras.layers.Layer`; `trainable=False` keeps the frequencies.

    Shapes:
        input: (batch, features).
        output: (batch, features, 2 * num_frequencies), the sines first.

    Raises:
        ValueError: num_frequencies is below 1, or sigma is not above 0.
    """

    def __init__(self, num_frequencies: int = 48, sigma: float = 0.01, **kwargs):
        super().__init__(**kwargs)
        if num_frequencies < 1 or not sigma > 0:
            raise ValueError(
                "num_frequencies must be at least 1 and sigma above 0; "
                f"got {num_frequencies} and {sigma}"
            )
        self.num_frequencies = num_frequencies
        self.sigma = sigma

    def build(self, input_shape):
        self.frequencies = self.add_weight(
            name="frequencies",
            shape=(input_shape[-1], self.num_frequencies),
            initializer=keras.initializers.RandomNormal(stddev=self.sigma),
        )

    def call(self, numbers):
        turns = ops.expand_dims(numbers, -1) * self.frequencies
        angles = 2 * math.pi * turns
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape, 2 * self.num_frequencies)

    def multiply_adds(self) -> int:
        """Scaling is not counted."""
        return 0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_frequencies": self.num_frequencies,
            "sigma": self.sigma,
        }


@keras.saving.register_keras_serializable(package="kerazoo")
class SeparateDense(layers.Layer):
    """A dense layer for every row, none shared: columns of a table, or members.

    Weights and biases begin uniform within ±1 / sqrt(channels), as in the code of the
    papers (arXiv:2106.11959, arXiv:2203.05556, arXiv:2410.24210).

    Args:
        units: channels of the output.
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, rows, channels), or (batch, rows) for one channel.
        output: (batch, rows, units).
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        channels = input_shape[2] if len(input_shape) == 3 else 1
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[1], channels, self.units),
            initializer=within(1 / math.sqrt(channels)),
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(input_shape[1], self.units),
            initializer=within(1 / math.sqrt(channels)),
        )

    def call(self, x):
        if len(x.shape) == 2:
            x = ops.expand_dims(x, -1)
        return ops.einsum("brc,rcu->bru", x, self.kernel) + self.bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.units)

    def multiply_adds(self) -> int:
        """Every entry of the kernel is used once."""
        return math.prod(self.kernel.shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="kerazoo")
class ClassToken(layers.Layer):
    """Put a learned token, the same for every sample, in front of the others.

    Shapes:
        input: (batch, tokens, channels).
        output: (batch, 1 + tokens, channels).
    """

    def build(self, input_shape):
        self.token = self.add_weight(
            name="token",
            shape=(1, 1, input_shape[-1]),
            initializer=within(1 / math.sqrt(input_shape[-1])),
        )

    def call(self, tokens):
        shape = (ops.shape(tokens)[0], 1, tokens.shape[-1])
        own = ops.broadcast_to(ops.convert_to_tensor(self.token), shape)
        return ops.concatenate([own, tokens], axis=1)

    def compute_output_shape(self, input_shape):
        batch, tokens, channels = input_shape
        return (batch, tokens + 1, channels)

    def multiply_adds(self) -> int:
        """It is only put in place."""
        return 0


def within(limit: float) -> keras.initializers.Initializer:
    """Return the initializer that draws uniformly from -limit to limit."""
    return keras.initializers.RandomUniform(-limit, limit)


ENCODINGS = {
    "piecewise_linear": PiecewiseLinearEncoding,
    "periodic": PeriodicEncoding,
}


def embed_numbers(
    numbers: keras.KerasTensor,
    embeddings: str,
    size: int,
    options: dict[str, Any] | None = None,
) -> keras.KerasTensor:
    """Turn every number into a vector, or leave the numbers as they are.

    Args:
        numbers: (batch, features).
        embeddings: "none", "piecewise_linear" or "periodic".
        size: length of the vectors.
        options: arguments of the encoding layer, such as `{"sigma": 0.1}`.

    Shapes:
        output: (batch, features, size); of "none": (batch, features).

    Raises:
        ValueError: there are no such embeddings, or they have no such option.
    """
    if embeddings == "none" and not options:
        return numbers
    if embeddings not in ENCODINGS:
        choices = ", ".join(["none", *ENCODINGS])
        raise ValueError(
            f"embeddings must be one of {choices}, and options need one of the last "
            f"two; got {embeddings!r} with the options {options}"
        )
    # In float32 under mixed precision too: bins are narrow.
    encoding = ENCODINGS[embeddings](
        name=embeddings, **{"dtype": "float32", **(options or {})}
    )
    x = SeparateDense(size, name="numbers_embedding")(encoding(numbers))
    if embeddings == "periodic":
        x = layers.Activation("relu", name="numbers_embedding_relu")(x)
    return x


def adapt_embeddings(model: keras.Model, numbers) -> None:
    """Set the bins of a model's piecewise linear embeddings from the training data.

    Args:
        model: any model; one without such embeddings is left as it is.
        numbers: (samples, features), as the model takes them.

    Raises:
        ValueError: a number is missing or infinite.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, PiecewiseLinearEncoding):
            layer.adapt(numbers)
