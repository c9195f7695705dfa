"""Barlow Twins. Zbontar et al. 2021, arXiv:2103.03230."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, require
from kerazoo.losses._metric import require_two_views


@keras.saving.register_keras_serializable(package="kerazoo")
class BarlowTwinsLoss(BaseLoss):
    """Make each feature agree between two views, and with no other feature.

    With C the correlations over the batch between the features of one view and those of
    the other, the batch costs sum((1 - C_ii) ** 2) + redundancy * sum(C_ij ** 2 over
    i != j). Every sample is charged the value of its batch.

    Task: metric learning.
    For: pre-training an encoder without labels, with wide embeddings.
    Not for: batches of a few samples, whose correlations are noise; use nt_xent.

    Args:
        redundancy: the weight of correlations between features, at least 0; lambda in
            the paper.
        epsilon: added to variances before the root, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: anything of the batch's length; it is not looked at.
        y_pred: (batch, 2, features), not normalised. A model with two inputs ends in
            `ops.stack([encoder(a), encoder(b)], axis=1)`.
        before reduction: (batch,), the same value for the whole batch.

    Raises:
        ValueError: redundancy below 0, epsilon not above 0, or y_pred without two
            views.

    >>> loss = BarlowTwinsLoss(redundancy=0.5)  # nothing varies, so C = 0: 4 features
    >>> round(float(loss(ops.zeros(2), ops.ones((2, 2, 4)))), 4)
    4.0
    """

    def __init__(self, redundancy=0.0051, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        require(redundancy >= 0, "redundancy", "at least 0", redundancy)
        require(epsilon > 0, "epsilon", "above 0", epsilon)
        self.redundancy = redundancy
        self.epsilon = epsilon

    def call(self, y_true, y_pred):  # noqa: D102
        first, second = (self.standardize(v) for v in require_two_views(y_pred))
        batch = ops.cast(ops.shape(first)[0], first.dtype)
        correlation = ops.matmul(ops.transpose(first), second) / batch
        own = ops.eye(first.shape[-1], dtype=first.dtype)
        cost = ops.square(correlation - own)
        value = ops.sum(cost * (own + self.redundancy * (1 - own)))
        return value + ops.zeros_like(first[:, 0])

    def standardize(self, view):
        """Return features with mean 0 and variance 1 over the batch."""
        view = view - ops.mean(view, axis=0)
        return view * ops.rsqrt(ops.mean(ops.square(view), axis=0) + self.epsilon)
