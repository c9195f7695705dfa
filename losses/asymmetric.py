"""Asymmetric loss for many labels. Ridnik et al. 2021, arXiv:2009.14119."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._binary import BinaryLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class AsymmetricLoss(BinaryLoss):
    """Discount easy negatives more than easy positives, and drop the easiest.

    With target q, probability p and p' = max(p - clip, 0) a label costs
    -(q * (1 - p) ** gamma_pos * log(p) + (1 - q) * p' ** gamma_neg * log(1 - p')).
    The gradient is that of the formula; the authors' code holds the powers constant.

    Task: imbalance.
    For: many labels a sample, few of them true and some true ones not noted.
    Not for: exclusive classes, or labels that are 1 about as often as 0.

    Args:
        gamma_neg: how strongly easy negatives are discounted, at least 0.
        gamma_pos: how strongly easy positives are discounted, at least 0.
        clip: negatives with a probability below it cost nothing, in [0, 1).
        **kwargs: `label_smoothing`, `ignore_index`, `from_logits` of `BinaryLoss`;
            `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, labels), or (batch,) for one label; logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a gamma below 0, clip outside [0, 1), and as `BinaryLoss` does.

    >>> loss = AsymmetricLoss(gamma_pos=1.0)
    >>> round(float(loss(ops.array([1]), ops.array([0.0]))), 4)
    0.3466
    """

    def __init__(self, gamma_neg=4.0, gamma_pos=1.0, clip=0.05, **kwargs):
        super().__init__(**kwargs)
        require(gamma_neg >= 0, "gamma_neg", "at least 0", gamma_neg)
        require(gamma_pos >= 0, "gamma_pos", "at least 0", gamma_pos)
        require(0 <= clip < 1, "clip", "in [0, 1)", clip)
        self.gamma_neg = gamma_neg
        self.gamma_pos = gamma_pos
        self.clip = clip

    def per_label(self, target, logits):  # noqa: D102
        yes, no = -ops.softplus(-logits), -ops.softplus(logits)
        positive = -target * ops.exp(self.gamma_pos * no) * yes
        if not self.clip:
            return positive - (1 - target) * ops.exp(self.gamma_neg * yes) * no
        shifted = ops.minimum(ops.exp(no) + self.clip, 1.0)
        wrong = ops.maximum(1.0 - shifted, keras.config.epsilon()) ** self.gamma_neg
        return positive - (1 - target) * wrong * ops.log(shifted)
