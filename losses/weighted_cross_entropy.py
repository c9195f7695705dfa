"""Class-weighted cross-entropy, averaged by weight."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import as_numbers, per_class
from kerazoo.losses.cross_entropy import CrossEntropyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class WeightedCrossEntropyLoss(CrossEntropyLoss):
    """Give rare classes more say without changing the size of the loss.

    With the weight w of its class a sample costs -w * log(p) / (the batch's mean w), as
    the mean of PyTorch's weighted cross-entropy does; `CrossEntropyLoss` with
    class weights does not divide.

    Task: imbalance.
    For: rare classes, at a learning rate that was tuned without weights.
    Not for: small batches, whose mean weight varies.

    Args:
        class_weight: a factor per class; None with class_counts.
        class_counts: samples per class, from which the weight is
            total / (classes * count), scikit-learn's "balanced".
        **kwargs: `label_smoothing`, `ignore_index`, `from_logits`, as in
            `CategoricalLoss`; `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats. A sample's value depends on its batch.

    Raises:
        ValueError: not just one of class_weight and class_counts, a number that is not
            above 0, and as `CategoricalLoss` does.

    >>> loss = WeightedCrossEntropyLoss(class_weight=[1, 3])
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    def __init__(self, class_weight=None, class_counts=None, **kwargs):
        super().__init__(**kwargs)
        one = (class_weight is None) != (class_counts is None)
        given = (class_weight, class_counts)
        require(one, "(class_weight, class_counts)", "one None and one not", given)
        self.class_weight = as_numbers(class_weight, "class_weight", above=0)
        self.class_counts = as_numbers(class_counts, "class_counts", above=0)
        self._weight = self.class_weight or [
            sum(self.class_counts) / len(self.class_counts) / count
            for count in self.class_counts
        ]

    def weigh(self, target):  # noqa: D102
        weight = per_class(self._weight, "class_weight", target.shape[-1], self.dtype)
        factor = ops.sum(target * weight, axis=-1)
        # An ignored sample has no target, and so no factor: it must not count here.
        num_counted = ops.sum(ops.cast(factor > 0, self.dtype))
        return factor * num_counted / ops.sum(factor)
