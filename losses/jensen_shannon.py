"""Cross-entropy with the AugMix consistency term. Hendrycks 2020, arXiv:1912.02781."""

from math import log

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class JensenShannonLoss(CategoricalLoss):
    """Ask a model to say the same of an image and of its augmented views.

    With the probabilities p_v of each view and m their mean, a sample costs the
    cross-entropy of view 0, the clean one, plus alpha times the mean over the views of
    sum(p_v * log(p_v / m)).

    Task: classification.
    For: images that will be corrupted, by training on augmented views.
    Not for: one view a sample; each view costs a forward pass more.

    Args:
        alpha: the weight of the consistency term, at least 0.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1) class indices, or (batch, classes) shares.
        y_pred: (batch, views, classes), logits.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: alpha below 0, y_pred without an axis of views, and as
            `CategoricalLoss` does.

    >>> loss = JensenShannonLoss()
    >>> round(float(loss(ops.array([1]), ops.zeros((1, 3, 2)))), 4)
    0.6931
    """

    def __init__(self, alpha=12.0, **kwargs):
        super().__init__(**kwargs)
        require(alpha >= 0, "alpha", "at least 0", alpha)
        self.alpha = alpha

    def call(self, y_true, y_pred):  # noqa: D102
        log_p = ops.log_softmax(self.logits(y_pred))
        num_views = y_pred.shape[1]
        log_mean = ops.logsumexp(log_p, axis=1, keepdims=True) - log(num_views)
        divergence = ops.sum(ops.exp(log_p) * (log_p - log_mean), axis=-1)
        consistency = ops.mean(divergence, axis=-1)
        return super().call(y_true, y_pred[:, 0]) + self.alpha * consistency

    def per_sample(self, target, logits):  # noqa: D102
        return -ops.sum(target * ops.log_softmax(logits), axis=-1)

    def kept(self, y_true, y_pred):  # noqa: D102
        return super().kept(y_true, y_pred[:, 0])

    def check(self, y_true, y_pred):  # noqa: D102
        rule = "(batch, views, classes), from two views or more"
        good = len(y_pred.shape) == 3 and y_pred.shape[1] != 1
        require(good, "y_pred", rule, tuple(y_pred.shape))
        super().check(y_true, y_pred[:, 0])
