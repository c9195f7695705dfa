"""An LSTM encoder and decoder with attention, Luong et al. 2015, arXiv:1508.04025.

Attention is global, with their "general" score. The encoder reads in both directions,
and the decoder starts from what the backward one knows of the first token, as in
Bahdanau et al. 2015, arXiv:1409.0473. It is the classical baseline of the Transformer.

Deviations: no input feeding, so that training runs over a target in one go; the start
is a dense layer for the cells too; dropout after every layer.

In training the LSTMs are Keras's. Otherwise the encoder runs their cells in a loop of
its own, since Keras's converts to no TFLite file without Flex operators, and this does:
`encoder(source)` and `decoder.step` need built-in ones only. `decoder(…)`, for teacher
forcing, stays Keras's. JAX has no gradient of that loop: take gradients of the encoder
with `training=True`.
"""

# ruff: noqa: D102  (what Keras calls is documented there)

import math
from typing import Any

import keras
from keras import layers, ops

from kerazoo.zoo.counting import SEQUENCE_LENGTH
from kerazoo.zoo.registry import register
from kerazoo.zoo.seq2seq.attention import padding_mask, shares_of
from kerazoo.zoo.seq2seq.tokens import NUM_SPECIAL, PAD


class _Recurrent(layers.Layer):
    """What encoder and decoder have in common: their arguments, and the embedding."""

    def __init__(
        self,
        vocabulary: int,
        num_layers: int = 2,
        width: int = 512,
        dropout: float = 0.2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if vocabulary <= NUM_SPECIAL or num_layers < 1 or width < 2 or width % 2:
            raise ValueError(
                f"vocabulary must be above {NUM_SPECIAL}, num_layers at least 1, and "
                f"width even; got {vocabulary}, {num_layers} and {width}"
            )
        self.vocabulary = vocabulary
        self.num_layers = num_layers
        self.width = width
        self.rate = dropout
        self.dropout = layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.embedding = layers.Embedding(
            vocabulary, width, dtype=self.dtype_policy, name="embedding"
        )

    def _lstm(self, units: int, name: str, **options) -> layers.LSTM:
        return layers.LSTM(
            units, return_sequences=True, dtype=self.dtype_policy, name=name, **options
        )

    def multiply_adds(self) -> int:
        """Those of `SEQUENCE_LENGTH` tokens, one a weight of a kernel."""
        kernels = (w for w in self.weights if w.name.endswith("kernel"))
        return SEQUENCE_LENGTH * sum(math.prod(w.shape) for w in kernels)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary": self.vocabulary,
            "num_layers": self.num_layers,
            "width": self.width,
            "dropout": self.rate,
        }


@keras.saving.register_keras_serializable(package="kerazoo")
class LSTMEncoder(_Recurrent):
    """From source tokens to a memory: what both directions know of every token.

    Args:
        vocabulary: tokens of the source.
        num_layers: LSTMs in each direction.
        width: channels of the memory, one half from each direction.
        **options: `dropout`, and as in `keras.layers.Layer`.

    Shapes:
        input: int32 (batch, source_length), padded with 0.
        output: (batch, source_length, width), the forward direction first.
    """

    def __init__(self, vocabulary: int, **options):
        super().__init__(vocabulary, **options)
        places = range(1, self.num_layers + 1)
        half = self.width // 2
        self.onward = [self._lstm(half, f"onward{n}") for n in places]
        self.backward = [
            self._lstm(half, f"backward{n}", go_backwards=True) for n in places
        ]

    def build(self, input_shape=None):
        self.embedding.build()
        for lstm in (*self.onward, *self.backward):
            lstm.build((None, None, self.width))

    def call(self, source, training=False):
        seen = ops.not_equal(source, PAD)
        x = self.dropout(self.embedding(source))
        for pair in zip(self.onward, self.backward, strict=True):
            both = [
                _read(lstm, x, seen) if training else _loop(lstm, x, seen)
                for lstm in pair
            ]
            x = self.dropout(ops.concatenate(both, axis=-1))
        return x

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.width)


def _read(lstm: layers.LSTM, x, seen):
    y = lstm(x, mask=seen)
    return ops.flip(y, axis=1) if lstm.go_backwards else y


def _loop(lstm: layers.LSTM, x, seen):
    """Do what `_read` does, by built-in operators of TFLite."""
    length = ops.shape(x)[1]
    outputs = ops.zeros_like(x[:, :, : lstm.units])
    zeros = ops.zeros_like(x[:, 0, : lstm.units])
    seen = ops.cast(seen, x.dtype)

    def one_step(n, hidden, cell, outputs):
        place = length - 1 - n if lstm.go_backwards else n
        _, new = lstm.cell(ops.take(x, place, axis=1), [hidden, cell])
        taken = ops.expand_dims(ops.take(seen, place, axis=1), 1)
        hidden = taken * new[0] + (1 - taken) * hidden
        cell = taken * new[1] + (1 - taken) * cell
        row = ops.expand_dims(hidden, 1)
        return n + 1, hidden, cell, ops.slice_update(outputs, (0, place, 0), row)

    start = (ops.zeros((), "int32"), zeros, zeros, outputs)
    return ops.while_loop(lambda n, *_: n < length, one_step, start)[-1]


@keras.saving.register_keras_serializable(package="kerazoo")
class LSTMDecoder(_Recurrent):
    """From a memory, and the tokens so far, to logits of the next token.

    Args:
        vocabulary: tokens of the target.
        num_layers: LSTMs.
        width: their units; also the channels of the memory.
        **options: `dropout`, and as in `keras.layers.Layer`.

    Shapes:
        input: [target, memory, source] of (batch, target_length) int32,
            (batch, source_length, width) and (batch, source_length) int32.
        output: float32 (batch, target_length, vocabulary).
    """

    def __init__(self, vocabulary: int, **options):
        super().__init__(vocabulary, **options)
        width, policy = self.width, self.dtype_policy
        places = range(1, self.num_layers + 1)
        self.lstms = [self._lstm(width, f"lstm{n}") for n in places]
        units = 2 * self.num_layers * width
        self.start = layers.Dense(units, "tanh", dtype=policy, name="start")
        self.score = layers.Dense(width, use_bias=False, dtype=policy, name="score")
        self.merge = layers.Dense(width, "tanh", dtype=policy, name="merge")
        self.logits = layers.Dense(vocabulary, dtype="float32", name="logits")

    def build(self, input_shape=None):
        width = self.width
        self.embedding.build()
        for lstm in self.lstms:
            lstm.build((None, None, width))
        self.start.build((None, width // 2))
        self.score.build((None, None, width))
        self.merge.build((None, None, 2 * width))
        self.logits.build((None, None, width))

    def call(self, inputs):
        return self._run(inputs)[0]

    def attention_maps(self, inputs):
        """Return the weights of attention, (batch, 1, 1, target_length, source_length).

        There is one layer of attention, and one head.
        """
        return ops.expand_dims(self._run(inputs)[1], (1, 2))

    def _run(self, inputs):
        target, memory, source = inputs
        context, state = self.begin(memory, source)
        x = self.dropout(self.embedding(target))
        for n, lstm in enumerate(self.lstms):
            start = [state["hidden"][:, n], state["cell"][:, n]]
            x = self.dropout(lstm(x, initial_state=start))
        return self._attend(x, context)

    def _attend(self, x, context):
        """Return logits, and the weights, (batch, target_length, source_length)."""
        scores = ops.matmul(x, ops.swapaxes(context["keys"], 1, 2))
        mask = ops.expand_dims(context["mask"], 1)
        weights = shares_of(scores, mask)
        got = ops.matmul(ops.cast(weights, x.dtype), context["memory"])
        x = self.merge(ops.concatenate([got, x], axis=-1))
        return self.logits(self.dropout(x)), weights

    def begin(self, memory, source, max_length: int | None = None):
        """Prepare decoding; the state has the same size, however long it gets.

        Returns:
            context: "memory"; "keys", by which it is found; and "mask", what is added
                to the scores, float32 (batch, source_length).
            state: "hidden" and "cell", (batch, layers, width).
        """
        memory = ops.cast(memory, self.compute_dtype)
        context = {
            "memory": memory,
            "keys": self.score(memory),
            "mask": padding_mask(source)[:, 0, 0],
        }
        backward = memory[:, 0, self.width // 2 :]
        start = ops.reshape(self.start(backward), (-1, 2 * self.num_layers, self.width))
        hidden, cell = ops.split(start, 2, axis=1)
        return context, {"hidden": hidden, "cell": cell}

    def step(self, token, position, context, state):
        """Read one token, and give the logits of the next.

        Args:
            token: int32 (batch,).
            position: not used; the Transformer needs it.
            context: from `begin`.
            state: from `begin`, then from the step before.

        Returns:
            logits, float32 (batch, vocabulary); the new state; the attention to the
            source, float32 (batch, source_length).
        """
        x = self.embedding(token)
        new = []
        for n, lstm in enumerate(self.lstms):
            before = [state["hidden"][:, n], state["cell"][:, n]]
            x, after = lstm.cell(x, before)
            new.append(after)
        logits, weights = self._attend(ops.expand_dims(x, 1), context)
        hidden, cell = (ops.stack(part, axis=1) for part in zip(*new, strict=True))
        return logits[:, 0], {"hidden": hidden, "cell": cell}, weights[:, 0]

    def compute_output_spec(self, inputs):
        target, _, _ = inputs
        shape = (*target.shape, self.vocabulary)
        return keras.KerasTensor(shape, dtype="float32")

    def multiply_adds(self) -> int:
        """Those of `SEQUENCE_LENGTH` tokens, and as many of the source."""
        once = (SEQUENCE_LENGTH - 1) * math.prod(self.start.kernel.shape)
        pairs = 2 * SEQUENCE_LENGTH**2 * self.width
        return super().multiply_adds() - once + pairs


@register(
    task="seq2seq",
    paper="Luong et al. 2015, arXiv:1508.04025",
    year=2015,
    failed_exports=("tflite-int8",),
    variants={
        "lstm_small": {
            "params": 2_217_280,
            "multiply_adds": 66_191_360,
            "arguments": {"width": 256},
        },
        "lstm_base": {"params": 8_759_872, "multiply_adds": 262_668_288},
    },
)
def lstm(
    num_layers: int = 2,
    width: int = 512,
    source_vocabulary: int = 64,
    target_vocabulary: int = 64,
    dropout: float = 0.2,
    name: str = "lstm",
) -> keras.Model:
    """Build an LSTM that reads in both directions, and one that writes with attention.

    Args:
        num_layers: LSTMs in each direction, and as many of the decoder.
        width: units of the decoder, channels of the memory and of tokens; an even
            number, as each direction of the encoder has one half.
        source_vocabulary: tokens of the source, the special ones included.
        target_vocabulary: tokens of the target, the special ones included.
        dropout: share dropped in training of what every layer gives, in [0, 1).
        name: the model's name.

    Shapes:
        input: "source" (batch, source_length) and "target" (batch, target_length),
            int32, padded with 0 at the end; the target begins with START.
        output: logits (batch, target_length, target_vocabulary), float32.

    Raises:
        ValueError: num_layers is below 1, width is not even, or a vocabulary has only
            special tokens.
    """
    options = {"num_layers": num_layers, "width": width, "dropout": dropout}
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encoder = LSTMEncoder(source_vocabulary, **options, name="encoder")
    decoder = LSTMDecoder(target_vocabulary, **options, name="decoder")
    logits = decoder([target, encoder(source), source])
    return keras.Model([source, target], logits, name=name)
