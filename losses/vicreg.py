"""VICReg. Bardes et al. 2022, arXiv:2105.04906."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, require
from kerazoo.losses._metric import require_two_views


@keras.saving.register_keras_serializable(package="kerazoo")
class VICRegLoss(BaseLoss):
    """Bring two views together while each feature varies and says something of its own.

    A sample costs invariance * the mean over features of its squared difference, plus
    for its batch variance * the mean of max(1 - deviation, 0) over the features of both
    views, plus covariance * the sum over views of the squared covariances between
    features over their number. These are the weights of the authors' code, where the
    paper sums the differences and adds up the variances of both views.

    Task: metric learning.
    For: pre-training an encoder without labels, in batches of any size.
    Not for: small embeddings, whose features it makes independent; use nt_xent.

    Args:
        invariance: the weight of the difference of the views, at least 0.
        variance: the weight of the hinge on the deviation of a feature, at least 0.
        covariance: the weight of the covariances, at least 0.
        epsilon: added to variances before the root, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: anything of the batch's length; it is not looked at.
        y_pred: (batch, 2, features), not normalised. A model with two inputs ends in
            `ops.stack([encoder(a), encoder(b)], axis=1)`.
        before reduction: (batch,), the cost of each sample and its batch.

    Raises:
        ValueError: a weight below 0, epsilon not above 0, or y_pred without two views.

    >>> loss = VICRegLoss()  # equal views; no feature varies: 25 * (1 - sqrt(1e-4))
    >>> round(float(loss(ops.zeros(2), ops.ones((2, 2, 4)))), 4)
    24.75
    """

    def __init__(
        self, invariance=25.0, variance=25.0, covariance=1.0, epsilon=1e-4, **kwargs
    ):
        super().__init__(**kwargs)
        require(invariance >= 0, "invariance", "at least 0", invariance)
        require(variance >= 0, "variance", "at least 0", variance)
        require(covariance >= 0, "covariance", "at least 0", covariance)
        require(epsilon > 0, "epsilon", "above 0", epsilon)
        self.invariance = invariance
        self.variance = variance
        self.covariance = covariance
        self.epsilon = epsilon

    def call(self, y_true, y_pred):  # noqa: D102
        first, second = require_two_views(y_pred)
        values = self.invariance * ops.mean(ops.square(first - second), axis=-1)
        for view in (first, second):
            view = view - ops.mean(view, axis=0)
            # One sample has no variance; its 0 stays 0.
            freedom = ops.maximum(ops.cast(ops.shape(view)[0], view.dtype) - 1, 1.0)
            spread = ops.sum(ops.square(view), axis=0) / freedom
            hinge = ops.relu(1 - ops.sqrt(spread + self.epsilon))
            values = values + self.variance * ops.mean(hinge) / 2
            shared = ops.matmul(ops.transpose(view), view) / freedom
            shared = shared * (1 - ops.eye(view.shape[-1], dtype=view.dtype))
            size = view.shape[-1]
            values = values + self.covariance * ops.sum(ops.square(shared)) / size
        return values
