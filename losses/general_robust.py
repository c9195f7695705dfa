"""General robust loss. Barron 2019, arXiv:1701.03077."""

import keras
import numpy as np
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._regression import ResidualLoss, positive


@keras.saving.register_keras_serializable(package="kerazoo")
class GeneralRobustLoss(ResidualLoss):
    """Choose by one number how much outliers count.

    With z = ((y_true - y_pred) / scale) ** 2 and b = abs(alpha - 2) a target costs
    b / alpha * ((z / b + 1) ** (alpha / 2) - 1), and its limits: z / 2 at alpha 2,
    log(z / 2 + 1) at 0 (Cauchy), 1 - exp(-z / 2) at -inf (Welsch). 1 is a smoothed
    absolute error, -2 Geman-McClure. alpha is fixed, not learned.

    Task: regression.
    For: finding by a search over alpha how much outliers should pull.
    Not for: errors of unknown size: scale decides what is far out.

    Args:
        alpha: at most 2; the lower, the less outliers count.
        scale: the paper's c: errors below are squared, above 0, in the target's unit.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), without a unit.

    Raises:
        ValueError: alpha above 2 or not a number, scale not above 0, or shapes that
            cannot be aligned.

    >>> loss = GeneralRobustLoss(1.0)  # sqrt(8 + 1) - 1
    >>> round(float(loss(ops.array([8.0**0.5]), ops.array([[0.0]]))), 4)
    2.0
    """

    def __init__(self, alpha=1.0, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        require(alpha <= 2, "alpha", "a number, at most 2", alpha)
        positive("scale", scale)
        self.alpha = alpha
        self.scale = scale

    def per_residual(self, r):  # noqa: D102
        z = ops.square(r / self.scale)
        if self.alpha == -np.inf:
            return -ops.expm1(-0.5 * z)
        b = abs(self.alpha - 2.0)
        if b < 1e-6:
            return 0.5 * z
        if abs(self.alpha) < 1e-6:
            return ops.log1p(0.5 * z)
        power = 0.5 * self.alpha * ops.log1p(z / b)
        return b / self.alpha * ops.expm1(power)
