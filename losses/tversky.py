"""Tversky loss. Salehi et al. 2017, arXiv:1706.05721."""

import keras

from kerazoo.losses._base import require
from kerazoo.losses._overlap import OverlapLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class TverskyLoss(OverlapLoss):
    """Charge false alarms and misses of a region unequally.

    With the hits TP, false alarms FP and misses FN of a class, summed over the
    positions of a sample, the class costs
    1 - (TP + smooth) / (TP + alpha * FP + beta * FN + smooth); a sample costs the mean
    over its classes. Both at 0.5 are Dice, both at 1 the Jaccard index. In Keras 3.15's
    alpha weighs the misses, against its own documentation.

    Task: overlap.
    For: regions whose misses and false alarms have unequal prices.
    Not for: equal prices, for which `dice` has nothing to tune.

    Args:
        alpha: the weight of false alarms, at least 0.
        beta: the weight of misses, at least 0.
        smooth: added to both sides of the fraction, at least 0.
        **kwargs: `from_logits` of `MapLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits; one class is foreground.
        before reduction: (batch,).

    Raises:
        ValueError: a weight below 0, and as `OverlapLoss` does.

    >>> loss = TverskyLoss(0.25, 0.75, smooth=0.0, from_logits=False)
    >>> y_true, y_pred = ops.array([[[1.0], [0.0]]]), ops.array([[[0.5], [0.5]]])
    >>> float(loss(y_true, y_pred))  # 1 - 0.5 / (0.5 + 0.125 + 0.375)
    0.5
    """

    def __init__(self, alpha=0.3, beta=0.7, **kwargs):
        super().__init__(**kwargs)
        require(alpha >= 0, "alpha", "at least 0", alpha)
        require(beta >= 0, "beta", "at least 0", beta)
        self.alpha = alpha
        self.beta = beta

    def per_class(self, hits, false_alarms, misses):  # noqa: D102
        return self.missing_share(hits, self.alpha * false_alarms + self.beta * misses)
