"""Lifted structured loss. Song et al. 2016, arXiv:1511.06452."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._metric import (
    EmbeddingLoss,
    log_sum_exp,
    pairs,
    pairwise_distances,
    per_anchor_of,
)


@keras.saving.register_keras_serializable(package="kerazoo")
class LiftedStructLoss(EmbeddingLoss):
    """Weigh each pair of one class against all others of both its samples.

    With Euclidean distances d, a pair i, j of one class costs max(J, 0) ** 2 / 2, where
    J = d_ij + log(sum of exp(margin - d) from i and from j to the other classes). The
    batch costs the mean over its pairs. The numbers are those of tensorflow-addons,
    which is NaN without a pair; that costs 0 here.

    Task: metric learning.
    For: retrieval with unnormalised embeddings; several samples a class.
    Not for: embeddings of length 1, where distances differ little; use circle.

    Args:
        margin: how far apart classes should be, at least 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`; the default
            reduction gives the mean over pairs.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings, not normalised.
        before reduction: (batch,), the batch's size times the share of each anchor.

    Raises:
        ValueError: margin below 0, and as `EmbeddingLoss` does.

    >>> loss = LiftedStructLoss(margin=3.0)  # J = 1 + log(exp(3 - 3) + exp(3 - 2))
    >>> y_pred = ops.array([[0.0], [1.0], [3.0]])
    >>> round(float(loss(ops.array([0, 0, 1]), y_pred)), 4)  # J ** 2 / 2
    2.6756
    """

    def __init__(self, margin=1.0, **kwargs):
        super().__init__(**kwargs)
        require(margin >= 0, "margin", "at least 0", margin)
        self.margin = margin

    def per_anchor(self, label, embedding):  # noqa: D102
        distance = pairwise_distances(embedding)
        positive, negative = pairs(label)
        others = log_sum_exp(self.margin - distance, negative)
        cost = distance + ops.logaddexp(others[:, None], others[None, :])
        cost = ops.where(positive, ops.square(ops.relu(cost)) / 2, 0.0)
        return per_anchor_of(ops.sum(cost, axis=-1), positive)
