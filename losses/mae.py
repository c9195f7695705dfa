"""Mean absolute error (least absolute deviations). Laplace 1774."""

import keras

from kerazoo.losses._base import BaseLoss, align


@keras.saving.register_keras_serializable(package="kerazoo")
class MAELoss(BaseLoss):
    """Charge errors by their size, so that a model learns the median.

    A target costs abs(y_true - y_pred), by Keras's own function. Labels and predictions
    are aligned first, as in `MSELoss`.

    Task: regression.
    For: the median, where no outlier should pull harder than another label.
    Not for: totals of skewed targets, which a median misses.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's own unit.

    Raises:
        ValueError: shapes that cannot be aligned.

    >>> float(MAELoss()(ops.array([3.0, 5.0]), ops.array([[1.0], [5.0]])))
    1.0
    """

    def call(self, y_true, y_pred):  # noqa: D102
        return keras.losses.mean_absolute_error(*align(y_true, y_pred))
