"""CosFace. Wang et al. 2018, arXiv:1801.09414."""

import keras

from kerazoo.losses._base import require
from kerazoo.losses._proxies import CosineSoftmaxLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class CosFaceLoss(CosineSoftmaxLoss):
    """Ask that the cosine to the true class be larger than to any other, by a margin.

    A sample costs the cross-entropy of scale * cosine between embedding and proxies,
    less margin for the true class.
    The proxies are variables of the loss: call `loss.attach(model)` before `fit`.

    Task: metric learning.
    For: recognition of many classes by embeddings; steadier than arc_face.
    Not for: a class met for the first time in every batch; use triplet_hard.

    Args:
        num_classes: the number of classes, at least 2.
        features: the size of the embeddings, at least 1.
        margin: taken from the cosine, in [0, 1).
        scale: a factor on the cosines, above 0.
        **kwargs: `initializer` of `ProxyLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: margin outside [0, 1), scale not above 0, and as
            `ProxyLoss` does.

    >>> loss = CosFaceLoss(2, 2, margin=0.5, scale=2.0, initializer="identity")
    >>> y_pred = ops.array([[3.0, 0.0]])  # scores 2 * (1 - 0.5) and 0
    >>> round(float(loss(ops.array([0]), y_pred)), 4)
    0.3133
    """

    def __init__(self, num_classes, features, margin=0.35, scale=64.0, **kwargs):
        super().__init__(num_classes, features, **kwargs)
        require(0 <= margin < 1, "margin", "in [0, 1)", margin)
        require(scale > 0, "scale", "above 0", scale)
        self.margin = margin
        self.scale = scale

    def with_margin(self, cosine):  # noqa: D102
        return cosine - self.margin
