"""Dice loss. Milletari et al. 2016, arXiv:1606.04797."""

import keras

from kerazoo.losses._overlap import OverlapLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class DiceLoss(OverlapLoss):
    """Charge what two regions do not share, whatever their size.

    With target shares q and probabilities p, summed over the positions of a sample, a
    class costs 1 - (2 * sum(p * q) + smooth) / (sum(p) + sum(q) + smooth); a sample
    costs the mean over its classes. Keras's takes probabilities, and one fraction for
    the whole batch.

    Task: overlap.
    For: regions that are small against the background.
    Not for: maps often without a region, where one false pixel costs much.

    Args:
        smooth: added to both sides of the fraction, at least 0.
        **kwargs: `from_logits` of `MapLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits; one class is foreground.
        before reduction: (batch,).

    Raises:
        ValueError: as `OverlapLoss` does.

    >>> loss = DiceLoss(smooth=0.0, from_logits=False)  # 1 - 2 * 0.5 / (1 + 1)
    >>> y_true, y_pred = ops.array([[[1.0], [0.0]]]), ops.array([[[0.5], [0.5]]])
    >>> float(loss(y_true, y_pred))
    0.5
    """

    def per_class(self, hits, false_alarms, misses):  # noqa: D102
        return self.missing_share(2 * hits, false_alarms + misses)
