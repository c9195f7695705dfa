"""CORAL, consistent rank logits. Cao, Mirjalili and Raschka 2020, arXiv:1901.07884."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, require, seen
from kerazoo.losses._categorical import as_numbers, per_class


def ranks_of(y_true, y_pred):
    """Return ranks as (batch, 1), to be compared with each threshold.

    Raises:
        ValueError: y_true is neither (batch,) nor (batch, 1).
    """
    labels, logits = tuple(y_true.shape), tuple(y_pred.shape)
    good = len(logits) == 2 and labels in (logits[:1], (*logits[:1], 1), (None, 1))
    rule = "(batch,) or (batch, 1) ranks for y_pred (batch, classes - 1)"
    require(good, "y_true", rule, (labels, logits))
    return ops.reshape(y_true, (-1, 1))


@keras.saving.register_keras_serializable(package="kerazoo")
class CoralLoss(BaseLoss):
    """Ask, for ordered classes, once per threshold whether the rank is above it.

    With the logit z_k of "the rank is above k" a sample costs the sum over
    k = 0 … classes - 2 of the binary cross-entropy of z_k. The paper's last layer
    shares its weights between the thresholds and gives each a bias.

    Task: ordinal.
    For: ranks whose answers must agree, from one shared score and its thresholds.
    Not for: classes without an order, or ranks that one score cannot tell apart.

    Args:
        importance: a factor per threshold; None for 1.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), ranks 0 … classes - 1.
        y_pred: (batch, classes - 1), logits; how many are above 0 is the rank.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: a rank out of range, as many factors as there are not thresholds, or
            shapes that cannot be aligned (one-hot labels, as many logits as classes).

    >>> loss = CoralLoss()  # two thresholds, both even odds
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    1.3863
    """

    def __init__(self, importance=None, **kwargs):
        super().__init__(**kwargs)
        self.importance = as_numbers(importance, "importance")

    def call(self, y_true, y_pred):  # noqa: D102
        num_thresholds = y_pred.shape[-1]
        threshold = ops.arange(num_thresholds, dtype=self.dtype)
        values = self.per_threshold(ranks_of(y_true, y_pred), threshold, y_pred)
        if self.importance is not None:
            values *= per_class(
                self.importance, "importance", num_thresholds, self.dtype
            )
        return ops.sum(values, axis=-1)

    def per_threshold(self, rank, threshold, logits):
        """Return the cost of each threshold, (batch, classes - 1)."""
        return ops.softplus(logits) - ops.cast(rank > threshold, self.dtype) * logits

    def check(self, y_true, y_pred):  # noqa: D102
        ranks, highest = seen(y_true), y_pred.shape[-1]
        if ranks is not None:
            wrong = ranks[(ranks < 0) | (ranks > highest) | (ranks % 1 != 0)]
            rule = f"ranks in 0..{highest}, one more than there are logits"
            require(not wrong.size, "y_true", rule, wrong[:1].tolist())
