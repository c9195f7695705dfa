"""Focal loss for yes-or-no labels. Lin et al. 2017, arXiv:1708.02002."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._binary import BinaryLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class BinaryFocalLoss(BinaryLoss):
    """Charge hard labels more than easy ones, so that rare positives are heard.

    With target q and probability p a label costs
    -(alpha * q * (1 - p) ** gamma * log(p)
    + (1 - alpha) * (1 - q) * p ** gamma * log(1 - p)). Beside Keras's, which leaves
    alpha out by default, it has missing labels and right sample weights for (batch,).

    Task: imbalance.
    For: rare positives among many easy negatives, as in dense detection.
    Not for: noisy labels, on which it insists.

    Args:
        gamma: how strongly easy labels are discounted, at least 0.
        alpha: the share of the positives, in [0, 1]; None weighs both answers by 1.
        **kwargs: `label_smoothing`, `ignore_index`, `from_logits` of `BinaryLoss`;
            `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, labels), or (batch,) for one label; logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: gamma below 0, alpha outside [0, 1], and as `BinaryLoss` does.

    >>> round(float(BinaryFocalLoss(alpha=0.5)(ops.array([1]), ops.array([0.0]))), 4)
    0.0866
    """

    def __init__(self, gamma=2.0, alpha=0.25, **kwargs):
        super().__init__(**kwargs)
        require(gamma >= 0, "gamma", "at least 0", gamma)
        require(alpha is None or 0 <= alpha <= 1, "alpha", "in [0, 1], or None", alpha)
        self.gamma = gamma
        self.alpha = alpha

    def per_label(self, target, logits):  # noqa: D102
        # The power of a probability as exp(gamma * log p) has a finite gradient at 0.
        yes, no = -ops.softplus(-logits), -ops.softplus(logits)
        positive = -target * ops.exp(self.gamma * no) * yes
        negative = -(1 - target) * ops.exp(self.gamma * yes) * no
        if self.alpha is None:
            return positive + negative
        return self.alpha * positive + (1 - self.alpha) * negative
