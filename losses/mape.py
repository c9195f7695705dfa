"""Mean absolute percentage error. doi:10.1016/j.ijforecast.2006.03.001."""

import keras

from kerazoo.losses._base import BaseLoss, align


@keras.saving.register_keras_serializable(package="kerazoo")
class MAPELoss(BaseLoss):
    """Charge errors by their share of the label, in per cent.

    A target costs 100 * abs(y_true - y_pred) / max(abs(y_true), 1e-7), by Keras's own
    function, with labels and predictions aligned first, as in `MSELoss`. Predictions
    come out too low.

    Task: regression.
    For: forecasts judged by per cent, of labels well above 0.
    Not for: labels near 0, which outweigh all: see `msle`, `gamma_deviance`.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in per cent.

    Raises:
        ValueError: shapes that cannot be aligned.

    >>> float(MAPELoss()(ops.array([4.0, 10.0]), ops.array([[5.0], [10.0]])))
    12.5
    """

    def call(self, y_true, y_pred):  # noqa: D102
        return keras.losses.mean_absolute_percentage_error(*align(y_true, y_pred))
