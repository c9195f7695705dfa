"""Generalized cross-entropy for noisy labels. Zhang 2018, arXiv:1805.07836."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class GeneralizedCrossEntropyLoss(CategoricalLoss):
    """Trust samples that fit badly less, as their labels may be wrong.

    With p the probability of the true class a sample costs (1 - p ** q) / q: cross-
    entropy as q goes to 0, the absolute error at 1. Keras's
    `CategoricalGeneralizedCrossEntropy` takes probabilities and indices only.

    Task: noisy labels.
    For: a good share of labels wrong at random, in few classes.
    Not for: clean labels or hundreds of classes, which it learns slowly.

    Args:
        q: in (0, 1]; larger bears more noise and learns more slowly.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …).

    Raises:
        ValueError: q outside (0, 1], and as `CategoricalLoss` does.

    >>> loss = GeneralizedCrossEntropyLoss(q=1.0)
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.5
    """

    def __init__(self, q=0.7, **kwargs):
        super().__init__(**kwargs)
        require(0 < q <= 1, "q", "in (0, 1]", q)
        self.q = q

    def per_sample(self, target, logits):  # noqa: D102
        cost = -ops.expm1(self.q * ops.log_softmax(logits)) / self.q
        return ops.sum(target * cost, axis=-1)
