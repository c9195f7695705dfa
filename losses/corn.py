"""CORN, conditional ordinal regression. Shi, Cao and Raschka 2021, arXiv:2111.08851."""

import keras
from keras import ops

from kerazoo.losses.coral import CoralLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class CornLoss(CoralLoss):
    """Ask whether the rank is above a threshold, given that it reached it.

    With the logit z_k of "above k, given above k - 1" a sample costs the sum over
    k = 0 … its own rank of the binary cross-entropy of z_k; thresholds that it did not
    reach cost nothing. The paper divides by the number of questions asked in the batch,
    which ties samples to their batch; this loss does not.

    Task: ordinal.
    For: ranks whose answers must agree, each threshold with weights of its own.
    Not for: classes without an order, or top ranks with few samples.

    Args:
        importance: a factor per threshold; None for 1.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), ranks 0 … classes - 1.
        y_pred: (batch, classes - 1), logits. The running product of their sigmoids is
            the probability of a rank above each threshold.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: as `CoralLoss` does.

    >>> loss = CornLoss()  # rank 0 is asked once
    >>> round(float(loss(ops.array([0]), ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    def per_threshold(self, rank, threshold, logits):  # noqa: D102
        reached = ops.cast(rank >= threshold, self.dtype)
        return reached * super().per_threshold(rank, threshold, logits)
