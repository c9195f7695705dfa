"""Normalised softmax. Zhai and Wu 2019, arXiv:1811.12649."""

import keras

from kerazoo.losses._base import require
from kerazoo.losses._proxies import CosineSoftmaxLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class NormalizedSoftmaxLoss(CosineSoftmaxLoss):
    """Classify by the cosines with a proxy per class, without a margin.

    A sample costs the cross-entropy of cosine / temperature between embedding and
    proxies.
    The proxies are variables of the loss: call `loss.attach(model)` before `fit`.

    Task: metric learning.
    For: a strong first baseline for retrieval.
    Not for: classes that must be far apart; use arc_face or cos_face.

    Args:
        num_classes: the number of classes, at least 2.
        features: the size of the embeddings, at least 1.
        temperature: divides the cosines, above 0.
        **kwargs: `initializer` of `ProxyLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: temperature not above 0, and as `ProxyLoss` does.

    >>> loss = NormalizedSoftmaxLoss(2, 2, temperature=1.0, initializer="identity")
    >>> y_pred = ops.array([[3.0, 0.0]])  # cosines 1 and 0: log(1 + exp(-1))
    >>> round(float(loss(ops.array([0]), y_pred)), 4)
    0.3133
    """

    def __init__(self, num_classes, features, temperature=0.05, **kwargs):
        super().__init__(num_classes, features, **kwargs)
        require(temperature > 0, "temperature", "above 0", temperature)
        self.temperature = temperature
        self.scale = 1 / temperature

    def with_margin(self, cosine):  # noqa: D102
        return cosine
