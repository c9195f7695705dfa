"""Focal loss over exclusive classes. Lin et al. 2017, arXiv:1708.02002."""

from numbers import Real

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss, as_numbers, miss, per_class


@keras.saving.register_keras_serializable(package="kerazoo")
class FocalLoss(CategoricalLoss):
    """Charge hard samples more than easy ones, so that rare classes are heard.

    With target shares q and probabilities p a sample costs
    -sum(q * alpha * (1 - p) ** gamma * log(p)). Keras's has one alpha for all classes.

    Task: imbalance.
    For: rare classes among many easy samples.
    Not for: noisy labels, on which it insists.

    Args:
        gamma: how strongly easy samples are discounted, at least 0; 0 is cross-entropy.
        alpha: a weight per class, or one number for all; None for 1.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: gamma or an alpha below 0, as many alphas as there are not classes,
            and as `CategoricalLoss` does.

    >>> round(float(FocalLoss(2.0)(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.1733
    """

    def __init__(self, gamma=2.0, alpha=None, **kwargs):
        super().__init__(**kwargs)
        require(gamma >= 0, "gamma", "at least 0", gamma)
        self.gamma = gamma
        one = isinstance(alpha, Real)
        require(not one or alpha >= 0, "alpha", "at least 0", alpha)
        self.alpha = alpha if one else as_numbers(alpha, "alpha")

    def per_sample(self, target, logits):  # noqa: D102
        if isinstance(self.alpha, list):
            target = target * per_class(
                self.alpha, "alpha", target.shape[-1], self.dtype
            )
        elif self.alpha is not None:
            target = target * self.alpha
        log_p = ops.log_softmax(logits)
        return -ops.sum(target * miss(log_p) ** self.gamma * log_p, axis=-1)
