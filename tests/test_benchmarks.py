"""What a benchmark's numbers hang on, where a glance at its table would not show it."""

import sys

import pytest
from workplace import ROOT, execute

SIDE_BY_SIDE = """
import sys
sys.path.insert(0, "benchmarks")
import keras
import numpy as np
from ensemble import Ensemble, Judges, Kind, Pairs
from kerazoo import zoo

small = {"num_layers": 1, "width": 16, "hidden": 16, "num_heads": 2, "dropout": 0.0}
kind = Kind(2, 5, small, 72)
random = np.random.default_rng(0)
source = random.integers(4, 10, (64, 24)).astype("uint8")
source[:, 8] = 2
source[:, 9:] = 0
pairs = Pairs(source, source)
several = Ensemble(kind, (10, 10))
alone = []
for number in range(2):
    keras.utils.set_random_seed(5 + number)
    names = {"source_vocabulary": 10, "target_vocabulary": 10}
    alone.append(zoo.create_model("transformer_small", **names, **small))
shifted = np.pad(source[:, :8], ((0, 0), (1, 0)), constant_values=1).astype("int32")
given = [source[:, :9].astype("int32"), shifted]
before = [np.array(model(given)) for model in alone]
got = several.logits(several.weights, several.state, given[0], source[:, :9])
np.testing.assert_allclose(got, before, atol=1e-5)

steps = several.compile(pairs.arrays)
places = np.stack([random.permutation(64)[:8] for _ in range(2)]).astype("int32")
arguments = *several.variables, np.float32(0.01), places, pairs.arrays
several.weights, several.state, _, losses = steps[9](*arguments)
for number, model in enumerate(alone):
    model.compile(
        keras.optimizers.AdamW(0.01, weight_decay=0.0, global_clipnorm=1.0),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    )
    chosen = [rows[places[number]] for rows in given]
    loss = model.train_on_batch(chosen, np.eye(10)[source[places[number], :9]])
    np.testing.assert_allclose(losses[number], loss, rtol=1e-5)
after = several.logits(several.weights, several.state, given[0], source[:, :9])
np.testing.assert_allclose(after, [model(given) for model in alone], atol=1e-4)
assert np.abs(np.array(after) - before).max() > 0.01

one = several.part([0]).mean()
answers = Judges([one]).answer(source[:8])
logits = np.array(alone[0]([given[0][:8], shifted[:8]]))
np.testing.assert_array_equal(answers[:, 0], logits[:, 0].argmax(-1))
print("side by side as alone")
"""
POSTERIORS = """
import sys
sys.path.insert(0, "benchmarks")
import numpy as np
from teaching import best_of, posteriors

# Two answers to the first word, 3 to 1, that part at the second token; one to another.
word = np.array([4, 4, 4, 7])
target = np.array([[5, 6, 2], [5, 7, 2], [6, 6, 2], [5, 2, 0]], "uint8")
value = np.log([0.6, 0.2, 0.2, 0.1])
places = best_of(value, word)
np.testing.assert_array_equal(places, [0, 3])
judged = {"word": word, "target": target, "value": value}
got = np.array(posteriors(judged, target[places], 8))
np.testing.assert_allclose(got[0, 0, [5, 6]], [0.8, 0.2], rtol=1e-5)
np.testing.assert_allclose(got[0, 1, [6, 7]], [0.75, 0.25], rtol=1e-5)
np.testing.assert_allclose(got[0, 2, 2], 1.0)
np.testing.assert_allclose(got[1, 0, 5], 1.0)
print("probable")
"""


@pytest.mark.slow  # a process on JAX
@pytest.mark.parametrize(
    ("code", "end"),
    [(SIDE_BY_SIDE, "side by side as alone"), (POSTERIORS, "probable")],
)
def test_models_that_teach(code, end):
    done = execute(sys.executable, "-c", code, cwd=ROOT, KERAS_BACKEND="jax")
    assert done.stdout.splitlines()[-1] == end
