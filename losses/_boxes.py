"""What the box losses share: the overlap of two boxes and the box around both."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, require


class BoxLoss(BaseLoss):
    """Charge 1 - intersection over union, plus what a subclass adds for the distance.

    A subclass gives `penalty(…)`, which pulls boxes together that do not touch.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, 4), the corners [y_min, x_min, y_max, x_max], or x
            before y in both; in pixels or shares of the image.
        before reduction: (batch, …).

    Raises:
        ValueError: a last axis other than 4, or shapes that differ.
    """

    def call(self, y_true, y_pred):
        labels, boxes = tuple(y_true.shape), tuple(y_pred.shape)
        good = len(labels) == len(boxes) and labels[-1] == boxes[-1] == 4
        good = good and all(
            a == b or None in (a, b) for a, b in zip(labels, boxes, strict=True)
        )
        require(
            good, "y_true and y_pred", "of one shape, (batch, …, 4)", (labels, boxes)
        )
        low, high = y_true[..., :2], y_true[..., 2:]
        low_pred, high_pred = y_pred[..., :2], y_pred[..., 2:]
        size, size_pred = ops.relu(high - low), ops.relu(high_pred - low_pred)
        shared = ops.relu(ops.minimum(high, high_pred) - ops.maximum(low, low_pred))
        around = ops.relu(ops.maximum(high, high_pred) - ops.minimum(low, low_pred))
        intersection = ops.prod(shared, axis=-1)
        union = ops.prod(size, axis=-1) + ops.prod(size_pred, axis=-1) - intersection
        iou = ratio(intersection, union)
        shift = (low + high - low_pred - high_pred) / 2.0
        return 1.0 - iou + self.penalty(iou, union, around, shift, size, size_pred)

    def penalty(self, iou, union, around, shift, size, size_pred):
        """Return what is added to 1 - iou.

        Args:
            iou: (batch, …), intersection over union.
            union: (batch, …), an area.
            around: (batch, …, 2), height and width of the smallest box around both.
            shift: (batch, …, 2), from one centre to the other.
            size: (batch, …, 2), height and width of the true box.
            size_pred: (batch, …, 2), height and width of the predicted box.
        """
        raise NotImplementedError


def ratio(part, whole):
    """Divide by a number that may be 0, with a finite gradient there."""
    return part / ops.maximum(whole, keras.config.epsilon())


def relative_distance(around, shift):
    """Return the squared distance of the centres over the squared diagonal."""
    square, diagonal = ops.square(shift), ops.square(around)
    return ratio(ops.sum(square, axis=-1), ops.sum(diagonal, axis=-1))
