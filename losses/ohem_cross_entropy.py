"""Online hard example mining. Shrivastava et al. 2016, arXiv:1604.03540."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses.cross_entropy import CrossEntropyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class OhemCrossEntropyLoss(CrossEntropyLoss):
    """Learn from the hardest samples of each batch only.

    The share of the batch with the largest cross-entropy costs it, scaled so
    that the batch's mean is the mean of the kept; the others cost 0.

    Task: imbalance.
    For: a flood of easy samples, such as pixels, in large batches.
    Not for: noisy labels, which are always among the hardest.

    Args:
        keep: the share of the samples that is kept, in (0, 1]; at least one sample is.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats. A sample's value depends on its batch.

    Raises:
        ValueError: keep outside (0, 1], and as `CategoricalLoss` does.

    >>> loss = OhemCrossEntropyLoss(keep=0.5)
    >>> round(float(loss(ops.array([1, 0]), ops.array([[0.0, 0.0], [9.0, 0.0]]))), 4)
    0.6931
    """

    def __init__(self, keep=0.25, **kwargs):
        super().__init__(**kwargs)
        require(0 < keep <= 1, "keep", "in (0, 1]", keep)
        self.keep = keep

    def call(self, y_true, y_pred):  # noqa: D102
        values = super().call(y_true, y_pred)
        rising = ops.sort(ops.reshape(ops.stop_gradient(values), (-1,)))
        size = ops.shape(rising)[0]
        # The small number keeps 0.1 * 10 from being rounded up to 2.
        num_kept = ops.ceil(ops.cast(size, "float32") * self.keep - 1e-3)
        num_kept = ops.maximum(ops.cast(num_kept, "int32"), 1)
        threshold = ops.take(rising, size - num_kept)
        kept = ops.cast(values >= threshold, self.dtype)
        return values * kept / ops.mean(kept)
