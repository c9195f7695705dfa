"""Evidential regression. Amini et al. 2020, arXiv:1910.02600."""

from math import log, pi

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._regression import HeadLoss, log_gamma


@keras.saving.register_keras_serializable(package="kerazoo")
class EvidentialLoss(HeadLoss):
    """Learn a mean, the noise of the labels, and how much the model has seen of it.

    Four numbers a target give the mean g and, by a softplus, v, a - 1 and b of a
    normal-inverse-gamma distribution. With w = 2 * b * (1 + v) a target costs log(pi /
    v) / 2 - a * log(w) + (a + 1 / 2) * log(v * (y_true - g) ** 2 + w) + log(gamma(a) /
    gamma(a + 1 / 2)), plus coefficient * abs(y_true - g) * (2 * v + a). The noise is
    b / (a - 1), the doubt about the mean b / (v * (a - 1)).

    Task: regression.
    For: noise and the model's own doubt told apart, without an ensemble.
    Not for: doubt to be taken at face value: its size hangs on coefficient.

    Args:
        coefficient: the paper's lambda, the weight of evidence for wrong answers, at
            least 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, 4 * targets): all means, in the target's own unit, then all
            v, all a and all b before their softplus.
        before reduction: (batch, …).

    Raises:
        ValueError: coefficient below 0, or shapes that do not fit.

    >>> y_pred = ops.array([[3.0, 0.0, 0.0, 0.0]])
    >>> round(float(EvidentialLoss()(ops.array([3.0]), y_pred)), 4)
    0.9918
    """

    num_numbers = 4

    def __init__(self, coefficient=0.01, **kwargs):
        super().__init__(**kwargs)
        require(coefficient >= 0, "coefficient", "at least 0", coefficient)
        self.coefficient = coefficient

    def per_target(self, y_true, mean, v, a, b):  # noqa: D102
        # A softplus far below 0 is 0, of which there is no logarithm.
        v, a, b = (ops.softplus(x) + 1e-6 for x in (v, a, b))
        a, r = a + 1.0, y_true - mean
        w = 2.0 * b * (1.0 + v)
        ratio = ops.cast(log_gamma(a) - log_gamma(a + 0.5), self.dtype)
        value = 0.5 * (log(pi) - ops.log(v)) - a * ops.log(w) + ratio
        value += (a + 0.5) * ops.log(v * ops.square(r) + w)
        return value + self.coefficient * ops.abs(r) * (2.0 * v + a)
