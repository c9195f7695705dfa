"""Student-t likelihood. Lange et al. 1989, doi:10.2307/2290063."""

from math import lgamma, log, pi

import keras
from keras import ops

from kerazoo.losses._regression import VarianceLoss, positive, safe_exp


@keras.saving.register_keras_serializable(package="kerazoo")
class StudentTNLLLoss(VarianceLoss):
    """Learn a centre and a spread under heavy tails, so that outliers pull little.

    With the predicted centre m, s = log(scale ** 2) and n degrees of freedom a target
    costs -log of the density of Student's t: (n + 1) / 2 * log(1 + (y_true - m) ** 2 /
    (n * exp(s))) + s / 2 plus a constant that completes the density.

    Task: regression.
    For: a centre and a spread for each target, under noise with outliers.
    Not for: spreads read as standard deviations: its scale is smaller.

    Args:
        degrees_of_freedom: n, above 0; 1 is the Cauchy distribution, from about 30 on
            it is nearly `GaussianNLLLoss`.
        **kwargs: `min_variance` of `VarianceLoss`, the least scale ** 2; `name`,
            `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, 2 * targets): the centres of all targets, in their own unit,
            then the logs of all squared scales.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: an argument not above 0, or shapes that do not fit.

    >>> loss = StudentTNLLLoss(1.0)  # log(pi) + log(2)
    >>> round(float(loss(ops.array([3.0]), ops.array([[2.0, 0.0]]))), 4)
    1.8379
    """

    def __init__(self, degrees_of_freedom=5.0, **kwargs):
        super().__init__(**kwargs)
        positive("degrees_of_freedom", degrees_of_freedom)
        self.degrees_of_freedom = degrees_of_freedom

    def per_bounded(self, r, log_variance):  # noqa: D102
        n = self.degrees_of_freedom
        constant = lgamma(n / 2) - lgamma((n + 1) / 2) + 0.5 * log(n * pi)
        z = ops.square(r) * safe_exp(-log_variance, self.dtype) / n
        return constant + 0.5 * log_variance + 0.5 * (n + 1) * ops.log1p(z)
