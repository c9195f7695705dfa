"""Tokens a second of greedy decoding, ours against recomputing, KerasHub and PyTorch.

    pip install -e ".[hub,torch]"
    python benchmarks/decoding.py
    python benchmarks/decoding.py 8x16 1x128      these anew, others stay as they are

All decode side by side in one process, by turns, with models of the same sizes; every
output is as long as it may be, so that no way ends early.
"""

import itertools
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_hub
import numpy as np
import tensorflow as tf
import torch
from common import head, known_lines, machine, median_and_spread, write

from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
from kerazoo.zoo.seq2seq.tokens import START
from kerazoo.zoo.seq2seq.transformer import transformer

BATCHES, LENGTHS = (1, 8, 64), (16, 32, 64, 128, 256)
ROUNDS = 5
LAYERS, WIDTH, HIDDEN, HEADS, VOCABULARY = 3, 256, 1024, 4, 4000
WAYS = ("recomputed", "cached", "cached, XLA", "KerasHub", "PyTorch")
STEPS = 16  # the ways without a cache run these steps of a loop, evenly spaced

TEXT = """# Tokens a second of greedy decoding

An encoder-decoder Transformer of {layers} + {layers} layers, width {width}, {hidden}
hidden units, {heads} heads, {vocabulary:,} tokens, post-norm, GELU, learned positions,
float32, random weights; sources as long as the outputs. Every output has the full
length. {rounds} rounds by turns after one to warm up, median (lowest to highest);
{machine}, torch {torch}, keras-hub {hub}. Made by `python benchmarks/decoding.py`.

- *recomputed*: our model over source and target at every step, compiled by XLA.
- *cached*: `Translator`, compiled without XLA; *cached, XLA*: as it is by default.
- *KerasHub*: `BartSeq2SeqLM.generate`, greedy, compiled by XLA.
- *PyTorch*: `nn.Transformer` in a plain loop, the encoder once, the decoder over all
  tokens so far.

Of *recomputed* and *PyTorch*, {steps} steps of each loop, evenly spaced, stand for all.

{head}
{rows}
"""


def ours(length: int) -> keras.Model:
    return transformer(
        num_layers=LAYERS,
        width=WIDTH,
        hidden=HIDDEN,
        num_heads=HEADS,
        source_vocabulary=VOCABULARY,
        target_vocabulary=VOCABULARY,
        tied="all",
        norm_first=False,
        positions="learned",
        activation="gelu",
        max_length=length,
    )


def steps_of(length: int) -> range:
    return range(0, length, max(1, length // STEPS))


def recomputed(model, source: np.ndarray):
    """Return a function that decodes, and says what share of the loop it ran."""
    batch, length = source.shape
    tokens = tf.constant(source)

    @tf.function(jit_compile=True)
    def step(target, position):
        logits = model([tokens, target], training=False)[:, position]
        token = tf.argmax(logits, axis=-1, output_type=tf.int32)
        place = tf.one_hot(position, length, dtype=tf.int32)
        return tf.where(place[None] == 1, token[:, None], target)

    def run() -> float:
        target = tf.fill((batch, length), START)
        for position in steps_of(length):
            target = step(target, tf.constant(position))
        target.numpy()
        return len(steps_of(length)) / length

    return run


def cached(model, source: np.ndarray, jit: bool):
    length = source.shape[1]
    options = Decoding(max_length=length, min_length=length - 1)
    translator = Translator.of(model, options)
    translator.compile(jit_compile=jit)

    def run() -> float:
        lengths = translator.predict_on_batch(source)["lengths"]
        assert np.all(lengths == length)
        return 1.0

    return run


def kerashub(source: np.ndarray):
    batch, length = source.shape
    backbone = keras_hub.models.BartBackbone(
        vocabulary_size=VOCABULARY,
        num_layers=LAYERS,
        num_heads=HEADS,
        hidden_dim=WIDTH,
        intermediate_dim=HIDDEN,
        max_sequence_length=length + 1,
    )
    model = keras_hub.models.BartSeq2SeqLM(backbone, preprocessor=None)
    model.compile(sampler="greedy", jit_compile=True)
    target = np.zeros((batch, length + 1), "int32")  # START, and what is generated
    target[:, 0] = START
    inputs = {
        "encoder_token_ids": source,
        "encoder_padding_mask": np.ones_like(source),
        "decoder_token_ids": target,
        "decoder_padding_mask": (np.arange(length + 1) < 1) * np.ones_like(target),
    }

    def run() -> float:
        model.generate(inputs, stop_token_ids=None)
        return 1.0

    return run


class TorchTranslator(torch.nn.Module):
    def __init__(self, length: int):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.positions = torch.nn.Parameter(torch.randn(length, WIDTH) * 0.02)
        self.transformer = torch.nn.Transformer(
            WIDTH,
            HEADS,
            LAYERS,
            LAYERS,
            HIDDEN,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
        )

    def enter(self, tokens):
        return self.embedding(tokens) + self.positions[: tokens.shape[1]]

    def step(self, memory, target):
        mask = torch.nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        x = self.transformer.decoder(
            self.enter(target), memory, tgt_mask=mask, tgt_is_causal=True
        )
        return (x[:, -1] @ self.embedding.weight.T).argmax(-1)


def pytorch(source: np.ndarray):
    batch, length = source.shape
    model = TorchTranslator(length).eval()
    tokens = torch.from_numpy(source)

    @torch.inference_mode()
    def run() -> float:
        memory = model.transformer.encoder(model.enter(tokens))
        target = torch.full((batch, length), START)
        for position in steps_of(length):
            token = model.step(memory, target[:, : position + 1])
            if position + 1 < length:
                target[:, position + 1] = token
        return len(steps_of(length)) / length

    return run


def measure(batch: int, length: int) -> dict[str, list[float]]:
    """Return the tokens a second of every way, one number a round."""
    source = np.random.default_rng(0).integers(4, VOCABULARY, (batch, length), "int32")
    model = ours(length)
    ways = (
        recomputed(model, source),
        cached(model, source, jit=False),
        cached(model, source, jit=True),
        kerashub(source),
        pytorch(source),
    )
    ways = dict(zip(WAYS, ways, strict=True))
    for way in ways.values():
        way()  # traces, compiles and warms up
    speeds = {name: [] for name in ways}
    for number in range(ROUNDS):
        # In turn, so that a drift of the machine falls on each.
        first = number % len(ways)
        for name in [*list(ways)[first:], *list(ways)[:first]]:
            start = time.perf_counter()
            share = ways[name]()
            seconds = time.perf_counter() - start
            speeds[name].append(share * batch * length / seconds)
    keras.backend.clear_session()
    return speeds


def main(chosen: list[str]) -> None:
    rows = []
    for batch, length in itertools.product(BATCHES, LENGTHS):
        start = f"| {batch} × {length} |"
        if not chosen or f"{batch}x{length}" in chosen:
            speeds = measure(batch, length).values()
            cells = [median_and_spread(x, ",.0f") for x in speeds]
            rows.append(f"{start} {' | '.join(cells)} |")
            print(rows[-1], flush=True)
        else:
            rows += known_lines("decoding", start)
    text = TEXT.format(
        layers=LAYERS,
        width=WIDTH,
        hidden=HIDDEN,
        heads=HEADS,
        vocabulary=VOCABULARY,
        rounds=ROUNDS,
        machine=machine(),
        torch=torch.__version__,
        hub=keras_hub.__version__,
        steps=STEPS,
        head=head("batch × length", *WAYS),
        rows="\n".join(rows),
    )
    write("decoding", text)


if __name__ == "__main__":
    main(sys.argv[1:])
