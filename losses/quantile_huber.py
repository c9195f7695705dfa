"""Quantile Huber loss. Dabney et al. 2018, arXiv:1710.10044."""

import keras
from keras import ops

from kerazoo.losses._regression import QuantileLoss, positive


@keras.saving.register_keras_serializable(package="kerazoo")
class QuantileHuberLoss(QuantileLoss):
    """Learn quantiles as `PinballLoss` does, smoothly around the label.

    With r = y_true - y_pred a target costs abs(q - (r < 0)) times Huber's loss of r,
    divided by delta; a delta towards 0 gives the pinball loss. Several quantiles cost
    their mean (the paper sums them), plus the penalty of `PinballLoss`.

    Task: regression.
    For: quantiles by a smooth loss, as in distributional reinforcement learning.
    Not for: exact quantiles: a wide delta makes expectiles of them.

    Args:
        quantile: q, strictly between 0 and 1, or an ascending list of such numbers.
        delta: the paper's kappa: where the square turns into a line, above 0, in the
            target's own unit.
        **kwargs: `crossing_penalty` of `QuantileLoss`, 0 lets quantiles cross; `name`,
            `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        as `PinballLoss`; before reduction: (batch, …), in the target's own unit.

    Raises:
        ValueError: delta not above 0, and as `PinballLoss` does.

    >>> loss = QuantileHuberLoss(0.75, delta=2.0)  # 0.75 * (2 ** 2 / 2) / 2
    >>> float(loss(ops.array([[10.0]]), ops.array([[8.0]])))
    0.75
    """

    def __init__(self, quantile=0.5, delta=1.0, **kwargs):
        super().__init__(quantile, **kwargs)
        positive("delta", delta)
        self.delta = delta

    def per_level(self, r, q):  # noqa: D102
        size = ops.abs(r)
        near = ops.minimum(size, self.delta)
        huber = near * (size - 0.5 * near) / self.delta
        return ops.where(r < 0, (1.0 - q) * huber, q * huber)
