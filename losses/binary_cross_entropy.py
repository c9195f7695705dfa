"""Binary cross-entropy, for one yes-or-no label or many."""

import keras
import numpy as np
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._binary import BinaryLoss
from kerazoo.losses._categorical import as_numbers, per_class


@keras.saving.register_keras_serializable(package="kerazoo")
class BinaryCrossEntropyLoss(BinaryLoss):
    """Charge the negative log-probability of each label's true answer.

    With target q and probability p a label costs
    -(pos_weight * q * log(p) + (1 - q) * log(1 - p)). Beside Keras's it has weights for
    the positive answers, missing labels, and right sample weights for (batch,) labels.

    Task: classification.
    For: one yes-or-no label, or several that may be true at once.
    Not for: exclusive classes, which it would let be true together.

    Args:
        pos_weight: a factor on the positive answers, one number for all labels or one a
            label; negatives / positives balances them. None for 1.
        **kwargs: `label_smoothing`, `ignore_index`, `from_logits` of `BinaryLoss`;
            `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, labels), or (batch,) for one label; logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: pos_weight below 0 or as many as there are not labels, and as
            `BinaryLoss` does.

    >>> round(float(BinaryCrossEntropyLoss()(ops.array([1]), ops.array([0.0]))), 4)
    0.6931
    """

    def __init__(self, pos_weight=None, **kwargs):
        super().__init__(**kwargs)
        if np.ndim(pos_weight) == 0:
            good = pos_weight is None or pos_weight >= 0
            require(good, "pos_weight", "at least 0", pos_weight)
            self.pos_weight = pos_weight
        else:
            self.pos_weight = as_numbers(pos_weight, "pos_weight")

    def per_label(self, target, logits):  # noqa: D102
        positive = target * ops.softplus(-logits)
        if isinstance(self.pos_weight, list):
            num_labels = target.shape[-1]
            positive *= per_class(self.pos_weight, "pos_weight", num_labels, self.dtype)
        elif self.pos_weight is not None:
            positive *= self.pos_weight
        return positive + (1 - target) * ops.softplus(logits)
