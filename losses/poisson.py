"""Poisson likelihood. McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6."""

import keras

from kerazoo.losses._regression import MeanLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class PoissonLoss(MeanLoss):
    """Learn the mean of counts, whose variance is their mean.

    With the predicted mean m a target costs m - y_true * log(m); what does not depend
    on the prediction is left out, and the value may be below 0. Keras's class takes
    means only, as log_mean=False does here.

    Task: regression.
    For: counts and rates, such as arrivals or clicks, without extra spread.
    Not for: counts that vary more: see `negative_binomial`.

    Args:
        log_mean: True where y_pred is the log of the mean, any number, from a model
            without a last activation; False where it is the mean itself, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: as y_true; logs of means, or means in the target's own unit.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a visible label below 0, a visible mean below 0 where log_mean is
            False, or shapes that cannot be aligned.

    >>> float(PoissonLoss()(ops.array([2.0]), ops.array([[0.0]])))  # a mean of 1
    1.0
    """

    def per_log_mean(self, y_true, log_mean):  # noqa: D102
        return self.exp(log_mean) - y_true * log_mean
