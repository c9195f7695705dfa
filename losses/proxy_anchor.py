"""Proxy anchor loss. Kim et al. 2020, arXiv:2003.13911."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._metric import log_sum_exp
from kerazoo.losses._proxies import ProxyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class ProxyAnchorLoss(ProxyLoss):
    """Pull the samples of a class to its proxy and push all others off, hard ones most.

    With cosines s to a proxy, a batch costs the mean over the proxies of its classes of
    log(1 + sum(exp(-alpha * (s - margin)) over samples of the class)) plus the mean
    over all proxies of log(1 + sum(exp(alpha * (s + margin)) over other samples)).
    Every sample is charged the value of its batch.
    The proxies are variables of the loss: call `loss.attach(model)` before `fit`.

    Task: metric learning.
    For: retrieval with few samples a class in a batch; quick to converge.
    Not for: so many classes that their proxies do not fit; use multi_similarity.

    Args:
        num_classes: the number of classes, at least 2.
        features: the size of the embeddings, at least 1.
        alpha: how sharply hard samples are weighed, above 0.
        margin: on both sides of a cosine of 0, delta in the paper, at least 0.
        **kwargs: `initializer` of `ProxyLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,), the same value for the whole batch.

    Raises:
        ValueError: alpha not above 0, margin below 0, and as `ProxyLoss` does.

    >>> loss = ProxyAnchorLoss(2, 2, alpha=1.0, margin=0.0, initializer="identity")
    >>> y_pred = ops.array([[3.0, 0.0]])  # log(1 + exp(-1)) + log(1 + exp(0)) / 2
    >>> round(float(loss(ops.array([0]), y_pred)), 4)
    0.6598
    """

    def __init__(self, num_classes, features, alpha=32.0, margin=0.1, **kwargs):
        super().__init__(num_classes, features, **kwargs)
        require(alpha > 0, "alpha", "above 0", alpha)
        require(margin >= 0, "margin", "at least 0", margin)
        self.alpha = alpha
        self.margin = margin

    def per_sample(self, target, cosine):  # noqa: D102
        own, cosine = ops.transpose(target) > 0, ops.transpose(cosine)
        near = ops.softplus(log_sum_exp(-self.alpha * (cosine - self.margin), own))
        far = ops.softplus(log_sum_exp(self.alpha * (cosine + self.margin), ~own))
        present = ops.sum(ops.cast(ops.any(own, axis=-1), cosine.dtype))
        value = ops.sum(near) / present + ops.mean(far)
        return value + ops.zeros_like(cosine[0])
