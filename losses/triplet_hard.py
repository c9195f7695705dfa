"""Triplet loss, batch hard. Hermans et al. 2017, arXiv:1703.07737."""

import keras
from keras import ops

from kerazoo.losses._metric import SoftTripletLoss, largest, pairs, smallest


@keras.saving.register_keras_serializable(package="kerazoo")
class TripletHardLoss(SoftTripletLoss):
    """Ask that the farthest of one's own class be nearer than the nearest other.

    With p the largest distance of an anchor to its class (0 if it is alone) and n the
    smallest to another class, it costs max(p - n + margin, 0), or log(1 + exp(p - n))
    if soft. The numbers are those of tensorflow-addons, but for a batch of one class,
    which costs 0.

    Task: metric learning.
    For: re-identification and retrieval; several samples a class.
    Not for: noisy labels, as the hardest pairs are often wrong; triplet_semi_hard.

    Args:
        margin: how much farther other classes should be, at least 0; not used if soft.
        soft: True for log(1 + exp(p - n)).
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"`, or a function, as in
            `TripletLoss`.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings, best of length 1.
        before reduction: (batch,), the cost of each anchor.

    Raises:
        ValueError: as `TripletLoss` does.

    >>> loss = TripletHardLoss(margin=2.0)  # anchors: 2 + 1 - 3, 2 + 1 - 2, 2 + 0 - 2
    >>> y_pred = ops.array([[0.0], [1.0], [3.0]])
    >>> round(float(loss(ops.array([0, 0, 1]), y_pred)), 4)
    0.3333
    """

    def per_anchor(self, label, embedding):  # noqa: D102
        distance = self.distances(embedding)
        positive, negative = pairs(label)
        farthest = ops.where(
            ops.any(positive, axis=-1),
            largest(distance, positive),
            ops.min(distance, axis=-1),
        )
        cost = self.cost(farthest - smallest(distance, negative))
        return ops.where(ops.any(negative, axis=-1), cost, 0.0)
