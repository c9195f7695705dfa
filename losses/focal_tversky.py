"""Focal Tversky loss. Abraham and Khan 2018, arXiv:1810.07842."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses.tversky import TverskyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class FocalTverskyLoss(TverskyLoss):
    """Bend the Tversky loss, so that small hard regions or easy ones count more.

    A class costs its Tversky loss to the power of gamma; a sample costs the mean over
    its classes.

    Task: overlap.
    For: small regions that are hard to find, at a chosen price of misses.
    Not for: a first try: it has three numbers to tune, `dice` none.

    Args:
        gamma: the power, above 0; the paper's 3 / 4 keeps the last errors in sight,
            above 1 stresses classes that are far off.
        **kwargs: `alpha`, `beta` of `TverskyLoss`; `smooth`, `from_logits` of
            `OverlapLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits; one class is foreground.
        before reduction: (batch,).

    Raises:
        ValueError: gamma not above 0, and as `TverskyLoss` does.

    >>> loss = FocalTverskyLoss(2.0, alpha=0.5, beta=0.5, smooth=0.0, from_logits=False)
    >>> y_true, y_pred = ops.array([[[1.0], [0.0]]]), ops.array([[[0.5], [0.5]]])
    >>> float(loss(y_true, y_pred))
    0.25
    """

    def __init__(self, gamma=0.75, **kwargs):
        super().__init__(**kwargs)
        require(gamma > 0, "gamma", "above 0", gamma)
        self.gamma = gamma

    def per_class(self, hits, false_alarms, misses):  # noqa: D102
        cost = super().per_class(hits, false_alarms, misses)
        # Off 0, where a power below 1 would have no finite gradient.
        return ops.maximum(cost, keras.config.epsilon()) ** self.gamma
