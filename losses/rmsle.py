"""Root mean squared logarithmic error over the batch."""

import keras
from keras import ops

from kerazoo.losses._regression import PositiveLoss
from kerazoo.losses.rmse import RMSELoss


@keras.saving.register_keras_serializable(package="kerazoo")
class RMSLELoss(RMSELoss, PositiveLoss):
    """Charge a batch the root of its `MSLELoss`.

    As `RMSELoss`, with log(1 + y_true) and log(1 + y_pred). Predictions below 0 count
    as 0 and have no slope: end the model in a softplus.

    Task: regression.
    For: scores by this very measure: labels from 0 up, judged by ratio.
    Not for: labels below 0, or batches of a few samples.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), without a unit.

    Raises:
        ValueError: a visible label below 0, or shapes that cannot be aligned.

    >>> round(float(RMSLELoss()(ops.array([1.0]), ops.array([[3.0]]))), 4)  # log(2)
    0.6931
    """

    def per_target(self, y_true, y_pred):  # noqa: D102
        return ops.log1p(y_true) - ops.log1p(ops.maximum(y_pred, 0.0))
