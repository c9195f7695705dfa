"""A small model and data that are trained in a second."""

import keras
import numpy as np
import tensorflow as tf

from kerazoo.harness import Data, TrainingConfig, build_optimizer, training

RNG = np.random.default_rng(0)
PIXELS = RNG.normal(size=(48, 6)).astype("float32")
CLASSES = (PIXELS[:, 0] > 0).astype("int64") + (PIXELS[:, 1] > 1)


def make_data(pixels=PIXELS, classes=CLASSES, batch_size=8, **changes) -> Data:
    batches = tf.data.Dataset.from_tensor_slices((pixels, classes)).batch(batch_size)
    options = tf.data.Options()
    options.autotune.enabled = False
    batches = batches.with_options(options)
    return Data(
        name="toy",
        train=batches,
        validation=batches,
        test=batches,
        sizes={"train": len(pixels), "validation": len(pixels), "test": len(pixels)},
        labels=["a", "b", "c"],
        calibration=pixels,
        digest="0",
        **changes,
    )


def make_config(**changes) -> TrainingConfig:
    defaults = {"epochs": 2, "learning_rate": 0.01, "warmup_epochs": 0}
    return TrainingConfig(**{**defaults, "optimizer": "sgd", **changes})


def make_model(config, data, **compile_options) -> keras.Model:
    training.prepare(config)
    inputs = keras.Input((6,), name="pixels")
    x = keras.layers.Dense(8, name="first")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.PReLU(name="slope")(x)
    x = keras.layers.Dropout(0.1, name="dropout")(x)
    outputs = keras.layers.Dense(3, name="last")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=build_optimizer(config, data),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **compile_options,
    )
    return model


class Log(keras.callbacks.Callback):
    """Keep every epoch's logs and weights."""

    def __init__(self):
        super().__init__()
        self.logs, self.weights = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        self.weights.append(self.model.get_weights())


def fit(folder, data=None, model=None, **changes):
    data, config, log = data or make_data(), make_config(**changes), Log()
    model = model or make_model(config, data)
    training.fit(model, data, config, folder, [log])
    return model, log
