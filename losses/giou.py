"""Generalized intersection over union. Rezatofighi et al. 2019, arXiv:1902.09630."""

import keras

from kerazoo.losses._base import require
from kerazoo.losses._boxes import BoxLoss, area, ratio


@keras.saving.register_keras_serializable(package="kerazoo")
class GIoULoss(BoxLoss):
    """Charge boxes for what they do not share, and for the empty space around both.

    With I over U the overlap and C the area of the smallest box around both, a pair
    costs 1 - I / U + (C - U) / C. The numbers are those of tensorflow-addons.

    Task: boxes.
    For: boxes that do not touch yet.
    Not for: boxes of which one holds the other, where it is overlap alone.

    Args:
        mode: `"giou"`, or `"iou"` for 1 - I / U alone, which has no gradient for boxes
            that do not touch.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        as `BoxLoss`: (batch, …, 4) corners to (batch, …).

    Raises:
        ValueError: another mode, and as `BoxLoss` does.

    >>> loss = GIoULoss()  # neighbours: nothing is shared, no space is empty
    >>> boxes = ops.array([[0.0, 0.0, 1.0, 1.0]]), ops.array([[0.0, 1.0, 1.0, 2.0]])
    >>> float(loss(*boxes))
    1.0
    """

    def __init__(self, mode="giou", **kwargs):
        super().__init__(**kwargs)
        require(mode in ("giou", "iou"), "mode", "'giou' or 'iou'", mode)
        self.mode = mode

    def penalty(self, iou, union, around, shift, size, size_pred):  # noqa: D102
        if self.mode == "iou":
            return 0.0
        whole = area(around)
        return ratio(whole - union, whole)
