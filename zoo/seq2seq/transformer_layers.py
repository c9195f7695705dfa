"""Encoder and decoder of the Transformer, Vaswani et al. 2017, arXiv:1706.03762.

The decoder runs over whole targets in training, and token by token in `step`, where it
keeps the keys and values of earlier tokens: the same numbers for less work.
"""

# ruff: noqa: D102  (what Keras calls is documented there)

import math
from typing import Any

import keras
from keras import layers, ops

from kerazoo.zoo.counting import SEQUENCE_LENGTH
from kerazoo.zoo.seq2seq.attention import HIDDEN, causal_mask, padding_mask
from kerazoo.zoo.seq2seq.positions import POSITIONS, AddPositions, places_of
from kerazoo.zoo.seq2seq.tokens import NUM_SPECIAL
from kerazoo.zoo.seq2seq.transformer_blocks import (
    ACTIVATIONS,
    NORMS,
    Block,
    BlockOptions,
)

TIED = ("none", "target", "all")


class _Stack(layers.Layer):
    """What encoder and decoder have in common: tokens, positions and blocks."""

    with_memory = False

    def __init__(
        self,
        vocabulary: int,
        num_layers: int = 3,
        width: int = 256,
        hidden: int = 512,
        num_heads: int = 4,
        key_value_heads: int | None = None,
        norm_first: bool = True,
        positions: str = "sinusoidal",
        activation: str = "relu",
        norm: str = "layer",
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        max_length: int = 256,
        tied: str = "none",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.own_config = {
            "vocabulary": vocabulary,
            "num_layers": num_layers,
            "width": width,
            "hidden": hidden,
            "num_heads": num_heads,
            "key_value_heads": key_value_heads,
            "norm_first": norm_first,
            "positions": positions,
            "activation": activation,
            "norm": norm,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "max_length": max_length,
            "tied": tied,
        }
        _check(**self.own_config)
        self.vocabulary = vocabulary
        self.width = width
        self.tied = tied
        options = BlockOptions(
            width=width,
            hidden=hidden,
            num_heads=num_heads,
            key_value_heads=key_value_heads or num_heads,
            rotary=positions == "rotary",
            norm_first=norm_first,
            activation=activation,
            norm=norm,
            dropout=dropout,
            attention_dropout=attention_dropout,
        )
        self.options = options
        policy = self.dtype_policy
        self.add_positions = AddPositions(
            positions, max_length, dtype=policy, name="positions"
        )
        self.dropout = layers.Dropout(dropout, dtype=policy, name="dropout")
        self.blocks = [
            Block(options, self.with_memory, dtype=policy, name=f"block{n}")
            for n in range(1, num_layers + 1)
        ]
        self.norm = None
        if norm_first:  # what the last block leaves has not been normalized yet
            self.norm = NORMS[norm](epsilon=1e-6, dtype=policy, name="norm")

    def _embedding(self) -> layers.ReversibleEmbedding:
        return layers.ReversibleEmbedding(
            self.vocabulary,
            self.width,
            tie_weights=not self.with_memory or self.tied != "none",
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=self.width**-0.5
            ),
            reverse_dtype="float32",
            dtype=self.dtype_policy,
            name="embedding",
        )

    def build(self, input_shape=None):
        shape = (None, None, self.width)
        for layer in self._flatten_layers(include_self=False, recursive=False):
            layer.build(shape)

    def _enter(self, vectors, first=0):
        x = self.add_positions(vectors * math.sqrt(self.width), first=first)
        return self.dropout(x)

    def _leave(self, x):
        return x if self.norm is None else self.norm(x)

    def multiply_adds(self) -> int:
        """Those of `SEQUENCE_LENGTH` tokens; the dense ones are one a weight."""
        length, width = SEQUENCE_LENGTH, self.width
        dense = sum(
            math.prod(weight.shape)
            for weight in self.weights
            if weight.name == "kernel"
        )
        attentions = len(self.blocks) * (2 if self.with_memory else 1)
        return length * dense + attentions * 2 * length * length * width

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.own_config}


@keras.saving.register_keras_serializable(package="kerazoo")
class TransformerEncoder(_Stack):
    """From source tokens to a memory of one vector per token.

    Shapes:
        input: int32 (batch, source_length), padded with 0.
        output: (batch, source_length, width).
    """

    def __init__(self, vocabulary: int, **options):
        super().__init__(vocabulary, **options)
        self.embedding = self._embedding()

    def call(self, source):
        mask, places = padding_mask(source), places_of(source)
        x = self._enter(self.embedding(source))
        for block in self.blocks:
            x = block.look_at_own(x, mask, places)
            x = block.think(x)
        return self._leave(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.width)


@keras.saving.register_keras_serializable(package="kerazoo")
class TransformerDecoder(_Stack):
    """From a memory, and the tokens so far, to logits of the next token.

    Target padding needs no mask: it stands at the end, where no token looks.

    With `tied="all"` the embedding is the encoder's, which is found in the graph: it is
    the layer that made the memory. So the two stay tied however the model is copied.

    Shapes:
        input: [target, memory, source] of (batch, target_length) int32,
            (batch, source_length, width) and (batch, source_length) int32.
        output: float32 (batch, target_length, vocabulary).

    Raises:
        ValueError: with `tied="all"`, the first call is not within a functional model
            on the memory of a `TransformerEncoder`.
    """

    with_memory = True

    def __init__(self, vocabulary: int, **options):
        super().__init__(vocabulary, **options)
        self._embed = None
        if self.tied != "all":
            self.embedding = self._embedding()
            self._embed = self.embedding.__call__

    def __call__(self, inputs, **kwargs):
        if self._embed is None:
            history = getattr(inputs[1], "_keras_history", None)
            encoder = history and history.operation
            if not isinstance(encoder, TransformerEncoder):
                raise ValueError(
                    'with tied="all" the decoder has the embedding of its encoder: '
                    "call it first on keras.Input and the encoder's output"
                )
            # A method, which Keras does not track: the weights are the encoder's.
            self._embed = encoder.embedding.__call__
        return super().__call__(inputs, **kwargs)

    def call(self, inputs):
        return self._run(inputs)[0]

    def attention_maps(self, inputs):
        """Return the weights of attention to the source, for heat maps.

        Shapes:
            input: as of the layer.
            output: float32 (batch, layers, heads, target_length, source_length).
        """
        return ops.stack(self._run(inputs)[1], axis=1)

    def _run(self, inputs):
        target, memory, source = inputs
        places = places_of(target)
        own_mask, mask = causal_mask(places), padding_mask(source)
        x = self._enter(self._embed(target))
        maps = []
        for block in self.blocks:
            x = block.look_at_own(x, own_mask, places)
            x, weights = block.look_at_memory(x, *block.cross.read(memory), mask)
            x = block.think(x)
            maps.append(weights)
        return self._embed(self._leave(x), reverse=True), maps

    def begin(self, memory, source, max_length: int):
        """Prepare decoding of at most max_length tokens.

        Returns:
            context: "keys" and "values" of the memory,
                (batch, layers, key_value_heads, source_length, head_size), and "mask",
                what is added to the scores, float32 (batch, source_length).
            state: the cache, "keys" and "values" of earlier tokens, zeros as yet,
                (batch, layers, key_value_heads, max_length, head_size).

        Raises:
            ValueError: max_length is more than there are learned positions.
        """
        self.add_positions.check_length(max_length)
        memory = ops.cast(memory, self.compute_dtype)
        read = [block.cross.read(memory) for block in self.blocks]
        context = {
            "keys": ops.stack([keys for keys, _ in read], axis=1),
            "values": ops.stack([values for _, values in read], axis=1),
            "mask": padding_mask(source)[:, 0, 0],
        }
        heads = self.options.key_value_heads
        shape = (
            *(ops.shape(memory)[0], len(self.blocks), heads),
            *(max_length, self.width // self.options.num_heads),
        )
        # Two equal constants become one tensor of a TFLite file, which LiteRT's
        # CompiledModel knows by one of its names alone: minus zero is not equal.
        zeros = ops.zeros(shape, memory.dtype)
        return context, {"keys": zeros, "values": -zeros}

    def step(self, token, position, context, state):
        """Read one token, and give the logits of the next.

        Args:
            token: int32 (batch,).
            position: of this token, the same for all rows; the first is 0.
            context: from `begin`.
            state: from `begin`, then from the step before.

        Returns:
            logits, float32 (batch, vocabulary); the new state; the attention to the
            source, the mean of the last layer's heads, float32 (batch, source_length).
        """
        x = self._enter(self._embed(ops.expand_dims(token, 1)), position)
        places = places_of(x, position)
        mask = ops.expand_dims(context["mask"], (1, 2))
        # The token's own key stands behind the cache, of which the rest is empty.
        cache = ops.arange(state["keys"].shape[3], dtype="int32")
        unused = ops.cast(cache >= position, "float32") * HIDDEN
        own_mask = ops.concatenate([unused, ops.zeros((1,))], axis=0)
        new = []
        for n, block in enumerate(self.blocks):
            keys, values = state["keys"][:, n], state["values"][:, n]
            x, *pair = block.look_back(x, keys, values, own_mask, places)
            keys, values = context["keys"][:, n], context["values"][:, n]
            x, weights = block.look_at_memory(x, keys, values, mask)
            x = block.think(x)
            new.append(pair)
        logits = self._embed(self._leave(x), reverse=True)[:, 0]
        # All layers at once: updates of large tensors cost most.
        state = {
            name: ops.slice_update(
                state[name], (0, 0, 0, position, 0), ops.stack(parts, axis=1)
            )
            for name, parts in zip(
                ("keys", "values"), zip(*new, strict=True), strict=True
            )
        }
        return logits, state, ops.mean(weights, axis=1)[:, 0]

    def compute_output_spec(self, inputs):
        target, _, _ = inputs
        shape = (*target.shape, self.vocabulary)
        return keras.KerasTensor(shape, dtype="float32")

    def multiply_adds(self) -> int:
        """Those of `SEQUENCE_LENGTH` tokens, and as many of the source."""
        logits = self.vocabulary * self.width
        return super().multiply_adds() + SEQUENCE_LENGTH * logits


def _check(**given: Any) -> None:
    for argument, least in (("vocabulary", NUM_SPECIAL + 1), ("max_length", 1)):
        if given[argument] < least:
            raise ValueError(
                f"{argument} must be at least {least}; got {given[argument]}"
            )
    for argument in ("num_layers", "width", "hidden", "num_heads"):
        if given[argument] < 1:
            raise ValueError(f"{argument} must be at least 1; got {given[argument]}")
    for argument, choices in (
        ("positions", POSITIONS),
        ("activation", ACTIVATIONS),
        ("norm", tuple(NORMS)),
        ("tied", TIED),
    ):
        if given[argument] not in choices:
            raise ValueError(
                f"{argument} must be one of {', '.join(choices)}; "
                f"got {given[argument]!r}"
            )
    width, num_heads = given["width"], given["num_heads"]
    if width % (2 * num_heads):
        raise ValueError(
            f"width must be an even multiple of num_heads; got {width} and {num_heads}"
        )
    if num_heads % (given["key_value_heads"] or num_heads):
        raise ValueError(
            "key_value_heads must be a divisor of num_heads; "
            f"got {given['key_value_heads']} and {num_heads}"
        )
