"""Balanced softmax. Ren et al. 2020, arXiv:2007.10740."""

import keras
from keras import ops

from kerazoo.losses._categorical import CategoricalLoss, as_numbers, per_class


@keras.saving.register_keras_serializable(package="kerazoo")
class BalancedSoftmaxLoss(CategoricalLoss):
    """Train with a softmax that knows how frequent each class is.

    With n samples in a class a sample costs the cross-entropy of the shares
    n * exp(z) / sum(n * exp(z)). It is `LogitAdjustedLoss` with tau of 1, which was
    derived another way.

    Task: imbalance.
    For: long-tailed classes that count the same when tested; nothing to tune.
    Not for: test data as skewed as training data, where it loses accuracy.

    Args:
        class_counts: samples per class in the training data, each above 0.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a count that is not above 0, and as `CategoricalLoss` does.

    >>> loss = BalancedSoftmaxLoss([3, 1])
    >>> round(float(loss(ops.array([0]), ops.array([[0.0, 0.0]]))), 4)  # -log(3 / 4)
    0.2877
    """

    def __init__(self, class_counts, **kwargs):
        super().__init__(**kwargs)
        self.class_counts = as_numbers(class_counts, "class_counts", above=0)

    def per_sample(self, target, logits):  # noqa: D102
        counts = per_class(
            self.class_counts, "class_counts", target.shape[-1], self.dtype
        )
        return -ops.sum(target * ops.log_softmax(logits + ops.log(counts)), axis=-1)
