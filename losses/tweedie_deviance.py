"""Tweedie deviance. Jørgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._regression import MeanLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class TweedieDevianceLoss(MeanLoss):
    """Learn the mean of amounts of which many are exactly 0, such as claims or rain.

    With the predicted mean m and the power p a target costs 2 * (y_true ** (2 - p) /
    ((1 - p) * (2 - p)) - y_true * m ** (1 - p) / (1 - p) + m ** (2 - p) / (2 - p)).

    Task: regression.
    For: the mean where many labels are exactly 0 and the rest is skewed.
    Not for: labels below 0, or zeros that have a cause of their own.

    Args:
        power: p, strictly between 1 and 2; the variance is in proportion to m ** p. At
            0, 1 and 2 stand `mse`, `poisson` and `gamma_deviance`.
        log_mean: True where y_pred is the log of the mean, any number, from a model
            without a last activation; False where it is the mean itself, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: as y_true; logs of means, or means in the target's own unit.
        before reduction: (batch, …).

    Raises:
        ValueError: power outside (1, 2), a visible label below 0, a visible mean below
            0 where log_mean is False, or shapes that cannot be aligned.

    >>> float(TweedieDevianceLoss()(ops.array([0.0]), ops.array([[0.0]])))
    4.0
    """

    def __init__(self, power=1.5, **kwargs):
        super().__init__(**kwargs)
        rule = "strictly between 1 and 2 (0 is mse, 1 poisson, 2 gamma_deviance)"
        require(1 < power < 2, "power", rule, power)
        self.power = power

    def per_log_mean(self, y_true, log_mean):  # noqa: D102
        a, b = 1.0 - self.power, 2.0 - self.power
        least = ops.power(y_true, b) / (a * b)
        at_mean = self.exp(b * log_mean) / b - y_true * self.exp(a * log_mean) / a
        return 2.0 * (least + at_mean)
