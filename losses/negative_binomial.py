"""Negative binomial likelihood. Hilbe 2011, doi:10.1017/CBO9780511973420."""

import keras
from keras import ops

from kerazoo.losses._regression import (
    HeadLoss,
    check_labels,
    log_gamma,
    stirling_rest,
)


@keras.saving.register_keras_serializable(package="kerazoo")
class NegativeBinomialLoss(HeadLoss):
    """Learn the mean and the spread of counts that vary more than Poisson's.

    With the mean m, the dispersion a and n = 1 / a a target costs -log(gamma(y + n) /
    (gamma(n) * gamma(y + 1)) * (n / (n + m)) ** n * (m / (n + m)) ** y); the variance
    is m + a * m ** 2. Dispersions are kept within exp(-8) and exp(8), the lowest of
    which is nearly `PoissonLoss`.

    Task: regression.
    For: sales, visits and other counts whose variance is above their mean.
    Not for: amounts that are no counts, or counts with an upper limit.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, 2 * targets): the logs of all means, then those of all
            dispersions.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a visible label below 0, or shapes that do not fit.

    >>> loss = NegativeBinomialLoss()  # with a mean and a dispersion of 1: log(2)
    >>> round(float(loss(ops.array([0.0]), ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    def per_target(self, y_true, log_mean, log_dispersion):  # noqa: D102
        log_n = -ops.clip(log_dispersion, -8.0, 8.0)
        n = ops.exp(log_n)
        ways = log_ways(y_true, n)
        # Of two large numbers the difference would be noise: log((n + m) / n).
        value = n * ops.softplus(log_mean - log_n)
        value += y_true * ops.softplus(log_n - log_mean)
        return value - ops.cast(ways, self.dtype)

    def check(self, y_true, y_pred):  # noqa: D102
        check_labels(y_true, 0, "0 or more")


def log_ways(y, n):
    """Return log(gamma(y + n) / (gamma(n) * gamma(y + 1))), in float32 or finer.

    The gammas of two large numbers are divided before logarithms are taken, whose
    difference would be noise: by Stirling's formula, 8 further on.
    """
    if keras.backend.standardize_dtype(y.dtype) in ("float16", "bfloat16"):
        y, n = ops.cast(y, "float32"), ops.cast(n, "float32")
    large, small = ops.maximum(y + 1.0, n), ops.minimum(y + 1.0, n)
    total, z, step = y + n, large + 8.0, small - 1.0
    below = total / large
    for k in range(1, 8):
        below *= (total + k) / (large + k)
    ratio = (z - 0.5) * ops.log1p(step / z) + step * (ops.log(z + step) - 1.0)
    ratio += stirling_rest(z + step) - stirling_rest(z) - ops.log(below)
    return ratio - log_gamma(small)
