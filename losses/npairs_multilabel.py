"""N-pairs loss for samples of several classes. Sohn 2016, NIPS 29."""

import keras
from keras import ops

from kerazoo.losses.npairs import NpairsLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class NpairsMultilabelLoss(NpairsLoss):
    """Tell the partners of each anchor from others by how many classes they share.

    As `NpairsLoss`, but that the target is spread over the columns by the number of
    classes shared. An anchor without any class costs 0; in tensorflow-addons, whose
    numbers these are, it is NaN.

    Task: metric learning.
    For: pairs of two encoders whose samples have several classes each.
    Not for: samples of one class each; use npairs.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`; the default
            reduction is the mean over anchors.

    Shapes:
        y_true: (batch, classes), 1 for each class of a sample, else 0.
        y_pred: (batch, batch), similarities, as for `NpairsLoss`.
        before reduction: (batch,), the cost of each anchor, in nats.

    Raises:
        ValueError: y_pred is not square, or the labels do not fit.

    >>> loss = NpairsMultilabelLoss()  # each shares one class with itself: log(2)
    >>> y_true, y_pred = ops.array([[1, 0], [0, 1]]), ops.array([[0.0, 0.0]] * 2)
    >>> round(float(loss(y_true, y_pred)), 4)
    0.6931
    """

    labels = "(batch, classes) with 1 for each class of a sample,"

    def fits(self, labels) -> bool:  # noqa: D102
        return len(labels) == 2

    def shared(self, y_true):  # noqa: D102
        return ops.matmul(y_true, ops.transpose(y_true))
