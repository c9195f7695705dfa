"""Triplet loss, semi-hard. Schroff et al. 2015, arXiv:1503.03832."""

import keras
from keras import ops

from kerazoo.losses._metric import TripletLoss, largest, pairs, per_anchor_of, smallest


@keras.saving.register_keras_serializable(package="kerazoo")
class TripletSemiHardLoss(TripletLoss):
    """Ask that other classes be farther than one's own, by the nearest that already is.

    A pair of one class at distance d costs max(margin + d - n, 0), where n is the
    smallest distance above d from the anchor to another class, or else the largest
    below. The batch costs the mean over its pairs. The numbers are those of
    tensorflow-addons, which charges a batch of one class, and is NaN without a pair;
    both cost 0 here. Memory grows with the cube of the batch.

    Task: metric learning.
    For: embeddings for retrieval and recognition; several samples a class.
    Not for: batches with hardly any class twice; use proxy_anchor or arc_face.

    Args:
        margin: how much farther other classes should be, at least 0.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"`, or a function, as in
            `TripletLoss`.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`; the default
            reduction gives the mean over pairs.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings, best of length 1.
        before reduction: (batch,), the batch's size times the share of each anchor.

    Raises:
        ValueError: as `TripletLoss` does.

    >>> loss = TripletSemiHardLoss(margin=1.0)  # distances 1, and 3 or 2 to class 1
    >>> y_pred = ops.array([[0.0], [1.0], [3.0]])
    >>> float(loss(ops.array([0, 0, 1]), y_pred))
    0.0
    """

    def per_anchor(self, label, embedding):  # noqa: D102
        distance = self.distances(embedding)
        positive, negative = pairs(label)
        to_negative = ops.broadcast_to(
            distance[:, None, :], (*ops.shape(distance), ops.shape(distance)[0])
        )
        beyond = to_negative > distance[:, :, None]
        beyond = ops.logical_and(beyond, negative[:, None, :])
        nearest = ops.where(
            ops.any(beyond, axis=-1),
            smallest(to_negative, beyond),
            largest(distance, negative)[:, None],
        )
        counted = ops.logical_and(positive, ops.any(negative, axis=-1, keepdims=True))
        cost = ops.where(counted, ops.relu(self.margin + distance - nearest), 0.0)
        return per_anchor_of(ops.sum(cost, axis=-1), counted)
