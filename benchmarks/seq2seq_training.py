"""Target tokens a second of a training step, ours against KerasHub and PyTorch.

    pip install -e ".[hub,jax,torch]"
    python benchmarks/seq2seq_training.py
    python benchmarks/seq2seq_training.py 16x20    this shape alone; nothing is written

Every way is a process of its own that has compiled and warmed up; they take a few steps
by turns. All train a model of the same sizes with the same loss, optimizer and batches.
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from common import head, machine, median_and_spread, write

LAYERS, WIDTH, HIDDEN, HEADS, VOCABULARY = 3, 256, 512, 4, 64
DROPOUT, SMOOTHING, RATE, DECAY, CLIP = 0.1, 0.1, 1e-3, 1e-4, 1.0
SHAPES = ("200x10", "32x64")  # pairs x tokens of each side: words, sentences
ROUNDS, STEPS = 7, 5
WAYS = {  # backend of Keras, what is trained, XLA
    "TensorFlow": ("tensorflow", "ours", False),
    "TensorFlow, XLA": ("tensorflow", "ours", True),
    "JAX": ("jax", "ours", True),
    "KerasHub, TensorFlow": ("tensorflow", "hub", False),
    "KerasHub, JAX": ("jax", "hub", True),
    "PyTorch": ("torch", "torch", False),
}

TEXT = """# Target tokens a second of a training step

An encoder-decoder Transformer of {layers} + {layers} layers, width {width}, {hidden}
hidden units, {heads} heads, {vocabulary} tokens a side, post-norm, learned positions,
float32, dropout {dropout}; cross-entropy with label smoothing, AdamW, gradients clipped
by their norm. {rounds} rounds by turns of {steps} steps each, median (lowest to
highest); {machine}, jax {jax}, torch {torch}, keras-hub {hub}.
Made by `python benchmarks/seq2seq_training.py`.

- *TensorFlow*, *JAX*: kerazoo's model on that backend; *XLA*: with `jit_compile`.
- *KerasHub*: its `TransformerEncoder` and `TransformerDecoder` layers.
- *PyTorch*: `nn.Transformer` in a plain loop, not compiled.

{head}
{rows}
"""


def batch(pairs: int, length: int) -> tuple[np.ndarray, ...]:
    """Return sources, targets and labels; no row has padding."""
    draw = np.random.default_rng(0).integers
    return tuple(draw(4, VOCABULARY, (pairs, length), "int32") for _ in range(3))


def keras_step(kind: str, jit: bool, pairs: int, length: int):
    import keras

    from kerazoo import losses

    model = ours(length) if kind == "ours" else hub(length)
    model.compile(
        optimizer=keras.optimizers.AdamW(RATE, DECAY, global_clipnorm=CLIP),
        loss=losses.get("token_cross_entropy", label_smoothing=SMOOTHING),
        jit_compile=jit,
    )
    source, target, labels = batch(pairs, length)
    inputs = {"source": source, "target": target}
    return lambda: model.train_on_batch(inputs, labels)


def ours(length: int):
    from kerazoo.zoo.seq2seq.transformer import transformer

    return transformer(
        num_layers=LAYERS,
        width=WIDTH,
        hidden=HIDDEN,
        num_heads=HEADS,
        source_vocabulary=VOCABULARY,
        target_vocabulary=VOCABULARY,
        norm_first=False,
        positions="learned",
        dropout=DROPOUT,
        max_length=length,
    )


def hub(length: int):
    import keras
    from keras_hub import layers

    def entered(name):
        tokens = keras.Input((None,), dtype="int32", name=name)
        embedded = layers.TokenAndPositionEmbedding(VOCABULARY, length, WIDTH)(tokens)
        return tokens, keras.layers.Dropout(DROPOUT)(embedded)

    options = {"intermediate_dim": HIDDEN, "num_heads": HEADS, "dropout": DROPOUT}
    source, memory = entered("source")
    target, x = entered("target")
    for _ in range(LAYERS):
        memory = layers.TransformerEncoder(**options)(memory)
    for _ in range(LAYERS):
        x = layers.TransformerDecoder(**options)(x, memory)
    logits = keras.layers.Dense(VOCABULARY, use_bias=False)(x)
    return keras.Model({"source": source, "target": target}, logits)


def torch_step(pairs: int, length: int):
    import torch

    class Translator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = torch.nn.ModuleList(
                torch.nn.Embedding(VOCABULARY, WIDTH) for _ in range(2)
            )
            self.positions = torch.nn.ParameterList(
                torch.randn(length, WIDTH) * 0.02 for _ in range(2)
            )
            self.dropout = torch.nn.Dropout(DROPOUT)
            self.transformer = torch.nn.Transformer(
                *(WIDTH, HEADS, LAYERS, LAYERS, HIDDEN, DROPOUT), batch_first=True
            )

        def enter(self, side, ids):
            return self.dropout(self.tokens[side](ids) + self.positions[side])

        def forward(self, source, target):
            mask = torch.nn.Transformer.generate_square_subsequent_mask(length)
            x = self.transformer(
                self.enter(0, source),
                self.enter(1, target),
                tgt_mask=mask,
                tgt_is_causal=True,
            )
            return x @ self.tokens[1].weight.T

    model = Translator()
    loss = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    arrays = batch(pairs, length)
    source, target, labels = (torch.from_numpy(x.astype("int64")) for x in arrays)

    def step() -> None:
        optimizer.zero_grad()
        loss(model(source, target).flatten(0, 1), labels.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()

    return step


def work(way: str, shape: str) -> None:
    """Be one way: warm up, then take steps whenever a line comes in."""
    _, kind, jit = WAYS[way]
    pairs, length = map(int, shape.split("x"))
    args = (pairs, length)
    step = torch_step(*args) if kind == "torch" else keras_step(kind, jit, *args)
    for _ in range(3):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        print(time.perf_counter() - start, flush=True)


def measure(shape: str) -> dict[str, list[float]]:
    """Return the target tokens a second of every way, one number a round."""
    workers = {}
    for way, (backend, *_) in WAYS.items():
        workers[way] = subprocess.Popen(
            [sys.executable, __file__, "--be", way, shape],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        while workers[way].stdout.readline() not in ("ready\n", ""):
            pass  # whatever a package prints
    pairs, length = map(int, shape.split("x"))
    speeds = {way: [] for way in WAYS}
    for number in range(ROUNDS):
        # In turn, so that a drift of the machine falls on each.
        first = number % len(WAYS)
        for way in [*list(WAYS)[first:], *list(WAYS)[:first]]:
            workers[way].stdin.write("go\n")
            workers[way].stdin.flush()
            seconds = float(workers[way].stdout.readline())
            speeds[way].append(STEPS * pairs * length / seconds)
    for worker in workers.values():
        worker.communicate()
    return speeds


def main(chosen: list[str]) -> None:
    from importlib.metadata import version

    rows = []
    for shape in chosen or SHAPES:
        cells = [median_and_spread(x, ",.0f") for x in measure(shape).values()]
        rows.append(f"| {shape.replace('x', ' × ')} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    text = TEXT.format(
        layers=LAYERS,
        width=WIDTH,
        hidden=HIDDEN,
        heads=HEADS,
        vocabulary=VOCABULARY,
        dropout=DROPOUT,
        rounds=ROUNDS,
        steps=STEPS,
        machine=machine(),
        jax=version("jax"),
        torch=version("torch"),
        hub=version("keras-hub"),
        head=head("pairs × tokens", *WAYS),
        rows="\n".join(rows),
    )
    if chosen:
        print(text)
    else:
        write("seq2seq_training", text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--be"]:
        work(*sys.argv[2:])
    else:
        main(sys.argv[1:])
