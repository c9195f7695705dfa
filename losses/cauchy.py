"""Cauchy (Lorentzian) loss. Black & Anandan 1996, doi:10.1006/cviu.1996.0006."""

import keras
from keras import ops

from kerazoo.losses._regression import ResidualLoss, positive


@keras.saving.register_keras_serializable(package="kerazoo")
class CauchyLoss(ResidualLoss):
    """Charge outliers by the log of their size: twice as far costs a constant more.

    With r = y_true - y_pred a target costs scale ** 2 / 2 * log(1 + (r / scale) ** 2),
    about r ** 2 / 2 near 0. The further out a label lies the less it pulls.

    Task: regression.
    For: heavy tails, where the further out a label lies the less it should pull.
    Not for: large values that matter, or a start far off: it is not convex.

    Args:
        scale: the error from which pulling grows weaker, above 0, in the target's own
            unit.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's unit squared.

    Raises:
        ValueError: scale not above 0, or shapes that cannot be aligned.

    >>> round(float(CauchyLoss(2.0)(ops.array([2.0]), ops.array([[0.0]]))), 4)
    1.3863
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        positive("scale", scale)
        self.scale = scale

    def per_residual(self, r):  # noqa: D102
        z = ops.square(r / self.scale)
        return 0.5 * self.scale**2 * ops.log1p(z)
