"""Huber loss: Keras's own. Huber 1964, doi:10.1214/aoms/1177703732."""

import keras

from kerazoo.losses._base import BaseLoss, align
from kerazoo.losses._regression import positive


@keras.saving.register_keras_serializable(package="kerazoo")
class HuberLoss(BaseLoss):
    """Charge small errors by the square, and outliers by their size only.

    With r = y_true - y_pred a target costs r ** 2 / 2 up to abs(r) = delta, and
    delta * (abs(r) - delta / 2) beyond: Keras's own function, with labels and
    predictions aligned first, as in `MSELoss`.

    Task: regression.
    For: numbers with some outliers, where the usual size of an error is known.
    Not for: outliers that matter, or a delta that does not fit the unit.

    Args:
        delta: the largest error that is no outlier, above 0, in the target's own unit.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's unit squared.

    Raises:
        ValueError: delta not above 0, or shapes that cannot be aligned.

    >>> float(HuberLoss(2.0)(ops.array([1.0, 5.0]), ops.array([0.0, 0.0])))
    4.25
    """

    def __init__(self, delta=1.0, **kwargs):
        super().__init__(**kwargs)
        positive("delta", delta)
        self.delta = delta

    def call(self, y_true, y_pred):  # noqa: D102
        return keras.losses.huber(*align(y_true, y_pred), delta=self.delta)
