"""Pinball (quantile) loss. Koenker & Bassett 1978, doi:10.2307/1913643."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._regression import QuantileLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class PinballLoss(QuantileLoss):
    """Charge under- and over-prediction unequally, so that a model learns a quantile.

    With r = y_true - y_pred a target costs max(q * r, (q - 1) * r); several quantiles
    cost their mean, plus crossing_penalty * the mean over neighbouring quantiles of
    max(lower - upper, 0).

    Task: regression.
    For: quantiles and intervals, or unequal costs of too high and too low.
    Not for: means, or quantiles beyond which hardly a label lies.

    Args:
        quantile: q, strictly between 0 and 1, or an ascending list of such numbers;
            None for tau, or for 0.5, which is half the absolute error.
        tau: tensorflow-addons' name of quantile, in place of it; kept as quantile.
        **kwargs: `crossing_penalty` of `QuantileLoss`, 0 lets quantiles cross; `name`,
            `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, quantiles * targets), in the target's own unit: all targets
            of the first quantile, then of the next.
        before reduction: (batch, …), in the same unit.

    Raises:
        ValueError: a quantile outside (0, 1), a list that does not ascend, both
            quantile and tau, a crossing_penalty below 0, or shapes that do not fit.

    >>> float(PinballLoss(0.75)(ops.array([[10.0]]), ops.array([[8.0]])))
    1.5
    >>> loss = PinballLoss([0.25, 0.75])
    >>> float(loss(ops.array([10.0]), ops.array([[8.0, 12.0]])))  # half of 0.5 + 0.5
    0.5
    """

    def __init__(self, quantile=None, tau=None, **kwargs):
        given = [q for q in (quantile, tau) if q is not None]
        rule = "one number, and the other left out"
        require(len(given) < 2, "(quantile, tau)", rule, (quantile, tau))
        super().__init__(given[0] if given else 0.5, **kwargs)
        self.tau = None

    def per_level(self, r, q):  # noqa: D102
        return ops.maximum(q * r, (q - 1.0) * r)
