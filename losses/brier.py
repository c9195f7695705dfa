"""Squared error of probabilities. Brier 1950, Monthly Weather Review 78(1), 1-3."""

import keras
from keras import ops

from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class BrierLoss(CategoricalLoss):
    """Charge the squared distance between probabilities and the true class.

    With target shares q and probabilities p a sample costs sum((q - p) ** 2): the mean
    squared error of a classifier, times the number of classes. It is bounded by 2, so
    that no single sample can be very loud.

    Task: classification.
    For: calibrated probabilities, or a bounded cost of wrong labels.
    Not for: many classes or a cold start; its slope fades where it is surely wrong.

    Args:
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), from 0 to 2.

    Raises:
        ValueError: as `CategoricalLoss` does.

    >>> float(BrierLoss()(ops.array([1]), ops.array([[0.0, 0.0]])))
    0.5
    """

    def per_sample(self, target, logits):  # noqa: D102
        return ops.sum(ops.square(target - ops.softmax(logits)), axis=-1)
