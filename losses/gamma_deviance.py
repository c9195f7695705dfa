"""Gamma deviance. McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6."""

import keras
from keras import ops

from kerazoo.losses._regression import MeanLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class GammaDevianceLoss(MeanLoss):
    """Learn the mean of amounts above 0 whose spread grows with them.

    With the predicted mean m a target costs 2 * (log(m / y_true) + y_true / m - 1): the
    same for 1 against 2 as for 1000 against 2000.

    Task: regression.
    For: amounts above 0 that are judged by their ratio, such as prices.
    Not for: labels of 0 (see `tweedie_deviance`) or below.

    Args:
        log_mean: True where y_pred is the log of the mean, any number, from a model
            without a last activation; False where it is the mean itself, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: as y_true; logs of means, or means in the target's own unit.
        before reduction: (batch, …), without a unit.

    Raises:
        ValueError: a visible label that is not above 0, a visible mean below 0 where
            log_mean is False, or shapes that cannot be aligned.

    >>> loss = GammaDevianceLoss(log_mean=False)  # 2 * (log(2) + 0.5 - 1)
    >>> round(float(loss(ops.array([1.0]), ops.array([[2.0]]))), 4)
    0.3863
    """

    above, labels = True, "above 0"

    def per_log_mean(self, y_true, log_mean):  # noqa: D102
        ratio = y_true * self.exp(-log_mean)
        return 2.0 * (log_mean - ops.log(y_true) + ratio - 1.0)
