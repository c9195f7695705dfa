"""Balanced MSE (batch-based Monte Carlo). Ren et al. 2022, arXiv:2203.16427."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, align
from kerazoo.losses._regression import positive


@keras.saving.register_keras_serializable(package="kerazoo")
class BalancedMSELoss(BaseLoss):
    """Learn rare labels as well as frequent ones.

    With v = noise_scale ** 2 and the squared distances d_j from a prediction to the
    labels of all samples of its batch sample i costs d_i + 2 * v * log(sum(exp(-d_j /
    (2 * v)))): to find its own label among those of the batch. Predictions suit labels
    that are evenly spread, as balanced test data are. noise_scale is fixed, where the
    paper may also learn it.

    Task: regression.
    For: numbers whose rare values matter as much as the frequent ones.
    Not for: small batches, or test data as unevenly spread as training data.

    Args:
        noise_scale: the spread of the errors to expect, above 0, in the target's own
            unit; the larger, the further a frequent label pushes.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's unit squared, summed over targets.

    Raises:
        ValueError: noise_scale not above 0, or shapes that cannot be aligned.

    >>> loss = BalancedMSELoss()  # two labels, equally near: 2 * log(2)
    >>> round(float(loss(ops.array([0.0, 2.0]), ops.array([1.0, 1.0]))), 4)
    1.3863
    """

    def __init__(self, noise_scale=1.0, **kwargs):
        super().__init__(**kwargs)
        positive("noise_scale", noise_scale)
        self.noise_scale = noise_scale

    def call(self, y_true, y_pred):  # noqa: D102
        y_true, y_pred = align(y_true, y_pred)
        own = ops.sum(ops.square(y_pred - y_true), axis=-1)
        labels = ops.reshape(y_true, (-1, y_pred.shape[-1]))
        to_each = ops.square(ops.expand_dims(y_pred, -2) - labels)
        twice = 2.0 * self.noise_scale**2
        near = -ops.sum(to_each, axis=-1) / twice
        return own + twice * ops.logsumexp(near, axis=-1)
