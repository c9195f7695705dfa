"""A model that answers twice a step, for losses that compare the answers."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from workplace import execute

from kerazoo import losses
from kerazoo.harness.texts.token_metrics import TokenAccuracy
from kerazoo.harness.two_passes import TwoPassModel

TOKENS = np.random.default_rng(0).integers(1, 7, (8, 5)).astype("int32")


def network(dropout: float = 0.0) -> keras.Model:
    """A small model from tokens to the logits of as many."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,), dtype="int32", name="tokens")
    x = layers.Embedding(7, 16)(inputs)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(7)(x), name="network")


def compiled(model: keras.Model, alpha: float, rate: float = 0.0) -> TwoPassModel:
    """A model that is passed twice, ready to be trained."""
    twice = TwoPassModel.of(model)
    loss = losses.get("r_drop", alpha=alpha)
    twice.compile(keras.optimizers.SGD(rate), loss, metrics=[TokenAccuracy()])
    return twice


def test_passes_that_agree_cost_twice_the_cross_entropy():
    model = network()
    once = losses.get("token_cross_entropy")(TOKENS, model(TOKENS))
    found = compiled(model, alpha=5.0).train_on_batch(TOKENS, TOKENS)
    np.testing.assert_allclose(found[0], 2 * float(once), rtol=1e-5)


def test_passes_differ_by_dropout_in_training_alone():
    costs = []
    for alpha in (0.0, 1000.0):
        twice = compiled(network(dropout=0.5), alpha)
        costs.append(twice.train_on_batch(TOKENS, TOKENS)[0])
        single = losses.get("token_cross_entropy")(TOKENS, twice(TOKENS))
        evaluated = twice.evaluate(TOKENS, TOKENS, verbose=0)[0]
        np.testing.assert_allclose(evaluated, 2 * float(single), rtol=1e-5)
    assert costs[1] > costs[0] + 0.3


def test_it_trains_the_model_that_it_was_made_of():
    model = network(dropout=0.2)
    twice = compiled(model, alpha=1.0, rate=1.0)
    before = model.get_weights()
    twice.fit(TOKENS, TOKENS, epochs=30, verbose=0)
    assert not np.array_equal(before[0], model.get_weights()[0])
    scores = twice.evaluate(TOKENS, TOKENS, verbose=0, return_dict=True)
    assert scores["token_accuracy"] == 1.0  # of one pass: (8, 5, 7), as the labels are
    found = ops.convert_to_numpy(ops.argmax(model(TOKENS), axis=-1))
    np.testing.assert_array_equal(found, TOKENS)


def test_it_is_saved_with_its_state_and_goes_on(tmp_path):
    twice = compiled(network(dropout=0.2), alpha=1.0, rate=0.1)
    twice.fit(TOKENS, TOKENS, epochs=1, verbose=0)
    twice.save(tmp_path / "last.keras")
    again = keras.saving.load_model(tmp_path / "last.keras")
    assert isinstance(again, TwoPassModel) and again.loss.alpha == 1.0
    np.testing.assert_array_equal(again.get_weights()[0], twice.get_weights()[0])
    assert np.isfinite(again.train_on_batch(TOKENS, TOKENS)[0])


ELSEWHERE = """
import sys
sys.path[:0] = {folders!r}
from test_two_passes import *

test_passes_that_agree_cost_twice_the_cross_entropy()
test_passes_differ_by_dropout_in_training_alone()
test_it_trains_the_model_that_it_was_made_of()
print(keras.backend.backend())
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_it_trains_on_other_backends(backend, tmp_path):
    folders = [str(Path(__file__).parents[place]) for place in (0, 1)]
    code = ELSEWHERE.format(folders=folders)
    done = execute(sys.executable, "-c", code, cwd=tmp_path, KERAS_BACKEND=backend)
    assert done.stdout.split() == [backend]
