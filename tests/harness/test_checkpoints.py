"""Weights in files: those that training writes, and those that it begins with."""

import dataclasses
import math
import sys

import keras
import numpy as np
import pytest
from small_training import PIXELS, fit, make_config, make_data, make_model
from workplace import execute

from kerazoo.harness import ModelConfig, training
from kerazoo.harness.callbacks import Checkpoint
from kerazoo.harness.errors import NonFiniteError

# -------------------------------------------------------------------------- checkpoints


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    data, config = make_data(), make_config(epochs=1)
    model, _ = fit(tmp_path, data, epochs=1)
    before = (tmp_path / "last.keras").read_bytes()

    def broken(path):
        path.write_bytes(b"half of it")
        raise OSError("the disk is full")

    monkeypatch.setattr(model, "save", broken)
    checkpoint = Checkpoint(tmp_path, config.monitor, "min")
    checkpoint.set_model(model)
    with pytest.raises(OSError, match="the disk is full"):
        checkpoint.on_epoch_end(0, {"val_loss": 1.0})
    assert (tmp_path / "last.keras").read_bytes() == before


def test_weights_that_an_epochs_last_step_broke_are_not_saved(tmp_path):
    data, config = make_data(), make_config(epochs=1)
    # One step, whose loss is still a number.
    data = dataclasses.replace(data, train=data.train.take(1))
    model = make_model(config, data)
    model.compile(keras.optimizers.SGD(np.inf), model.loss, metrics=["accuracy"])
    with pytest.raises(NonFiniteError, match=r"kernel became NaN .* last step of"):
        training.fit(model, data, config, tmp_path, [])
    assert not (tmp_path / "last.keras").exists()


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([math.nan, 2.0, 3.0], 1),
        ([2.0, math.nan, 3.0], 0),
        ([math.inf, math.nan, 1.0], 2),
        ([math.inf, math.inf], 0),
        ([math.nan, math.nan], 0),
    ],
)
def test_a_score_that_is_no_number_is_never_better(scores, best, tmp_path):
    checkpoint = Checkpoint(tmp_path, "val_loss", "min")
    checkpoint.set_model(make_model(make_config(), make_data()))
    for epoch, score in enumerate(scores):
        logs = {"val_loss": score}
        checkpoint.on_epoch_end(epoch, logs)
    assert logs["best_epoch"] == best + 1


def test_of_equal_scores_the_lower_loss_is_better(tmp_path):
    """A BLEU of 0 says nothing yet, and the first epoch is the worst one."""
    checkpoint = Checkpoint(tmp_path, "val_bleu", "max")
    checkpoint.set_model(make_model(make_config(), make_data()))
    best = []
    for epoch, (bleu, loss) in enumerate([(0, 3.0), (0, 2.0), (0, 2.5), (1, 9.0)]):
        logs = {"val_bleu": bleu, "val_loss": loss}
        checkpoint.on_epoch_end(epoch, logs)
        best.append(logs["best_epoch"])
    assert best == [1, 2, 2, 4]


def test_the_best_checkpoint_loads_without_its_loss(tmp_path):
    data, config = make_data(), make_config(epochs=1)
    model = make_model(config, data)

    def my_loss(y_true, logits):
        return keras.ops.mean(keras.ops.square(logits), axis=-1)

    model.compile("sgd", loss=my_loss)
    training.fit(model, data, config, tmp_path, [])
    kept = keras.saving.load_model(tmp_path / "best.keras")
    assert not kept.compiled
    np.testing.assert_array_equal(
        kept.predict(PIXELS, verbose=0), model.predict(PIXELS, verbose=0)
    )


# ---------------------------------------------------------------- weights to begin with


@pytest.mark.parametrize("name", ["some.weights.h5", "some.keras"])
def test_a_model_begins_with_the_weights_of_a_file(name, tmp_path):
    model, other = (make_model(make_config(seed=n), make_data()) for n in (1, 2))
    if name.endswith(".keras"):
        other.save(tmp_path / name)
    else:
        other.save_weights(tmp_path / name)
    training.load_weights(model, ModelConfig(weights=str(tmp_path / name)))
    for found, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_no_file_leaves_the_weights_as_they_are():
    model = make_model(make_config(), make_data())
    before = model.get_weights()
    training.load_weights(model, ModelConfig())
    for found, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("odd.npz", r"odd\.npz ends in neither \.keras nor \.weights\.h5"),
        ("text.keras", r"text\.keras is not a file of weights"),
        ("text.weights.h5", r"text\.weights\.h5 is not a file of weights"),
        ("other.keras", r"other\.keras is of another model than this mine: other arg"),
        ("other.weights.h5", r"other\.weights\.h5 is of another model than this mine"),
    ],
)
def test_weights_that_cannot_be_taken_are_told(name, message, tmp_path):
    for text in ("odd.npz", "text.keras", "text.weights.h5"):
        (tmp_path / text).write_text("no weights")
    inputs = keras.Input((6,))
    outputs = keras.layers.Dense(4, name="last")(inputs)
    other = keras.Model(inputs, outputs)
    other.save(tmp_path / "other.keras")
    other.save_weights(tmp_path / "other.weights.h5")
    model = keras.Model(inputs, keras.layers.Dense(3, name="last")(inputs), name="mine")
    with pytest.raises(training.UserError, match=f"^model.weights: .*{message}"):
        training.load_weights(model, ModelConfig(weights=str(tmp_path / name)))


SHARED = """
import keras, numpy as np

class Other(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        other.predict_on_batch(x)
        self.model.save("model.keras")

x = np.ones((8, 4), "float32")
inputs, layer = keras.Input((4,)), keras.layers.Dense(8)
model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
other = keras.Model(inputs, keras.layers.Activation("relu")(layer(inputs)))
model.compile(keras.optimizers.Adam(use_ema=True, ema_momentum=0.9), "mse")
swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[swap, {first}Other()])
"""


@pytest.mark.slow
def test_upstream_swapped_weights_share_arrays_on_jax(tmp_path):
    """When the first one ends well, `OwnArrays` can go."""
    for first, status in (("", 1), ("OwnArrays(), ", 0)):
        code = SHARED.format(first=first)
        code = f"from kerazoo.harness.callbacks import OwnArrays\n{code}"
        done = execute(
            *(sys.executable, "-c", code),
            cwd=tmp_path,
            status=status,
            KERAS_BACKEND="jax",
        )
        assert ("Array has been deleted" in done.stderr) == bool(status)
