"""Expectile loss (asymmetric least squares). doi:10.2307/1911031."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._regression import ResidualLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class ExpectileLoss(ResidualLoss):
    """Charge squares of under- and over-prediction unequally.

    With r = y_true - y_pred a target costs abs(t - (r < 0)) * r ** 2: what a quantile
    is to the median, an expectile is to the mean (Newey & Powell 1987).

    Task: regression.
    For: one-sided risk in which the size of a miss counts, not its chance.
    Not for: outliers, which it squares, or quantiles: see `pinball`.

    Args:
        expectile: t, strictly between 0 and 1; 0.5 is half the squared error.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's unit squared.

    Raises:
        ValueError: expectile outside (0, 1), or shapes that cannot be aligned.

    >>> float(ExpectileLoss(0.75)(ops.array([[10.0]]), ops.array([[8.0]])))
    3.0
    """

    def __init__(self, expectile=0.5, **kwargs):
        super().__init__(**kwargs)
        require(0 < expectile < 1, "expectile", "strictly between 0 and 1", expectile)
        self.expectile = expectile

    def per_residual(self, r):  # noqa: D102
        square = ops.square(r)
        over = (1.0 - self.expectile) * square
        return ops.where(r < 0, over, self.expectile * square)
