"""The seconds of a loss and its gradient, ours against Keras's and tensorflow-addons'.

    python benchmarks/loss_speed.py

Both are compiled with `tf.function` on TensorFlow, as `fit` does, and called by turns.
"""

import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from common import machine, median_and_spread, write

from kerazoo import losses

ROUNDS, CALLS = 31, 30
RNG = np.random.default_rng(0)
N, CLASSES = 1024, 10
INDEX = RNG.integers(0, CLASSES, N).astype("int32")
HOT = np.eye(CLASSES, dtype="float32")[INDEX]
LOGITS = RNG.normal(size=(N, CLASSES)).astype("float32")
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
LABELS = RNG.integers(0, 2, (N, CLASSES)).astype("float32")
NUMBERS = np.abs(RNG.normal(size=(N, CLASSES))).astype("float32")
LOW = RNG.uniform(0, 0.5, (2, N, 2))
BOXES = np.concatenate([LOW, LOW + 0.4], -1).astype("float32")
VECTORS = RNG.normal(size=(128, 32)).astype("float32")
VECTORS /= np.linalg.norm(VECTORS, axis=-1, keepdims=True)
KINDS = (np.arange(128) % 8).astype("int32")

K = keras.losses
# name of ours, its arguments, Keras's loss, labels, predictions.
KERAS = [
    ("cross_entropy", {}, K.SparseCategoricalCrossentropy(True), INDEX, LOGITS),
    ("cross_entropy", {}, K.CategoricalCrossentropy(True), HOT, LOGITS),
    ("binary_cross_entropy", {}, K.BinaryCrossentropy(True), LABELS, LOGITS),
    ("focal", {}, K.CategoricalFocalCrossentropy(from_logits=True), HOT, LOGITS),
    ("binary_focal", {}, K.BinaryFocalCrossentropy(from_logits=True), LABELS, LOGITS),
    ("hinge", {}, K.Hinge(), LABELS, LOGITS),
    ("categorical_hinge", {}, K.CategoricalHinge(), HOT, LOGITS),
    ("kl_divergence", {}, K.KLDivergence(), HOT, SHARES),
    ("mse", {}, K.MeanSquaredError(), NUMBERS, LOGITS),
    ("mae", {}, K.MeanAbsoluteError(), NUMBERS, LOGITS),
    ("huber", {}, K.Huber(), NUMBERS, LOGITS),
    ("log_cosh", {}, K.LogCosh(), NUMBERS, LOGITS),
    ("msle", {}, K.MeanSquaredLogarithmicError(), NUMBERS, NUMBERS[::-1]),
]
ADDONS = [
    ("SigmoidFocalCrossEntropy", {"from_logits": True}, LABELS, LOGITS),
    ("SparsemaxLoss", {}, HOT, LOGITS),
    ("GIoULoss", {}, BOXES, BOXES[::-1].copy()),
    ("PinballLoss", {}, NUMBERS, LOGITS),
    ("WeightedKappaLoss", {"num_classes": CLASSES}, HOT, SHARES),
    ("ContrastiveLoss", {}, LABELS[:, 0], NUMBERS[:, 0]),
    ("TripletSemiHardLoss", {}, KINDS, VECTORS),
    ("TripletHardLoss", {}, KINDS, VECTORS),
    ("LiftedStructLoss", {}, KINDS, VECTORS),
    ("NpairsLoss", {}, np.arange(128, dtype="int32"), VECTORS @ VECTORS.T),
]

TEXT = """# The seconds of a loss

A loss and its gradient in a compiled step, ours over the other's, on batches of 1,024
samples of 10 numbers (128 embeddings of 32 numbers in metric learning); {rounds} rounds
by turns, median (lowest to highest) of the ratio; below 1 ours is faster. {machine};
the machine was busy with other work. Made by `python benchmarks/loss_speed.py`.

| ours | the other | ours / the other |
|---|---|---|
{rows}
"""


def compiled(loss, y_true, y_pred):
    """Return a function that computes the loss and its gradient once."""

    @tf.function
    def step(y_true, y_pred):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred)
        return value, tape.gradient(value, y_pred)

    given = tf.constant(y_true), tf.constant(y_pred)
    for _ in range(5):
        step(*given)
    return lambda: step(*given)


def seconds(step) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        value, _ = step()
    value.numpy()
    return time.perf_counter() - start


def compare(ours, theirs, y_true, y_pred) -> str:
    one, other = (compiled(loss, y_true, y_pred) for loss in (ours, theirs))
    ratios = []
    for number in range(ROUNDS):
        # Who goes first changes, so that a drift of the machine evens out.
        if number % 2:
            b, a = seconds(other), seconds(one)
        else:
            a, b = seconds(one), seconds(other)
        ratios.append(a / b)
    return median_and_spread(ratios)


def main() -> None:
    rows = []
    for name, arguments, theirs, y_true, y_pred in KERAS:
        ratio = compare(losses.get(name, **arguments), theirs, y_true, y_pred)
        rows.append(f"| `{name}` | Keras `{type(theirs).__name__}` | {ratio} |")
    from kerazoo.losses import addons

    for name, arguments, y_true, y_pred in ADDONS:
        ours, theirs = (f(name, **arguments) for f in (losses.get, addons.load))
        ratio = compare(ours, theirs, y_true, y_pred)
        rows.append(f"| `{ours.name}` | tensorflow-addons `{name}` | {ratio} |")
    text = TEXT.format(rounds=ROUNDS, machine=machine(), rows="\n".join(rows))
    write("loss_speed", text)


if __name__ == "__main__":
    main()
