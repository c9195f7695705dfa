"""Complete intersection over union. Zheng et al. 2020, arXiv:1911.08287."""

import math

import keras
from keras import ops

from kerazoo.losses._boxes import BoxLoss, ratio, relative_distance


@keras.saving.register_keras_serializable(package="kerazoo")
class CIoULoss(BoxLoss):
    """Charge boxes for overlap, for distance, and for another ratio of their sides.

    With v = 4 / pi ** 2 * (atan(w / h) - atan(w' / h')) ** 2 a pair costs what it does
    in `DIoULoss` plus a * v, with a = v / (1 - I / U + v). As in the authors' code a is
    held constant in the gradient.

    Task: boxes.
    For: boxes whose ratio of sides must come out right too.
    Not for: boxes of one shape, where `diou` gives the same.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        as `BoxLoss`: (batch, …, 4) corners to (batch, …).

    Raises:
        ValueError: as `BoxLoss` does.

    >>> loss = CIoULoss()  # neighbours of one shape: 1 + 1 / (1 + 4)
    >>> boxes = ops.array([[0.0, 0.0, 1.0, 1.0]]), ops.array([[0.0, 1.0, 1.0, 2.0]])
    >>> round(float(loss(*boxes)), 4)
    1.2
    """

    def penalty(self, iou, union, around, shift, size, size_pred):  # noqa: D102
        angle, angle_pred = (
            ops.arctan(ratio(width, height)) for height, width in (size, size_pred)
        )
        v = 4 / math.pi**2 * ops.square(angle - angle_pred)
        weight = ops.stop_gradient(ratio(v, 1.0 - iou + v))
        return relative_distance(around, shift) + weight * v
