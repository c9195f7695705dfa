"""Sparsemax loss. Martins and Astudillo 2016, arXiv:1602.02068."""

import keras
from keras import ops

from kerazoo.losses._categorical import CategoricalLoss
from kerazoo.losses._entmax import fenchel_young, sparsemax


@keras.saving.register_keras_serializable(package="kerazoo")
class SparsemaxLoss(CategoricalLoss):
    """Train probabilities that are exactly 0 for most classes.

    With target q, logits z and p = sparsemax(z) a sample costs
    sum((p - q) * z) + (sum(q ** 2) - sum(p ** 2)) / 2, whose gradient is p - q. It is 0
    as soon as the true class leads by 1. The numbers are those of tensorflow-addons.

    Task: classification.
    For: many classes of which hardly any applies: the sparsest answers.
    Not for: clients that read the logits by a softmax.

    Args:
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits`
            (True only) of `CategoricalLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …).

    Raises:
        ValueError: from_logits is not True, and as `CategoricalLoss` does.

    >>> float(SparsemaxLoss()(ops.array([1]), ops.array([[0.0, 0.0]])))
    0.25
    """

    needs_scores = True

    def per_sample(self, target, logits):  # noqa: D102
        logits = logits - ops.max(logits, axis=-1, keepdims=True)
        return fenchel_young(target, logits, sparsemax(logits), 2.0)
