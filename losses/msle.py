"""Mean squared logarithmic error: Keras's own."""

import keras

from kerazoo.losses._base import align
from kerazoo.losses._regression import PositiveLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class MSLELoss(PositiveLoss):
    """Charge errors by their ratio, under-prediction harder, for labels from 0 up.

    A target costs (log(1 + y_true) - log(1 + y_pred)) ** 2, by Keras's own function,
    with labels and predictions aligned first, as in `MSELoss`. Predictions below 0
    count as 0 and have no slope: end the model in a softplus.

    Task: regression.
    For: labels from 0 up over several powers of ten, judged by ratio.
    Not for: labels below 0; between 0 and 1 it is about the squared error.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), without a unit.

    Raises:
        ValueError: a visible label below 0, or shapes that cannot be aligned.

    >>> round(float(MSLELoss()(ops.array([1.0]), ops.array([[3.0]]))), 4)  # log(2) ** 2
    0.4805
    """

    def call(self, y_true, y_pred):  # noqa: D102
        return keras.losses.mean_squared_logarithmic_error(*align(y_true, y_pred))
