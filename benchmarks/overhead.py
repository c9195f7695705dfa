"""What tracking, checkpoints and progress cost, against a plain Keras script.

    python benchmarks/overhead.py

All train the same zoo model on the same images for the same epochs, in turn.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from common import FOLDER, machine, median_and_spread, write

from kerazoo import zoo
from kerazoo.harness import build_optimizer, tracked_run
from kerazoo.harness.images.datasets import fashion_mnist

sys.path.insert(0, str(FOLDER.parent / "templates" / "image_classification"))

from config import Config, DataConfig
from data import load_data

ROUNDS, EPOCHS = 4, 3
CONFIG = Config(
    data=DataConfig(name="fashion_mnist"), epochs=EPOCHS, batch_size=128, export=()
)


def compiled(data) -> keras.Model:
    model = zoo.create_model("lenet5", input_shape=(28, 28, 1))
    model.compile(
        build_optimizer(CONFIG, data),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def bare(data) -> float:
    """Train by `model.fit` alone, on the harness's batches; return its seconds."""
    return seconds_of_fit(data, data.train, data.validation)


def plain(data) -> float:
    """Train by `model.fit` alone, on batches as Keras's guides make them."""
    images, targets = fashion_mnist("").train
    order = np.random.default_rng(0).permutation(len(images))

    def examples(indices):
        arrays = (images[indices], targets[indices])
        return tf.data.Dataset.from_tensor_slices(arrays)

    train = examples(order[:54_000]).shuffle(54_000).batch(128)
    validation = examples(order[54_000:]).batch(128)
    return seconds_of_fit(
        data, train.prefetch(tf.data.AUTOTUNE), validation.prefetch(tf.data.AUTOTUNE)
    )


def seconds_of_fit(data, train, validation) -> float:
    model = compiled(data)
    start = time.perf_counter()
    model.fit(
        train, validation_data=validation, epochs=EPOCHS, verbose=0, shuffle=False
    )
    return time.perf_counter() - start


def tracked(data) -> tuple[float, float]:
    """Train by the harness; return the seconds of its `model.fit`, and all others."""
    began = time.perf_counter()
    with tracked_run(CONFIG) as run:
        model = compiled(data)
        keras_fit, spent = model.fit, []

        def timed_fit(*arguments, **options):
            start = time.perf_counter()
            keras_fit(*arguments, **options)
            spent.append(time.perf_counter() - start)

        model.fit = timed_fit
        run.fit(model, data)
    return spent[0], time.perf_counter() - began - spent[0]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{Path(folder) / 'mlflow.db'}"
        data = load_data(CONFIG)
        ways = {"bare": bare, "plain": plain, "tracked": tracked}
        for way in ways.values():
            way(data)  # the first of each traces and warms up
        rounds = []
        for number in range(ROUNDS):
            # In turn, so that a drift of the machine falls on each.
            names = list(ways)[number % 3 :] + list(ways)[: number % 3]
            measured = {name: ways[name](data) for name in names}
            ours, fixed = measured.pop("tracked")
            rounds.append({"ours": ours, "fixed": fixed, **measured})
            print(rounds[-1], flush=True)
    ours, fixed, bare_fit, plain_fit = (
        np.array([r[name] for r in rounds])
        for name in ("ours", "fixed", "bare", "plain")
    )
    rows = {
        "seconds of a bare epoch": bare_fit / EPOCHS,
        "training, ours / bare": ours / bare_fit,
        "images per second, ours / plain script": plain_fit / ours,
        "fixed cost of a run, seconds": fixed,
    }
    table = "".join(f"| {k} | {median_and_spread(v)} |\n" for k, v in rows.items())
    write(
        "overhead",
        f"""# What tracking costs

`lenet5` on Fashion-MNIST, {EPOCHS} epochs of 54,000 images, batch 128: the seconds that
`model.fit` takes in the harness (metrics to MLflow, system metrics, two checkpoints an
epoch, progress) against those of a bare one on the same batches, and of a plain script
with a `tf.data` pipeline as Keras's guides write it; the rest of a run (opening,
config, code, best weights, closing) is its fixed cost. {ROUNDS} rounds side by side,
median (lowest to highest); {machine()}; the machine was busy with other work.
Made by `python benchmarks/overhead.py`.

| | |
|---|---|
{table}""",
    )


if __name__ == "__main__":
    main()
