"""Beta-NLL. Seitzer et al. 2022, arXiv:2203.09168."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._regression import VarianceLoss, safe_exp


@keras.saving.register_keras_serializable(package="kerazoo")
class BetaNLLLoss(VarianceLoss):
    """Learn a mean and a variance, without leaving targets that fit badly behind.

    With the predicted mean m and s = log(variance) a target costs w * (s +
    (y_true - m) ** 2 / exp(s)) / 2, where w = exp(beta * s) is taken as a constant by
    the gradient. `GaussianNLLLoss` calls a badly fitted target uncertain, and so learns
    its mean ever more slowly. As in the authors' code the constant of the likelihood is
    left out.

    Task: regression.
    For: a mean and its uncertainty, where plain likelihood fits the mean badly.
    Not for: comparing likelihoods: its values are those of no density.

    Args:
        beta: in [0, 1]; 0 is the likelihood, 1 learns means as squared errors do.
        **kwargs: `min_variance` of `VarianceLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, 2 * targets): the means of all targets, in their own unit,
            then the logs of all variances.
        before reduction: (batch, …).

    Raises:
        ValueError: beta outside [0, 1], and as `GaussianNLLLoss` does.

    >>> float(BetaNLLLoss()(ops.array([3.0]), ops.array([[1.0, 0.0]])))
    2.0
    """

    def __init__(self, beta=0.5, **kwargs):
        super().__init__(**kwargs)
        require(0 <= beta <= 1, "beta", "in [0, 1]", beta)
        self.beta = beta

    def per_bounded(self, r, log_variance):  # noqa: D102
        weight = ops.stop_gradient(safe_exp(self.beta * log_variance, self.dtype))
        precision = safe_exp(-log_variance, self.dtype)
        return 0.5 * weight * (log_variance + ops.square(r) * precision)
