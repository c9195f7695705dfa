"""From a config to the optimizer that it describes."""

import math

import keras
import numpy as np
import pytest
from small_training import CLASSES, PIXELS, fit, make_config, make_data, make_model

from kerazoo.harness import build_optimizer, training
from kerazoo.harness.config import keras_optimizers


@pytest.mark.parametrize("name", keras_optimizers())
def test_any_optimizer_of_keras_trains(name, tmp_path):
    _, log = fit(tmp_path, optimizer=name, epochs=1, learning_rate=1e-3)
    assert math.isfinite(log.logs[0]["loss"])


def test_optimizer_arguments_reach_the_optimizer():
    config = make_config(optimizer_arguments={"momentum": 0.8, "nesterov": True})
    optimizer = build_optimizer(config, make_data())
    assert (optimizer.momentum, optimizer.nesterov) == (0.8, True)


@pytest.mark.parametrize("name", ["momentun", "learning_rate", "use_ema"])
def test_an_argument_that_the_optimizer_is_not_to_be_given_is_named(name):
    with pytest.raises(ValueError, match=f"^argument of sgd: '{name}' is not known"):
        make_config(optimizer_arguments={name: 0.8})


def test_weight_decay_spares_biases_norms_and_slopes():
    config = make_config(weight_decay=0.5, learning_rate=0.1)
    model = make_model(config, make_data())
    # Away from zero, so that a decay would show everywhere.
    model.set_weights([np.ones_like(w) for w in model.get_weights()])
    variables = model.trainable_variables
    gradients = [keras.ops.zeros_like(v) for v in variables]
    model.optimizer.apply(gradients, variables)
    decayed = {v.path for v in variables if float(keras.ops.max(v)) < 1}
    assert decayed == {"first/kernel", "last/kernel"}
    np.testing.assert_allclose(model.get_layer("last").kernel, 1 - 0.1 * 0.5, rtol=1e-6)


def test_weight_decay_of_zero_leaves_everything():
    model = make_model(make_config(weight_decay=0, optimizer="adamw"), make_data())
    before = [np.array(v) for v in model.trainable_variables]
    model.optimizer.apply(
        [keras.ops.zeros_like(v) for v in model.trainable_variables],
        model.trainable_variables,
    )
    for old, new in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_whole_gradient_is_clipped():
    config = make_config(global_clipnorm=1.0, weight_decay=0, learning_rate=1.0)
    optimizer = build_optimizer(config, make_data())
    variables = [keras.Variable([0.0, 0.0]), keras.Variable([0.0])]
    optimizer.apply([keras.ops.array([3.0, 0.0]), keras.ops.array([4.0])], variables)
    moved = np.concatenate([np.array(v) for v in variables])
    np.testing.assert_allclose(moved, [-0.6, 0.0, -0.8], rtol=1e-5)


@pytest.mark.parametrize(
    ("samples", "accumulate", "epochs", "updates"),
    [(48, 1, 3, 18), (48, 2, 3, 9), (50, 1, 3, 21), (48, 4, 3, 4)],
)
def test_the_schedule_ends_with_the_training(samples, accumulate, epochs, updates):
    data = make_data(np.resize(PIXELS, (samples, 6)), np.resize(CLASSES, samples))
    config = make_config(
        gradient_accumulation_steps=accumulate, epochs=epochs, warmup_epochs=1
    )
    schedule = build_optimizer(config, data)._learning_rate
    assert schedule.total_updates == updates
    assert schedule.warmup_updates == updates // epochs
    assert float(schedule(updates * accumulate)) == pytest.approx(0, abs=1e-8)


def test_accumulated_steps_make_one_update_of_a_larger_batch(tmp_path):
    """Four batches of 2 move the weights as one batch of 8 does."""
    weights = {}
    for batch_size, accumulate in ((2, 4), (8, 1)):
        config = make_config(gradient_accumulation_steps=accumulate, epochs=1)
        data = make_data(batch_size=batch_size)
        training.prepare(config)
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(build_optimizer(config, data), loss, metrics=["accuracy"])
        folder = tmp_path / str(batch_size)
        folder.mkdir()
        fit(folder, data, model, gradient_accumulation_steps=accumulate, epochs=1)
        weights[batch_size] = model.get_weights()
    for small, large in zip(weights[2], weights[8], strict=True):
        np.testing.assert_allclose(small, large, atol=1e-6)
