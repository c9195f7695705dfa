"""Taylor cross-entropy for noisy labels. Feng 2020, doi:10.24963/ijcai.2020/305."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class TaylorCrossEntropyLoss(CategoricalLoss):
    """Cut cross-entropy's series short, so that a wrong label costs a bounded amount.

    With p the probability of the true class a sample costs
    sum((1 - p) ** k / k) for k from 1 to order.

    Task: noisy labels.
    For: a choice, by one number, between bearing noise and learning fast.
    Not for: clean labels, from which cross-entropy learns faster.

    Args:
        order: terms that are kept, at least 1; 1 is the absolute error, many are
            cross-entropy.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …).

    Raises:
        ValueError: order not a whole number from 1 on, and as `CategoricalLoss` does.

    >>> loss = TaylorCrossEntropyLoss(order=2)  # 1 / 2 + 1 / 8
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.625
    """

    def __init__(self, order=2, **kwargs):
        super().__init__(**kwargs)
        require(order == int(order) >= 1, "order", "a whole number from 1 on", order)
        self.order = order

    def per_sample(self, target, logits):  # noqa: D102
        wrong = -ops.expm1(ops.log_softmax(logits))
        cost = sum(wrong**k / k for k in range(1, self.order + 1))
        return ops.sum(target * cost, axis=-1)
