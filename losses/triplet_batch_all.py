"""Triplet loss, batch all. Hermans et al. 2017, arXiv:1703.07737."""

import keras
from keras import ops

from kerazoo.losses._metric import SoftTripletLoss, pairs, per_anchor_of


@keras.saving.register_keras_serializable(package="kerazoo")
class TripletBatchAllLoss(SoftTripletLoss):
    """Ask that each of one's own class be nearer than each of the others.

    A triplet with distances p to its class and n to another costs
    max(p - n + margin, 0), or log(1 + exp(p - n)) if soft. The batch costs the mean
    over the triplets that cost anything (all of them, if soft), so that the many easy
    ones do not drown the rest.

    Task: metric learning.
    For: small batches in which every triplet should teach.
    Not for: large batches, whose cube of triplets fills memory; use triplet_hard.

    Args:
        margin: how much farther other classes should be, at least 0; not used if soft.
        soft: True for log(1 + exp(p - n)).
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"`, or a function, as in
            `TripletLoss`.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`; the default
            reduction gives the mean over triplets.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings.
        before reduction: (batch,), the batch's size times the share of each anchor; 0
            where there is no triplet.

    Raises:
        ValueError: as `TripletLoss` does.

    >>> loss = TripletBatchAllLoss(margin=2.0)  # triplets: 2 + 1 - 3 and 2 + 1 - 2
    >>> y_pred = ops.array([[0.0], [1.0], [3.0]])
    >>> float(loss(ops.array([0, 0, 1]), y_pred))
    1.0
    """

    def per_anchor(self, label, embedding):  # noqa: D102
        distance = self.distances(embedding)
        positive, negative = pairs(label)
        valid = ops.logical_and(positive[:, :, None], negative[:, None, :])
        cost = self.cost(distance[:, :, None] - distance[:, None, :])
        cost = ops.where(valid, cost, 0.0)
        counted = valid if self.soft else cost > 0
        return per_anchor_of(ops.sum(cost, axis=(1, 2)), counted)
