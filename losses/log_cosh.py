"""Log-cosh loss: Keras's own. Green 1990, doi:10.1109/42.52985."""

import keras

from kerazoo.losses._base import BaseLoss, align


@keras.saving.register_keras_serializable(package="kerazoo")
class LogCoshLoss(BaseLoss):
    """Charge small errors by the square and large ones by their size.

    With r = y_true - y_pred a target costs log(cosh(r)), by Keras's own function, with
    labels and predictions aligned first, as in `MSELoss`: about r ** 2 / 2 near 0 and
    abs(r) - log(2) far from it. It turns at errors of about 1, whatever the unit.

    Task: regression.
    For: targets scaled to a spread of about 1, with some outliers.
    Not for: targets in large units, where it is the absolute error.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), without a unit.

    Raises:
        ValueError: shapes that cannot be aligned.

    >>> round(float(LogCoshLoss()(ops.array([2.0]), ops.array([[1.0]]))), 4)
    0.4338
    """

    def call(self, y_true, y_pred):  # noqa: D102
        return keras.losses.log_cosh(*align(y_true, y_pred))
