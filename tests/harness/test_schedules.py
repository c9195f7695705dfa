"""Learning rates: against a plain loop, and as an optimizer uses them."""

import itertools
import math

import keras
import numpy as np
import pytest

from kerazoo.harness.schedules import WarmupSchedule

SHAPES = ["cosine", "step", "inverse_sqrt", "constant"]


def oracle(update, peak, warmup, total, shape):
    """Return the rate of one update, in plain Python."""
    if update < warmup:
        return peak * (update + 1) / warmup
    if shape == "constant":
        return peak
    if shape == "inverse_sqrt":
        return peak * math.sqrt(max(warmup, 1) / (update + 1))
    if shape == "step":
        return peak / (
            1 if update < total / 2 else 10 if update < total * 0.75 else 100
        )
    done = min((update - warmup) / max(total - warmup, 1), 1)
    return peak * (1 + math.cos(math.pi * done)) / 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("warmup", "total"), [(0, 40), (10, 40), (1, 40), (40, 40), (0, 1), (3, 2)]
)
@pytest.mark.parametrize("accumulate", [1, 4])
def test_rates_are_those_of_a_plain_loop(shape, warmup, total, accumulate):
    schedule = WarmupSchedule(0.3, warmup, total, shape, accumulate)
    rates, expected = [], []
    for step in range(accumulate * (total + 3)):
        rates.append(float(schedule(step)))
        expected.append(oracle(step // accumulate, 0.3, warmup, total, shape))
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-7)


def test_the_peak_is_reached_and_the_end_is_zero():
    schedule = WarmupSchedule(0.5, 5, 20)
    rates = [float(schedule(step)) for step in range(21)]
    assert max(rates) == rates[4] == rates[5] == 0.5
    assert rates[20] == pytest.approx(0, abs=1e-8)
    assert all(a > b for a, b in itertools.pairwise(rates[5:]))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_schedule_is_saved_with_its_optimizer(shape):
    optimizer = keras.optimizers.SGD(WarmupSchedule(0.1, 2, 8, shape, 3))
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    first, second = optimizer._learning_rate, again._learning_rate
    assert isinstance(second, WarmupSchedule)
    assert second.get_config() == first.get_config()


def steps_of_sgd(schedule, accumulate, steps):
    """Return how far each step moved a weight whose gradient is always 1."""
    weight = keras.Variable(0.0)
    optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=accumulate)
    places = [0.0]
    for _ in range(steps):
        optimizer.apply([keras.ops.ones(())], [weight])
        places.append(float(weight))
    return -np.diff(places)


def test_under_accumulation_rates_are_counted_in_updates():
    moved = steps_of_sgd(WarmupSchedule(0.3, 2, 6, "cosine", 4), 4, 24)
    updates = moved[3::4]
    assert np.count_nonzero(moved) == np.count_nonzero(updates) == 6
    expected = [oracle(update, 0.3, 2, 6, "cosine") for update in range(6)]
    np.testing.assert_allclose(updates, expected, rtol=1e-4)


def test_upstream_keras_ticks_schedules_per_accumulation_step():
    """When this fails: delete `steps_per_update` of `WarmupSchedule`."""
    decay = keras.optimizers.schedules.PolynomialDecay(1.0, 4, end_learning_rate=0.0)
    moved = steps_of_sgd(decay, 4, 8)[3::4]
    # Four decay steps are over within the first update, which sees the third of them.
    np.testing.assert_allclose(moved, [0.25, 0.0], atol=1e-6)
