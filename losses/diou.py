"""Distance intersection over union. Zheng et al. 2020, arXiv:1911.08287."""

import keras

from kerazoo.losses._boxes import BoxLoss, relative_distance


@keras.saving.register_keras_serializable(package="kerazoo")
class DIoULoss(BoxLoss):
    """Charge boxes for what they do not share, and for the distance of their centres.

    With I over U the overlap, d the distance of the centres and c the diagonal of the
    smallest box around both, a pair costs 1 - I / U + d ** 2 / c ** 2.

    Task: boxes.
    For: boxes that do not touch yet, or of which one holds the other.
    Not for: sides that must come out right soon: see `ciou`.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        as `BoxLoss`: (batch, …, 4) corners to (batch, …).

    Raises:
        ValueError: as `BoxLoss` does.

    >>> loss = DIoULoss()  # neighbours: 1 + 1 / (1 + 4)
    >>> boxes = ops.array([[0.0, 0.0, 1.0, 1.0]]), ops.array([[0.0, 1.0, 1.0, 2.0]])
    >>> round(float(loss(*boxes)), 4)
    1.2
    """

    def penalty(self, iou, union, around, shift, size, size_pred):  # noqa: D102
        return relative_distance(around, shift)
