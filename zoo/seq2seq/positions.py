"""Where a token stands in its sequence, and how the Transformer is told.

- "sinusoidal": sines and cosines are added, Vaswani et al. 2017, arXiv:1706.03762,
  section 3.5. All sines come first, then all cosines; the paper has them in turns.
- "learned": a vector per position is added, the paper's table 3 (E).
- "rotary": queries and keys of self-attention are turned, Su et al. 2021,
  arXiv:2104.09864. A channel of the first half is paired with one of the second.
"""

# ruff: noqa: D102  (what Keras calls is documented there)

import math
from typing import Any

import keras
from keras import layers, ops

POSITIONS = ("sinusoidal", "learned", "rotary")
_LONGEST_WAVE = 10_000.0  # of both papers


@keras.saving.register_keras_serializable(package="kerazoo")
class AddPositions(layers.Layer):
    """Add to every token a vector that says where it stands; rotary adds nothing.

    Args:
        kind: "sinusoidal", "learned" or "rotary".
        max_length: the positions of "learned".
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, length, width), and the position of the first of these tokens.
        output: (batch, length, width).

    Raises:
        ValueError: there are more tokens than learned positions.
    """

    def __init__(self, kind: str = "sinusoidal", max_length: int = 256, **kwargs):
        super().__init__(**kwargs)
        self.kind = kind
        self.max_length = max_length

    def build(self, input_shape):
        if self.kind == "learned":
            deviation = input_shape[-1] ** -0.5  # that of the tokens' vectors
            self.table = self.add_weight(
                name="table",
                shape=(self.max_length, input_shape[-1]),
                initializer=keras.initializers.RandomNormal(stddev=deviation),
            )

    def call(self, x, first=0):
        if self.kind == "rotary":
            return x
        places = places_of(x, first)
        if self.kind == "sinusoidal":
            return x + ops.cast(sinusoids(places, x.shape[-1]), x.dtype)
        self.check_length(x.shape[1])
        return x + ops.cast(ops.take(self.table, places, axis=0), x.dtype)

    @property
    def limit(self) -> int | None:
        """The most tokens that a sequence may have; None: any number."""
        return self.max_length if self.kind == "learned" else None

    def check_length(self, length: int | None) -> None:
        """Refuse sequences that are longer than the table of "learned"."""
        # JAX has a symbol for a length that is not known yet.
        if self.limit and isinstance(length, int) and length > self.limit:
            raise ValueError(
                f"there are {self.max_length} learned positions, and a sequence of "
                f"{length}; build the model with a larger max_length"
            )

    def compute_output_shape(self, input_shape, first=0):
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"kind": self.kind, "max_length": self.max_length}
        return {**super().get_config(), **own}


def places_of(x: keras.KerasTensor, first=0, axis: int = 1) -> keras.KerasTensor:
    """Return the positions of tokens, int32 (length,), counted from the first one's."""
    return ops.arange(ops.shape(x)[axis], dtype="int32") + first


def sinusoids(places: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Return sines and cosines of positions, float32 (length, width)."""
    angles = _angles(places, width // 2)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def rotate(x: keras.KerasTensor, places: keras.KerasTensor) -> keras.KerasTensor:
    """Turn the vectors of tokens by angles that grow with their positions.

    Args:
        x: queries or keys, (batch, heads, length, head_size).
        places: (length,).
    """
    half = x.shape[-1] // 2
    angles = _angles(places, half)
    sin, cos = (ops.cast(f(angles), x.dtype) for f in (ops.sin, ops.cos))
    left, right = x[..., :half], x[..., half:]
    turned = [left * cos - right * sin, right * cos + left * sin]
    return ops.concatenate(turned, axis=-1)


def _angles(places, num_waves: int):
    # In float32 always: half precision has no place beyond 2048 of its own.
    waves = ops.arange(num_waves, dtype="float32")
    rates = ops.exp(waves * (-math.log(_LONGEST_WAVE) / num_waves))
    return ops.expand_dims(ops.cast(places, "float32"), 1) * rates
