"""CRPS of a Gaussian. Gneiting & Raftery 2007, doi:10.1198/016214506000001437."""

from math import pi, sqrt

import keras
from keras import ops

from kerazoo.losses._regression import VarianceLoss, safe_exp


@keras.saving.register_keras_serializable(package="kerazoo")
class GaussianCRPSLoss(VarianceLoss):
    """Learn a mean and a spread, in the target's own unit and kinder to outliers.

    With the predicted mean m, the standard deviation s = exp(log_variance / 2) and
    z = (y_true - m) / s a target costs s * (z * (2 * Phi(z) - 1) + 2 * phi(z) -
    1 / sqrt(pi)), Phi and phi being the standard normal distribution and density: the
    absolute error of a whole distribution. An outlier costs its distance, where the
    likelihood charges its square.

    Task: regression.
    For: a mean and a spread in the target's unit, with some outliers.
    Not for: skewed spreads, or several likely answers.

    Args:
        min_variance: variances are not taken below it, above 0, in the target's unit
            squared.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, 2 * targets): the means of all targets, in their own unit,
            then the logs of all variances.
        before reduction: (batch, …), in the target's own unit.

    Raises:
        ValueError: min_variance not above 0, or shapes that do not fit.

    >>> loss = GaussianCRPSLoss()  # (sqrt(2) - 1) / sqrt(pi)
    >>> round(float(loss(ops.array([3.0]), ops.array([[3.0, 0.0]]))), 4)
    0.2337
    """

    def per_bounded(self, r, log_variance):  # noqa: D102
        s = safe_exp(0.5 * log_variance, self.dtype)
        z = r / s
        density = ops.exp(-0.5 * ops.square(z)) * sqrt(2 / pi)
        return s * (z * ops.erf(z / sqrt(2)) + density - 1 / sqrt(pi))
