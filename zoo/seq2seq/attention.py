"""Multi-head attention, Vaswani et al. 2017, arXiv:1706.03762, section 3.2.

Several heads may read the same keys and values (grouped-query attention, Ainslie et al.
2023, arXiv:2305.13245): the cache of decoding shrinks by as much.

Masks are numbers that are added to the scores: 0 where a place may be seen, and so low
a number where not that its weight is exactly 0. Scores and weights are float32 under
mixed precision too.
"""

# ruff: noqa: D102  (what Keras calls is documented there)

import keras
from keras import layers, ops

from kerazoo.zoo.seq2seq.positions import rotate
from kerazoo.zoo.seq2seq.tokens import PAD

HIDDEN = -1e9  # finite: a row that sees nothing must not become NaN


class Attention(layers.Layer):
    """The projections of attention; `read` is the memory's side, `attend` the other.

    Args:
        width: channels of a token.
        num_heads: heads that ask.
        key_value_heads: heads that are asked, a divisor of num_heads.
        rotary: whether positions turn queries and keys.
        dropout: share of the attention weights dropped in training.
        **kwargs: as in `keras.layers.Layer`.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        key_value_heads: int,
        rotary: bool = False,
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.key_value_heads = key_value_heads
        self.head_size = width // num_heads
        self.rotary = rotary
        narrow = key_value_heads * self.head_size

        def dense(units, name):
            return layers.Dense(
                units, use_bias=False, dtype=self.dtype_policy, name=name
            )

        self.query = dense(width, "query")
        self.key = dense(narrow, "key")
        self.value = dense(narrow, "value")
        self.merge = dense(width, "merge")
        self.dropout = layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape):
        for dense in (self.query, self.key, self.value, self.merge):
            dense.build(input_shape)

    def read(self, memory, places=None):
        """Return keys and values: (batch, key_value_heads, length, head_size)."""
        keys = self._split(self.key(memory), self.key_value_heads)
        values = self._split(self.value(memory), self.key_value_heads)
        return (rotate(keys, places) if self.rotary else keys), values

    def attend(self, x, keys, values, mask, places=None):
        """Let every token of x ask for values.

        Args:
            x: (batch, length, width).
            keys: from `read`.
            values: from `read`.
            mask: of the last two axes of the weights, or of all four.
            places: the positions of x, for rotary ones.

        Returns:
            What it got, (batch, length, width), and the weights,
            (batch, num_heads, length, places of keys).
        """
        queries = self._split(self.query(x), self.num_heads)
        if self.rotary:
            queries = rotate(queries, places)
        length, num_keys = ops.shape(queries)[2], ops.shape(keys)[2]
        # The heads of a group stand behind each other, as if they were places.
        rows = self.num_heads // self.key_value_heads * length
        grouped = (-1, self.key_value_heads, rows)
        queries = ops.reshape(queries, (*grouped, self.head_size))
        scores = ops.matmul(queries, ops.swapaxes(keys, 2, 3)) * self.head_size**-0.5
        scores = ops.reshape(scores, (-1, self.num_heads, length, num_keys))
        weights = shares_of(scores, mask)
        dropped = self.dropout(ops.cast(weights, values.dtype))
        shares = ops.reshape(dropped, (*grouped, num_keys))
        got = ops.reshape(
            ops.matmul(shares, values), (-1, self.num_heads, length, self.head_size)
        )
        got = ops.reshape(
            ops.transpose(got, (0, 2, 1, 3)),
            (-1, length, self.num_heads * self.head_size),
        )
        return self.merge(got), weights

    def _split(self, x, heads: int):
        x = ops.reshape(x, (-1, ops.shape(x)[1], heads, self.head_size))
        return ops.transpose(x, (0, 2, 1, 3))


def shares_of(scores: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Return the weights of attention, float32, whatever the scores are in."""
    scores = ops.cast(scores, "float32") + mask
    if scores.shape[-1] == 1:  # of which Keras warns
        return ops.ones_like(scores)
    return ops.softmax(scores, axis=-1)


def padding_mask(tokens: keras.KerasTensor) -> keras.KerasTensor:
    """Hide the places that are padding: (batch, length) to (batch, 1, 1, length)."""
    hidden = ops.cast(ops.equal(tokens, PAD), "float32") * HIDDEN
    return ops.expand_dims(hidden, (1, 2))


def causal_mask(places: keras.KerasTensor) -> keras.KerasTensor:
    """Hide from every place those that come after it: (length, length)."""
    later = ops.expand_dims(places, 0) > ops.expand_dims(places, 1)
    return ops.cast(later, "float32") * HIDDEN
