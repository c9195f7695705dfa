"""Tukey's biweight loss. Beaton & Tukey 1974, doi:10.2307/1267936."""

import keras
from keras import ops

from kerazoo.losses._regression import ResidualLoss, positive


@keras.saving.register_keras_serializable(package="kerazoo")
class TukeyLoss(ResidualLoss):
    """Charge all outliers the same, so that they do not pull at all.

    With r = y_true - y_pred a target costs c ** 2 / 6 * (1 - (1 - (r / c) ** 2) ** 3)
    up to abs(r) = c, and c ** 2 / 6 beyond, where no slope is left.

    Task: regression.
    For: gross errors in the labels, which should not pull at all.
    Not for: a start far off: begin with another loss, or a model that is near.

    Args:
        c: the error from which a label is ignored, above 0, in the target's unit;
            4.685 times the spread of the errors loses 5 % under normal errors.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's unit squared.

    Raises:
        ValueError: c not above 0, or shapes that cannot be aligned.

    >>> round(float(TukeyLoss(2.0)(ops.array([6.0]), ops.array([[0.0]]))), 4)  # 4 / 6
    0.6667
    """

    def __init__(self, c=4.685, **kwargs):
        super().__init__(**kwargs)
        positive("c", c)
        self.c = c

    def per_residual(self, r):  # noqa: D102
        z = ops.minimum(ops.square(r / self.c), 1.0)
        return self.c**2 / 6 * (1.0 - (1.0 - z) ** 3)
