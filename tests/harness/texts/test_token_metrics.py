"""What is shown of tokens, against plain loops, over batches with padding."""

import math

import keras
import numpy as np
import pytest

from kerazoo.harness.texts.token_metrics import Perplexity, TokenAccuracy


@pytest.fixture
def batches():
    rng = np.random.default_rng(0)
    shapes = [(3, 5), (2, 4)]
    return [(rng.integers(0, 4, s), rng.normal(size=(*s, 4))) for s in shapes]


def tokens(batches):
    for y_true, logits in batches:
        for place in zip(*np.nonzero(y_true), strict=True):
            yield y_true[place], logits[place]


def test_accuracy_is_of_tokens_and_not_of_padding(batches):
    metric = TokenAccuracy()
    for y_true, logits in batches:
        metric.update_state(y_true, logits)
    hits = [y == logits.argmax() for y, logits in tokens(batches)]
    assert 0 < np.mean(hits) < 1
    assert float(metric.result()) == pytest.approx(np.mean(hits))


def test_perplexity_is_e_to_the_mean_cost_of_a_token(batches):
    metric = Perplexity()
    for y_true, logits in batches:
        metric.update_state(y_true, logits)
    costs = [
        math.log(np.exp(logits).sum()) - logits[y] for y, logits in tokens(batches)
    ]
    assert float(metric.result()) == pytest.approx(math.exp(np.mean(costs)), rel=1e-5)


def test_they_are_shown_while_a_model_is_trained():
    model = keras.Sequential([keras.layers.Embedding(4, 4)])
    model.compile(
        "sgd",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[TokenAccuracy(), Perplexity()],
    )
    ids = np.array([[1, 2, 0], [3, 0, 0]], "int32")
    (scores,) = zip(*model.fit(ids, ids, verbose=0).history.values(), strict=True)
    assert len(scores) == 3 and all(map(math.isfinite, scores))
