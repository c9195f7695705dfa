"""Bootstrapping for noisy labels. Reed et al. 2014, arXiv:1412.6596."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class BootstrappingLoss(CategoricalLoss):
    """Mix what the model believes into the labels, so that it may disagree.

    With target shares q, probabilities p and r = p (soft) or the one-hot of the largest
    p (hard) a sample costs -sum((beta * q + (1 - beta) * r) * log(p)). The gradient
    flows through p in both places.

    Task: noisy labels.
    For: labels wrong at random, where the model's own view is mostly right.
    Not for: the first epochs or a weak model, whose guesses it confirms.

    Args:
        beta: the share of the given label, in [0, 1]; the paper's 0.95 soft, 0.8 hard.
        hard: True for the model's best class, False for its probabilities.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: beta outside [0, 1], and as `CategoricalLoss` does.

    >>> loss = BootstrappingLoss(0.8, hard=True)  # the model and the label disagree
    >>> round(float(loss(ops.array([1]), ops.array([[2.0, 0.0]]))), 4)
    1.7269
    """

    def __init__(self, beta=0.95, hard=False, **kwargs):
        super().__init__(**kwargs)
        require(0 <= beta <= 1, "beta", "in [0, 1]", beta)
        self.beta = beta
        self.hard = hard

    def per_sample(self, target, logits):  # noqa: D102
        log_p = ops.log_softmax(logits)
        believed = ops.exp(log_p)
        if self.hard:
            best = ops.argmax(log_p, axis=-1)
            believed = ops.one_hot(best, log_p.shape[-1], dtype=self.dtype)
        return -ops.sum((self.beta * target + (1 - self.beta) * believed) * log_p, -1)
