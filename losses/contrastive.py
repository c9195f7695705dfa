"""Contrastive loss of pairs. Hadsell et al. 2006, doi:10.1109/CVPR.2006.100."""

import keras
from keras import ops

from kerazoo.losses._base import AlignedLoss, require, seen


@keras.saving.register_keras_serializable(package="kerazoo")
class ContrastiveLoss(AlignedLoss):
    """Pull pairs of one class together, and push others a margin apart.

    A pair at distance d costs d ** 2 if its label is 1 (one class), and
    max(margin - d, 0) ** 2 if it is 0. The numbers are those of tensorflow-addons.

    Task: metric learning.
    For: verification: pairs labelled same or different.
    Not for: batches with class labels; use triplet_semi_hard or sup_con.

    Args:
        margin: the distance beyond which different pairs cost nothing, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`; the default
            reduction is the mean over pairs.

    Shapes:
        y_true: (batch,) or (batch, 1), 1 for a pair of one class, else 0.
        y_pred: (batch,) or (batch, 1), the distances of the pairs. A model with two
            inputs ends in `ops.norm(encoder(a) - encoder(b), axis=-1)`.
        before reduction: (batch,).

    Raises:
        ValueError: margin not above 0, labels outside [0, 1], distances below 0, or
            shapes that cannot be aligned.

    >>> loss = ContrastiveLoss(margin=1.0)  # 0.5 ** 2, as the pair should be 1 apart
    >>> float(loss(ops.array([0]), ops.array([0.5])))
    0.25
    """

    def __init__(self, margin=1.0, **kwargs):
        super().__init__(**kwargs)
        require(margin > 0, "margin", "above 0", margin)
        self.margin = margin

    def per_target(self, y_true, y_pred):  # noqa: D102
        apart = ops.square(ops.relu(self.margin - y_pred))
        return y_true * ops.square(y_pred) + (1 - y_true) * apart

    def check(self, y_true, y_pred):  # noqa: D102
        labels, distances = seen(y_true), seen(y_pred)
        if labels is not None:
            wrong = labels[(labels < 0) | (labels > 1)]
            require(not wrong.size, "y_true", "labels in [0, 1]", wrong[:1].tolist())
        if distances is not None:
            wrong = distances[distances < 0]
            rule = "distances, none below 0"
            require(not wrong.size, "y_pred", rule, wrong[:1].tolist())
