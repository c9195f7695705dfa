"""From source tokens to target tokens: greedy, beam search or sampling, in one loop.

The encoder runs once; then every step asks the decoder for one token of all hypotheses,
from its cache of what it computed before. What a decoder must offer is two methods:

- `begin(memory, source, max_length)` returns two dicts of tensors, what stays the same
  over the steps and the state that changes;
- `step(token, position, context, state)` returns logits, the new state, and attention
  to the source.

In all these tensors the first axis is the batch. `options.py` has the options,
`search.py` the loop.
"""

# ruff: noqa: D102  (what Keras calls is documented there)

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerazoo.zoo.seq2seq.options import Decoding
from kerazoo.zoo.seq2seq.search import search
from kerazoo.zoo.seq2seq.tokens import END, PAD, START

__all__ = ["Decoding", "Translator"]

SPECIAL = {PAD: "PAD", START: "START", END: "END"}  # never within an output


@keras.saving.register_keras_serializable(package="kerazoo")
class Translator(keras.Model):
    """A trained encoder and decoder, and how they decode: tokens in, tokens out.

    `predict_on_batch` compiles the whole loop: by XLA, once for every shape of a batch,
    or after `compile(jit_compile=False)` without it, once for all shapes (the slower
    way on JAX; PyTorch runs the loop in Python). The loop ends when all are finished.

    A row of a batch gives what it would give alone, however far it is padded. Samples
    are the exception: every row has random numbers of its own, by its place. They
    repeat exactly from call to call, but differ between backends, and between XLA and
    TensorFlow without it; for others take another seed, or a larger `n_best`.

    Every output ends: at the last position END is forced, and its log-probability
    counts. Of a beam search the result is the same as if it had gone on until every
    hypothesis had ended (see `beam_search.settled`).

    A greedy or a beam search converts to TFLite with built-in operators only, batch 1
    (`no_repeat_ngram`, prefixes and penalties included); sampling does not.

    Args:
        encoder: layer from source tokens to memory.
        decoder: layer with `begin` and `step`, as this module says.
        decoding: the options.
        **kwargs: as in `keras.Model`.

    Shapes:
        input: source tokens (batch, source_length), ending with END, padded with PAD;
            or a list of these and of forced prefixes, (batch, prefix_length), padded
            too, without START.
        output: a dict of `tokens`, (batch, n_best, max_length), each ending with END
            and padded with PAD, the best first; `scores`, (batch, n_best), the
            log-probability after penalties; `lengths`, (batch, n_best), tokens with
            END. Where there are fewer than n_best hypotheses, as when all tokens are
            forced, the length is 0, and the score `constraints.IMPOSSIBLE`.
    """

    def __init__(
        self,
        encoder: keras.layers.Layer,
        decoder: keras.layers.Layer,
        decoding: Decoding | None = None,
        **kwargs,
    ):
        # Weights that the decoder reads in `step` keep its precision.
        super().__init__(**{"dtype": decoder.dtype_policy, **kwargs})
        self.encoder = encoder
        self.decoder = decoder
        self.decoding = decoding or Decoding()
        # torch.compile would take a minute for every length of a source.
        self.supports_jit = keras.backend.backend() != "torch"
        self.build()

    @classmethod
    def of(cls, model: keras.Model, decoding: Decoding | None = None) -> "Translator":
        """Take the layers "encoder" and "decoder" of a model, and share its weights."""
        return cls(model.get_layer("encoder"), model.get_layer("decoder"), decoding)

    def build(self, input_shape=None):
        if not (self.encoder.built and self.decoder.built):
            _connect(self.encoder, self.decoder)
        self.built = True

    def compile(self, jit_compile="auto", run_eagerly=False):
        # Without Keras's optimizer, whose variables would be saved, and missed again.
        super().compile(None, jit_compile=jit_compile, run_eagerly=run_eagerly)

    def compile_from_config(self, config):
        self.compile()  # how to run is the machine's affair, not that of the file

    def call(self, inputs) -> dict[str, keras.KerasTensor]:
        with_prefix = isinstance(inputs, list | tuple)
        source, prefix = inputs if with_prefix else (inputs, None)
        source = ops.cast(source, "int32")
        memory = self.encoder(source)
        return search(self.decoder, memory, source, prefix, self.decoding)

    def decode(
        self,
        sources: Sequence[Sequence[int]],
        prefixes: Sequence[Sequence[int]] | None = None,
    ) -> list[list[tuple[list[int], float]]]:
        """Decode lists of tokens, in one batch.

        Args:
            sources: tokens of each, ending with END.
            prefixes: tokens that the outputs begin with, one list per source.

        Returns:
            For each source its hypotheses, the best first: tokens without END, score.

        Raises:
            ValueError: a source is no list of tokens of the vocabulary, prefixes are
                not as many as sources, or one cannot be (see `check_prefix`).
        """
        if not len(sources):
            return []
        self._check_sources(sources)
        inputs = _padded(sources)
        if prefixes is not None:
            if len(prefixes) != len(sources):
                raise ValueError(
                    f"prefixes must be as many as sources, {len(sources)}; "
                    f"got {len(prefixes)}"
                )
            for prefix in prefixes:
                self.check_prefix(prefix)
            inputs = [inputs, _padded(prefixes)]
        outputs = self.predict_on_batch(inputs)
        return [
            [
                ([int(x) for x in tokens[: length - 1]], float(score))
                for tokens, score, length in zip(*row, strict=True)
                if length
            ]
            for row in zip(
                *(outputs[name] for name in ("tokens", "scores", "lengths")),
                strict=True,
            )
        ]

    def _check_sources(self, sources: Sequence[Sequence[int]]) -> None:
        # An encoder of one's own need not say how many tokens it knows.
        known = getattr(self.encoder, "vocabulary", np.inf)
        for source in sources:
            if np.ndim(source) != 1:
                raise ValueError(f"a source must be a list of tokens; got {source}")
            if wrong := [token for token in source if not 0 <= token < known]:
                raise ValueError(
                    f"a source must hold tokens of the vocabulary, below {known}; "
                    f"got token {wrong[0]} in {list(source)}"
                )

    def check_prefix(self, prefix: Sequence[int]) -> None:
        """Raise ValueError if no output can begin with these tokens.

        Args:
            prefix: tokens, of the vocabulary, without PAD, START and END; fewer than
                `max_length`, which leaves room for END.
        """
        if len(prefix) >= self.decoding.max_length:
            raise ValueError(
                "a prefix must be shorter than max_length, "
                f"{self.decoding.max_length}; got {len(prefix)} tokens"
            )
        for token in prefix:
            if token in SPECIAL:
                raise ValueError(
                    f"a prefix must not hold {SPECIAL[token]}, token {token}; "
                    f"got {list(prefix)}"
                )
            if not 0 <= token < self.vocabulary:
                raise ValueError(
                    "a prefix must hold tokens of the vocabulary, below "
                    f"{self.vocabulary}; got token {token} in {list(prefix)}"
                )

    @functools.cached_property
    def vocabulary(self) -> int:
        """How many tokens of the target there are, the special ones included."""
        return _connect(self.encoder, self.decoder).shape[-1]

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "decoding": dataclasses.asdict(self.decoding),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        for name in ("encoder", "decoder"):
            layer = keras.saving.deserialize_keras_object(config[name], custom_objects)
            config = {**config, name: layer}
        # Even if built: a decoder may find there what it shares with its encoder.
        _connect(config["encoder"], config["decoder"])
        return cls(**{**config, "decoding": Decoding(**config["decoding"])})


def _connect(encoder, decoder) -> keras.KerasTensor:
    """Call the layers once, as a model does, and return the logits."""
    source, target = (keras.Input((None,), dtype="int32") for _ in range(2))
    return decoder([target, encoder(source), source])


def _padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    padded = np.full((len(rows), max(1, *map(len, rows))), PAD, "int32")
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = row
    return padded
