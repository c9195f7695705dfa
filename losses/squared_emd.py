"""Squared earth mover's distance for ordered classes. Hou 2016, arXiv:1611.05916."""

import keras
from keras import ops

from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class SquaredEMDLoss(CategoricalLoss):
    """Charge a wrong class by how many steps it is from the true one.

    With the cumulative target shares Q and probabilities P a sample costs
    sum((P - Q) ** 2).

    Task: ordinal.
    For: evenly spaced ordered classes, with a probability for each.
    Not for: classes without an order, or steps of unequal size.

    Args:
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …).

    Raises:
        ValueError: as `CategoricalLoss` does.

    >>> loss = SquaredEMDLoss()  # (1/4) ** 2 + (2/4) ** 2 + (3/4) ** 2
    >>> round(float(loss(ops.array([3]), ops.zeros((1, 4)))), 4)
    0.875
    """

    def per_sample(self, target, logits):  # noqa: D102
        gap = ops.cumsum(ops.softmax(logits) - target, axis=-1)
        return ops.sum(ops.square(gap), axis=-1)
