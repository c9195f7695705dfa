"""Entmax-1.5 loss. Peters, Niculae and Martins 2019, arXiv:1905.05702."""

import keras
from keras import ops

from kerazoo.losses._categorical import CategoricalLoss
from kerazoo.losses._entmax import entmax15, fenchel_young


@keras.saving.register_keras_serializable(package="kerazoo")
class EntmaxLoss(CategoricalLoss):
    """Train probabilities that may be exactly 0, between softmax and sparsemax.

    With target q, logits z and p = entmax(z), where alpha is 1.5, a sample costs
    sum((p - q) * z) + (sum(p - p ** 1.5) - sum(q - q ** 1.5)) / 0.75, whose gradient is
    p - q. It is 0 as soon as the true class leads by 2.

    Task: classification.
    For: few plausible classes, the others exactly 0, with a slope like softmax's.
    Not for: log-likelihoods of predictions, infinite where it says 0.

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

    >>> round(float(EntmaxLoss()(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.3905
    """

    needs_scores = True

    def per_sample(self, target, logits):  # noqa: D102
        logits = logits - ops.max(logits, axis=-1, keepdims=True)
        return fenchel_young(target, logits, entmax15(logits), 1.5)
