"""N-pairs loss. Sohn 2016, Advances in Neural Information Processing Systems 29."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, require
from kerazoo.losses._metric import in_full


@keras.saving.register_keras_serializable(package="kerazoo")
class NpairsLoss(BaseLoss):
    """Tell the partner of each anchor from the partners of all others.

    An anchor costs the cross-entropy of the softmax over its row of similarities, whose
    target is spread evenly over the columns of its class. The numbers are those of
    tensorflow-addons, whose value was the mean over anchors.

    Task: metric learning.
    For: pairs of two encoders, one pair a class in a batch.
    Not for: one encoder with class labels; use sup_con or multi_similarity.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`; the default
            reduction is the mean over anchors.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, batch), similarities. A model with two inputs ends in
            `ops.matmul(encoder(a), ops.transpose(encoder(b)))`.
        before reduction: (batch,), the cost of each anchor, in nats.

    Raises:
        ValueError: y_pred is not square, or the labels do not fit.

    >>> loss = NpairsLoss()  # equal scores: log(2)
    >>> round(float(loss(ops.array([0, 1]), ops.array([[1.0, 1.0], [1.0, 1.0]]))), 4)
    0.6931
    """

    def call(self, y_true, y_pred):  # noqa: D102
        labels, scores = tuple(y_true.shape), tuple(y_pred.shape)
        square = len(scores) == 2 and (scores[0] == scores[1] or None in scores)
        require(square, "y_pred", "similarities of shape (batch, batch)", scores)
        fits = self.fits(labels) and (labels[0] == scores[0] or None in scores)
        require(fits, "y_true", f"{self.labels} for y_pred {scores}", labels)
        shared = self.shared(in_full(y_true))
        count = ops.sum(shared, axis=-1, keepdims=True)
        target = shared / ops.where(count > 0, count, 1.0)
        return -ops.sum(target * ops.log_softmax(in_full(y_pred)), axis=-1)

    labels = "class indices, (batch,) or (batch, 1),"

    def fits(self, labels) -> bool:
        """Tell whether labels may have that shape."""
        return len(labels) == 1 or (len(labels) == 2 and labels[1] == 1)

    def shared(self, y_true):
        """Return how many classes two samples share, (batch, batch)."""
        label = ops.reshape(y_true, (-1,))
        return ops.cast(label[:, None] == label[None, :], label.dtype)
