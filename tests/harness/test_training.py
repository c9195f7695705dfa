"""Training: what each field of the config does to a small model."""

import dataclasses
import math
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_training import PIXELS, Log, fit, make_config, make_data, make_model

from kerazoo import losses
from kerazoo.harness import build_optimizer, training
from kerazoo.harness.errors import NonFiniteError


@pytest.fixture(autouse=True)
def _usual_precision():
    yield
    keras.config.set_dtype_policy("float32")


# --------------------------------------------------------------------- the whole of fit


def test_the_same_seed_gives_the_same_weights(tmp_path):
    first, second, other = (
        fit(tmp_path, seed=seed, optimizer="adamw")[0].get_weights()
        for seed in (3, 3, 4)
    )
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_a_loss_with_variables_of_its_own_trains_them(tmp_path):
    config, data = make_config(), make_data()
    loss = losses.get("cos_face", num_classes=3, features=3)
    model = make_model(config, data)
    model.compile(build_optimizer(config, data), loss=loss, metrics=["accuracy"])
    before = loss.proxies.numpy()
    training.fit(model, data, config, tmp_path, [])
    assert (before != loss.proxies.numpy()).all()
    again = keras.saving.load_model(tmp_path / "best.keras", compile=False)
    assert np.array_equal(again([PIXELS]), model(PIXELS))


def test_the_best_epoch_is_kept_and_restored(tmp_path):
    model, log = fit(tmp_path, epochs=6, learning_rate=2.0, monitor="val_accuracy")
    scores = [logs["val_accuracy"] for logs in log.logs]
    best = int(np.argmax(scores))
    assert best < 5, "choose numbers for which the last epoch is not the best one"
    assert log.logs[-1]["best_epoch"] == best + 1
    for file in ("best.keras", None):
        kept = model
        if file:
            kept = keras.saving.load_model(tmp_path / file, compile=False)
        for a, b in zip(kept.get_weights(), log.weights[best], strict=True):
            np.testing.assert_array_equal(a, b)
    last = keras.saving.load_model(tmp_path / "last.keras")
    for a, b in zip(last.get_weights(), log.weights[-1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(last.optimizer.iterations) == 36


@pytest.mark.parametrize("mode", ["min", "max"])
def test_training_stops_when_no_epoch_is_better(mode, tmp_path):
    scores = {"min": [3, 2, 2.5, 2.1, 9, 1], "max": [1, 2, 1.5, 1.9, 0, 9]}[mode]

    class Scores(keras.callbacks.Callback):
        names = ("val_score",)

        def on_epoch_end(self, epoch, logs=None):
            logs["val_score"] = scores[epoch]

    config = make_config(
        epochs=6, early_stopping=2, monitor="val_score", monitor_mode=mode
    )
    data, log = make_data(), Log()
    model = make_model(config, data)
    training.fit(model, data, config, tmp_path, [log], [Scores()])
    assert [logs["best_epoch"] for logs in log.logs] == [1, 2, 2, 2]


def test_averaged_weights_are_those_that_are_judged_and_kept(tmp_path):
    """With EMA on, the kept weights are the running mean of the plain ones."""
    momentum, plain = 0.5, []
    config = make_config(ema_momentum=momentum, epochs=1, learning_rate=0.1)
    data = make_data()
    model = make_model(config, data)

    class Plain(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            plain.append(np.array(self.model.get_layer("last").kernel))

    training.fit(model, data, config, tmp_path, [Plain()])
    average = plain[0]
    for kernel in plain[1:]:
        average = momentum * average + (1 - momentum) * kernel
    kept = np.array(model.get_layer("last").kernel)
    np.testing.assert_allclose(kept, average, rtol=1e-4)
    assert np.abs(kept - plain[-1]).max() > 1e-3


class Marks(keras.callbacks.Callback):
    """Marks every epoch worse than the one before, and their mean as told."""

    names = ("val_mark",)

    def __init__(self, averaged):
        super().__init__()
        self.averaged = averaged

    def score(self):
        return {"val_mark": self.averaged}

    def on_epoch_end(self, epoch, logs=None):
        logs["val_mark"] = 1.0 + epoch


@pytest.mark.parametrize(("averaged", "kept"), [(0.5, "mean"), (1.5, "epoch 1")])
def test_the_mean_of_the_last_epochs_is_kept_if_it_is_better(
    averaged, kept, tmp_path, capsys
):
    config = make_config(
        average_epochs=2, epochs=3, monitor="val_mark", monitor_mode="min"
    )
    data, log = make_data(), Log()
    model = make_model(config, data)
    found = training.fit(model, data, config, tmp_path, [log], [Marks(averaged)])
    mean = [(a + b) / 2 for a, b in zip(*log.weights[1:], strict=True)]
    wanted = mean if kept == "mean" else log.weights[0]
    stored = keras.saving.load_model(tmp_path / "best.keras").get_weights()
    for weights in (model.get_weights(), stored):
        for array, right in zip(weights, wanted, strict=True):
            np.testing.assert_allclose(array, right, rtol=1e-6, atol=1e-7)
    assert (found.get("val_mark") == averaged) == (kept == "mean")
    assert found.get("averaged_epochs") == (2 if kept == "mean" else None)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "mean of the last 2 epochs' weights  val_mark" in line
    assert line.endswith("  kept" if kept == "mean" else "not kept, epoch 1 is better")


def test_training_that_stops_early_averages_nothing(tmp_path):
    config = make_config(
        average_epochs=2,
        epochs=9,
        early_stopping=1,
        monitor="val_mark",
        monitor_mode="min",
    )
    data, log = make_data(), Log()
    model = make_model(config, data)
    assert training.fit(model, data, config, tmp_path, [log], [Marks(0.0)]) == {}
    assert len(log.logs) == 2


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_half_and_keeps_whole_weights(precision, tmp_path):
    model, log = fit(tmp_path, precision=precision, epochs=3, learning_rate=0.1)
    layer = model.get_layer("first")
    assert layer.compute_dtype == precision.removeprefix("mixed_")
    assert layer.kernel.dtype == "float32"
    assert log.logs[-1]["loss"] < log.logs[0]["loss"]
    assert log.logs[-1]["learning_rate"] < log.logs[0]["learning_rate"]


def test_class_weights_weigh_the_training_loss(tmp_path):
    """With all weight on one class, the others have no say."""
    data = make_data(class_weight={0: 0.0, 1: 3.0, 2: 0.0})
    model, _ = fit(tmp_path, data, learning_rate=0.1, epochs=15, monitor="loss")
    assert set(model.predict(PIXELS, verbose=0).argmax(-1)) == {1}


def test_epoch_logs_have_scores_rate_speed_and_time(tmp_path):
    _, log = fit(tmp_path, epochs=3)
    for logs in log.logs:
        assert set(logs) == {
            *("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"),
            *("epoch_seconds", "samples_per_second", "best_epoch"),
        }
        speed = logs["samples_per_second"] * logs["epoch_seconds"]
        assert speed == pytest.approx(48)
    # The rate of an epoch's last update: 6 updates an epoch, 18 in all.
    rates = [0.005 * (1 + math.cos(math.pi * k / 18)) for k in (6, 12, 18)]
    np.testing.assert_allclose([x["learning_rate"] for x in log.logs], rates, atol=1e-7)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_loss_that_is_no_number_stops_at_its_step(poison, tmp_path):
    steps = []

    class Steps(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(batch)

    good = make_data()
    pixels = PIXELS.copy()
    pixels[19] = poison  # in the third batch of 8
    bad = make_data(pixels)
    both = iter([good.train, bad.train])

    def batches():
        yield from next(both)

    spec = good.train.element_spec
    train = tf.data.Dataset.from_generator(batches, output_signature=spec)
    train = train.apply(tf.data.experimental.assert_cardinality(6))
    data = dataclasses.replace(good, train=train)
    config = make_config(epochs=3)
    model = make_model(config, data)
    with pytest.raises(NonFiniteError) as error:
        training.fit(model, data, config, tmp_path, [Steps()])
    assert "in epoch 2, step 3, at a learning rate of" in str(error.value)
    assert steps == [0, 1, 2, 3, 4, 5, 0, 1]
    kept = keras.saving.load_model(tmp_path / "best.keras", compile=False)
    assert all(np.isfinite(w).all() for w in kept.get_weights())
    assert {f.name for f in tmp_path.iterdir()} == {"best.keras", "last.keras"}


class Ask(keras.callbacks.Callback):
    """Send a signal in the second step, where what is raised is lost."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers = numbers
        self.seen, self.lost = [], 0

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(batch)
        for number in self.numbers if batch == 1 else ():
            try:
                signal.raise_signal(number)
            except KeyboardInterrupt:
                self.lost += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_training_at_the_end_of_a_step(number, tmp_path):
    before = signal.signal(number, signal.default_int_handler)
    try:
        for times in (1, 2):
            data, config, ask = make_data(), make_config(), Ask([number] * times)
            with pytest.raises(KeyboardInterrupt):
                training.fit(make_model(config, data), data, config, tmp_path, [ask])
            # Only the second one is raised where it arrives.
            assert ask.seen == [0, 1] and ask.lost == times - 1
            assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_is_ignored_in_training_too(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        data, config, ask = make_data(), make_config(), Ask([signal.SIGINT])
        training.fit(make_model(config, data), data, config, tmp_path, [ask])
        assert len(ask.seen) == config.epochs * 6
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "fields",
    [
        {"monitor": "val_acuracy"},
        {"monitor": "accuracy", "average_epochs": 2},  # has no score in training
    ],
)
def test_an_unknown_monitor_is_told_before_the_first_step(fields, tmp_path):
    data, config = make_data(), make_config(**fields)
    model = make_model(config, data)
    wanted = rf"monitor: '{fields['monitor']}' .*'val_accuracy'"
    with pytest.raises(ValueError, match=wanted):
        training.fit(model, data, config, tmp_path, [])
    assert int(model.optimizer.iterations) == 0
