"""Logit-adjusted cross-entropy. Menon et al. 2021, arXiv:2007.07314."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss, as_numbers, per_class


@keras.saving.register_keras_serializable(package="kerazoo")
class LogitAdjustedLoss(CategoricalLoss):
    """Train with the class frequencies added, so that they are gone when predicting.

    A sample costs the cross-entropy of z + tau * log(prior), where z are logits and the
    prior is a class's share of the training data. The bare z then aim at the balanced
    error, in which every class counts the same.

    Task: imbalance.
    For: long-tailed classes and the balanced error, at a strength to tune.
    Not for: test data as skewed as training data, where it loses accuracy.

    Args:
        class_counts: samples per class in the training data, or shares, each above 0.
        tau: how strongly frequencies are taken out, at least 0; 0 is cross-entropy.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a count that is not above 0, tau below 0, and as `CategoricalLoss`
            does.

    >>> loss = LogitAdjustedLoss([3, 1])
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)  # -log(1 / 4)
    1.3863
    """

    def __init__(self, class_counts, tau=1.0, **kwargs):
        super().__init__(**kwargs)
        require(tau >= 0, "tau", "at least 0", tau)
        self.class_counts = as_numbers(class_counts, "class_counts", above=0)
        self.tau = tau
        self._prior = [count / sum(self.class_counts) for count in self.class_counts]

    def per_sample(self, target, logits):  # noqa: D102
        prior = per_class(self._prior, "class_counts", target.shape[-1], self.dtype)
        log_p = ops.log_softmax(logits + self.tau * ops.log(prior))
        return -ops.sum(target * log_p, axis=-1)
