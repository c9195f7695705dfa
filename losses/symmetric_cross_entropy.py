"""Symmetric cross-entropy for noisy labels. Wang et al. 2019, arXiv:1908.06112."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class SymmetricCrossEntropyLoss(CategoricalLoss):
    """Add the reverse cross-entropy, which grows no further for a wrong label.

    With target shares q and probabilities p a sample costs
    -alpha * sum(q * log(p)) - beta * sum(p * log(q)), where log(0) is log_zero.

    Task: noisy labels.
    For: labels wrong at random, where hard classes must still be learnt.
    Not for: clean labels, or weights left untuned: they suit few classes.

    Args:
        alpha: the weight of cross-entropy, at least 0; 0.1 for CIFAR-10 and 6 for
            CIFAR-100 in the paper.
        beta: the weight of the reverse, at least 0.
        log_zero: what stands for log(0), below 0.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a weight below 0, log_zero not below 0, and as `CategoricalLoss`
            does.

    >>> loss = SymmetricCrossEntropyLoss(alpha=1.0)  # log(2) + 4 / 2
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    2.6931
    """

    def __init__(self, alpha=0.1, beta=1.0, log_zero=-4.0, **kwargs):
        super().__init__(**kwargs)
        require(alpha >= 0, "alpha", "at least 0", alpha)
        require(beta >= 0, "beta", "at least 0", beta)
        require(log_zero < 0, "log_zero", "below 0", log_zero)
        self.alpha = alpha
        self.beta = beta
        self.log_zero = log_zero

    def per_sample(self, target, logits):  # noqa: D102
        log_p = ops.log_softmax(logits)
        log_q = ops.log(ops.maximum(target, keras.config.epsilon()))
        log_q = ops.maximum(log_q, self.log_zero)
        forward = -ops.sum(target * log_p, axis=-1)
        reverse = -ops.sum(ops.exp(log_p) * log_q, axis=-1)
        return self.alpha * forward + self.beta * reverse
