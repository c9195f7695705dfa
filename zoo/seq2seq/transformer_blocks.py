"""The blocks of the Transformer, Vaswani et al. 2017, arXiv:1706.03762, section 3.1.

A block is two or three sub-layers, each with dropout, a sum with its input, and a
normalization: after the sum as in the paper, or before the sub-layer ("pre-norm", Xiong
et al. 2020, arXiv:2002.04745), which trains without warm-up.
"""

# ruff: noqa: D102  (what Keras calls is documented there)

from dataclasses import dataclass

from keras import layers, ops

from kerazoo.zoo.seq2seq.attention import Attention

ACTIVATIONS = ("relu", "gelu", "swiglu")
NORMS = {"layer": layers.LayerNormalization, "rms": layers.RMSNormalization}


@dataclass(frozen=True)
class BlockOptions:
    """What all blocks of a model have in common; the builder explains each."""

    width: int
    hidden: int
    num_heads: int
    key_value_heads: int
    rotary: bool
    norm_first: bool
    activation: str
    norm: str
    dropout: float
    attention_dropout: float


class FeedForward(layers.Layer):
    """Two dense layers; with "swiglu" the first is gated (arXiv:2002.05202)."""

    def __init__(self, options: BlockOptions, **kwargs):
        super().__init__(**kwargs)
        gated = options.activation == "swiglu"
        activation = "silu" if gated else options.activation
        policy = self.dtype_policy
        self.first = layers.Dense(
            options.hidden, activation, dtype=policy, name="first"
        )
        self.gate = None
        if gated:
            self.gate = layers.Dense(options.hidden, dtype=policy, name="gate")
        self.second = layers.Dense(options.width, dtype=policy, name="second")

    def build(self, input_shape):
        self.first.build(input_shape)
        if self.gate is not None:
            self.gate.build(input_shape)
        self.second.build((*input_shape[:-1], self.first.units))

    def call(self, x):
        hidden = self.first(x)
        if self.gate is not None:
            hidden = hidden * self.gate(x)
        return self.second(hidden)


class Residual(layers.Layer):
    """What stands around a sub-layer: x → `before` → sub-layer → `after`, with x."""

    def __init__(self, options: BlockOptions, **kwargs):
        super().__init__(**kwargs)
        self.norm_first = options.norm_first
        policy = self.dtype_policy
        self.norm = NORMS[options.norm](epsilon=1e-6, dtype=policy, name="norm")
        self.dropout = layers.Dropout(options.dropout, dtype=policy, name="dropout")

    def build(self, input_shape):
        self.norm.build(input_shape)

    def before(self, x):
        """Return what the sub-layer is given."""
        return self.norm(x) if self.norm_first else x

    def after(self, x, y):
        """Return x with what the sub-layer made of it."""
        x = x + self.dropout(y)
        return x if self.norm_first else self.norm(x)


class Block(layers.Layer):
    """A block of the encoder, or of the decoder if it looks at a memory too."""

    def __init__(self, options: BlockOptions, with_memory: bool, **kwargs):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        sizes = options.width, options.num_heads, options.key_value_heads
        rate = options.attention_dropout

        def residual(name):
            return Residual(options, dtype=policy, name=name)

        self.own = Attention(*sizes, options.rotary, rate, dtype=policy, name="own")
        self.own_residual = residual("own_residual")
        self.cross = self.cross_residual = None
        if with_memory:
            self.cross = Attention(*sizes, False, rate, dtype=policy, name="cross")
            self.cross_residual = residual("cross_residual")
        self.feed_forward = FeedForward(options, dtype=policy, name="feed_forward")
        self.feed_forward_residual = residual("feed_forward_residual")

    def build(self, input_shape):
        for layer in self._flatten_layers(include_self=False, recursive=False):
            layer.build(input_shape)

    def look_at_own(self, x, mask, places):
        """Apply self-attention to a whole sequence."""
        asked = self.own_residual.before(x)
        keys, values = self.own.read(asked, places)
        got, _ = self.own.attend(asked, keys, values, mask, places)
        return self.own_residual.after(x, got)

    def look_back(self, x, keys, values, mask, places):
        """Apply self-attention to one token, after those whose keys are cached.

        Returns:
            The token, and its own key and value, (batch, heads, 1, head_size).
        """
        asked = self.own_residual.before(x)
        new_key, new_value = self.own.read(asked, places)
        keys = ops.concatenate([keys, new_key], axis=2)
        values = ops.concatenate([values, new_value], axis=2)
        got, _ = self.own.attend(asked, keys, values, mask, places)
        return self.own_residual.after(x, got), new_key, new_value

    def look_at_memory(self, x, keys, values, mask):
        """Apply attention to the source; return the weights too."""
        asked = self.cross_residual.before(x)
        got, weights = self.cross.attend(asked, keys, values, mask)
        return self.cross_residual.after(x, got), weights

    def think(self, x):
        """Apply the dense layers."""
        got = self.feed_forward(self.feed_forward_residual.before(x))
        return self.feed_forward_residual.after(x, got)
