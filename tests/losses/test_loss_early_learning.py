"""The memory of early-learning regularisation: its values, its gradient, its saving."""

import os
import subprocess
import sys
from math import log

import keras
import numpy as np
import pytest
from scipy.special import softmax

from kerazoo import losses

RNG = np.random.default_rng(0)
LABELS = np.array([[0, 3], [2, 0], [1, 4]])
STEPS = RNG.normal(size=(3, 3, 4))  # step, sample, class


def make(**changes):
    options = {"num_samples": 5, "num_classes": 4, "strength": 2.0, "momentum": 0.6}
    options = {**options, "reduction": None, **changes}
    return losses.get("early_learning_regularization", **options)


def oracle(memory, logits):
    """The values of one step; the memory, a list for each sample, is changed."""
    values = []
    for (label, sample), z in zip(LABELS, logits, strict=True):
        p = softmax(z)
        memory[sample] = [
            0.6 * t + 0.4 * q for t, q in zip(memory[sample], p, strict=True)
        ]
        agreement = sum(t * q for t, q in zip(memory[sample], p, strict=True))
        values.append(-log(p[label]) + 2.0 * log(1 - agreement))
    return values


def test_three_steps_as_the_oracle_says():
    loss, memory = make(), [[0.0] * 4 for _ in range(5)]
    for logits in STEPS:
        np.testing.assert_allclose(loss(LABELS, logits), oracle(memory, logits), 1e-5)
        np.testing.assert_allclose(loss.memory.numpy(), memory, atol=1e-6)


def test_a_batch_without_sample_indices_leaves_the_memory_alone():
    loss = make()
    expected = losses.get("cross_entropy", reduction=None)(LABELS[:, 0], STEPS[0])
    np.testing.assert_allclose(loss(LABELS[:, 0], STEPS[0]), expected)
    assert not loss.memory.numpy().any()


def test_sample_indices_out_of_range():
    with pytest.raises(ValueError, match=r"0..4.*got \[5\]"):
        make()(np.array([[0, 5]]), STEPS[0, :1])


def test_a_sequential_model_cannot_carry_the_memory():
    with pytest.raises(ValueError, match="functional"):
        make().attach(keras.Sequential([keras.layers.Dense(4)]))


# Trained, saved and loaded in one process for each backend.
SCRIPT = """
import sys
import keras, numpy as np
from kerazoo import losses

keras.utils.set_random_seed(0)
loss = losses.get("early_learning_regularization", num_samples=8, num_classes=4)
inputs = keras.Input((3,))
model = keras.Model(inputs, keras.layers.Dense(4)(inputs))
model.compile("sgd", loss=loss)
x = np.random.default_rng(0).normal(size=(8, 3))
y = np.stack([np.arange(8) % 4, np.arange(8)], axis=1)
if keras.config.backend() == "jax":
    try:
        model.fit(x, y, verbose=0)
    except ValueError as error:
        assert "attach" in str(error)
    else:
        raise SystemExit("training without attach must fail")
    loss.attach(model)
    model.compile("sgd", loss=loss)
model.fit(x, y, batch_size=4, epochs=3, verbose=0)
memory = keras.ops.convert_to_numpy(loss.memory)
np.testing.assert_allclose(memory.sum(1), 1 - 0.7**3, rtol=1e-4)
model.save(sys.argv[1])
again = keras.saving.load_model(sys.argv[1])
np.testing.assert_array_equal(keras.ops.convert_to_numpy(again.loss.memory), memory)
again.evaluate(x, y[:, 0], verbose=0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_memory_is_trained_saved_and_loaded(backend, tmp_path):
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "model.keras")],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
