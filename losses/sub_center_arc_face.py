"""Sub-center ArcFace. Deng et al. 2020, doi:10.1007/978-3-030-58621-8_43."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses.arc_face import ArcFaceLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class SubCenterArcFaceLoss(ArcFaceLoss):
    """Give each class several proxies, so that its odd samples may gather elsewhere.

    As `ArcFaceLoss`, with the largest cosine among the proxies of a class.
    The proxies are variables of the loss: call `loss.attach(model)` before `fit`.

    Task: metric learning.
    For: arc_face with noisy labels, or classes of several looks.
    Not for: clean labels, for which arc_face is tighter.

    Args:
        num_classes: the number of classes, at least 2.
        features: the size of the embeddings, at least 1.
        num_centers: proxies per class, at least 1; 3 in the paper.
        margin: in radians, in [0, pi / 2).
        scale: a factor on the cosines, above 0.
        **kwargs: `initializer` of `ProxyLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: num_centers below 1, and as `ArcFaceLoss` does.

    >>> loss = SubCenterArcFaceLoss(
    ...     2, 4, num_centers=2, margin=0.0, scale=1.0, initializer="identity"
    ... )
    >>> y_pred = ops.array([[0.0, 3.0, 0.0, 0.0]])  # the second of class 0
    >>> round(float(loss(ops.array([0]), y_pred)), 4)
    0.3133
    """

    def __init__(self, num_classes, features, num_centers=3, **kwargs):
        require(num_centers >= 1, "num_centers", "at least 1", num_centers)
        self.num_centers = num_centers
        super().__init__(num_classes, features, **kwargs)

    def per_sample(self, target, cosine):  # noqa: D102
        shape = (-1, self.num_classes, self.num_centers)
        return super().per_sample(target, ops.max(ops.reshape(cosine, shape), axis=-1))
