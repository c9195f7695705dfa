"""Gaussian likelihood. Nix & Weigend 1994, doi:10.1109/ICNN.1994.374138."""

import keras
from keras import ops

from kerazoo.losses._regression import HALF_LOG_2PI, VarianceLoss, safe_exp


@keras.saving.register_keras_serializable(package="kerazoo")
class GaussianNLLLoss(VarianceLoss):
    """Learn a mean, and how far labels lie from it, for each target.

    With the predicted mean m and s = log(variance) a target costs
    (log(2 * pi) + s + (y_true - m) ** 2 / exp(s)) / 2. The standard deviation of a
    prediction is exp(s / 2).

    Task: regression.
    For: noise that is about normal and differs from sample to sample.
    Not for: outliers (see `student_t_nll`) or badly fitted means (`beta_nll`).

    Args:
        min_variance: variances are not taken below it, above 0, in the target's unit
            squared; take less for targets whose errors are below 0.001.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, 2 * targets): the means of all targets, in their own unit,
            then the logs of all variances.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: min_variance not above 0, or shapes that do not fit.

    >>> loss = GaussianNLLLoss()
    >>> round(float(loss(ops.array([3.0]), ops.array([[3.0, 0.0]]))), 4)
    0.9189
    """

    def per_bounded(self, r, log_variance):  # noqa: D102
        precision = safe_exp(-log_variance, self.dtype)
        return HALF_LOG_2PI + 0.5 * (log_variance + ops.square(r) * precision)
