"""ArcFace. Deng et al. 2019, arXiv:1801.07698."""

from math import cos, pi, sin

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._proxies import CosineSoftmaxLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class ArcFaceLoss(CosineSoftmaxLoss):
    """Ask that the angle to the true class be smaller than to any other, by a margin.

    With angles t between embedding and proxies, a sample costs the cross-entropy of
    scale * cos(t), where the true class has cos(t + margin) in place of cos(t). Where
    t + margin would pass pi it has cos(t) - margin * sin(margin), as in the authors'
    code.
    The proxies are variables of the loss: call `loss.attach(model)` before `fit`.

    Task: metric learning.
    For: recognition of many classes (faces, products) by their embeddings.
    Not for: noisy labels; use sub_center_arc_face.

    Args:
        num_classes: the number of classes, at least 2.
        features: the size of the embeddings, at least 1.
        margin: in radians, in [0, pi / 2).
        scale: a factor on the cosines, above 0.
        **kwargs: `initializer` of `ProxyLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: margin outside [0, pi / 2), scale not above 0, and as
            `ProxyLoss` does.

    >>> loss = ArcFaceLoss(2, 2, margin=0.0, scale=1.0, initializer="identity")
    >>> y_pred = ops.array([[3.0, 0.0]])  # cosines 1 and 0: log(1 + exp(-1))
    >>> round(float(loss(ops.array([0]), y_pred)), 4)
    0.3133
    """

    def __init__(self, num_classes, features, margin=0.5, scale=64.0, **kwargs):
        super().__init__(num_classes, features, **kwargs)
        require(0 <= margin < pi / 2, "margin", "in [0, pi / 2)", margin)
        require(scale > 0, "scale", "above 0", scale)
        self.margin = margin
        self.scale = scale

    def with_margin(self, cosine):  # noqa: D102
        # The root has no finite gradient at 0.
        sine = ops.sqrt(ops.maximum(1 - ops.square(cosine), 1e-7))
        wider = cosine * cos(self.margin) - sine * sin(self.margin)
        beyond = cosine - self.margin * sin(self.margin)
        return ops.where(cosine > -cos(self.margin), wider, beyond)
