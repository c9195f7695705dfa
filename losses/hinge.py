"""Hinge loss for yes-or-no labels. Cortes and Vapnik 1995, doi:10.1007/BF00994018."""

import keras
from keras import ops

from kerazoo.losses._base import AlignedLoss, require, seen


@keras.saving.register_keras_serializable(package="kerazoo")
class HingeLoss(AlignedLoss):
    """Charge scores that are not on the right side by a margin of 1.

    With t = 1 for a positive and -1 for a negative label a score s costs
    max(1 - t * s, 0). Keras's gives (batch,) labels one value for the whole batch, so
    that sample weights go wrong; this one gives one a sample.

    Task: classification.
    For: yes-or-no answers by a margin, as a support vector machine gives.
    Not for: probabilities: scores beyond the margin are not told apart.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, labels), or (batch,) for one label; 0 or -1, and 1.
        y_pred: as y_true; scores.
        before reduction: (batch, …).

    Raises:
        ValueError: labels other than -1, 0 and 1, or shapes that cannot be aligned.

    >>> float(HingeLoss()(ops.array([1, 0]), ops.array([0.25, -2.0])))
    0.375
    """

    def per_target(self, y_true, y_pred):  # noqa: D102
        sign = ops.where(y_true > 0, 1.0, -1.0)
        return ops.relu(1.0 - ops.cast(sign, y_pred.dtype) * y_pred)

    def check(self, y_true, y_pred):  # noqa: D102
        labels = seen(y_true)
        if labels is not None:
            wrong = labels[(labels != -1) & (labels != 0) & (labels != 1)]
            require(not wrong.size, "y_true", "-1, 0 or 1", wrong[:1].tolist())
