"""Focal loss with the arguments and numbers of tensorflow-addons."""

import keras

from kerazoo.losses._base import align
from kerazoo.losses.binary_focal import BinaryFocalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class SigmoidFocalCrossEntropyLoss(BinaryFocalLoss):
    """Charge hard labels more than easy ones, summed over a sample's labels.

    It is `BinaryFocalLoss` but for what tensorflow-addons does: probabilities are the
    default, and labels are summed where ours are averaged. The reduction is Keras's
    `"sum_over_batch_size"`; tensorflow-addons defaulted to none.

    Task: imbalance.
    For: code from tensorflow-addons that must keep its numbers.
    Not for: new code: `binary_focal` takes logits, and averages labels.

    Args:
        from_logits: True for scores before the sigmoid, False for probabilities.
        alpha: the share of the positives, in [0, 1]; None weighs both answers by 1.
        gamma: how strongly easy labels are discounted, at least 0.
        **kwargs: `label_smoothing`, `ignore_index` of `BinaryLoss`; `name`,
            `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, labels), or (batch,) for one label; probabilities.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: as `BinaryFocalLoss` does.

    >>> loss = SigmoidFocalCrossEntropyLoss()
    >>> round(float(loss(ops.array([[1.0, 1.0]]), ops.array([[0.5, 0.5]]))), 4)
    0.0866
    """

    def __init__(self, from_logits=False, alpha=0.25, gamma=2.0, **kwargs):
        super().__init__(gamma=gamma, alpha=alpha, from_logits=from_logits, **kwargs)

    def call(self, y_true, y_pred):  # noqa: D102
        _, aligned = align(y_true, y_pred)
        return super().call(y_true, y_pred) * aligned.shape[-1]
