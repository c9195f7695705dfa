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
        # One number of each pair at a time: slices of pairs have slow gradients.
        y, x, y_end, x_end = ops.unstack(y_true, num=4, axis=-1)
        y_pred, x_pred, y_end_pred, x_end_pred = ops.unstack(y_pred, num=4, axis=-1)
        sides = (
            (y, y_end, y_pred, y_end_pred),
            (x, x_end, x_pred, x_end_pred),
        )
        size = [ops.relu(high - low) for low, high, _, _ in sides]
        size_pred = [ops.relu(high - low) for _, _, low, high in sides]
        shared = [
            ops.relu(ops.minimum(high, high_pred) - ops.maximum(low, low_pred))
            for low, high, low_pred, high_pred in sides
        ]
        around = [
            ops.relu(ops.maximum(high, high_pred) - ops.minimum(low, low_pred))
            for low, high, low_pred, high_pred in sides
        ]
        shift = [(a + b - c - d) / 2.0 for a, b, c, d in sides]
        intersection = area(shared)
        union = area(size) + area(size_pred) - intersection
        iou = ratio(intersection, union)
        return 1.0 - iou + self.penalty(iou, union, around, shift, size, size_pred)

    def penalty(self, iou, union, around, shift, size, size_pred):
        """Return what is added to 1 - iou.

        Args:
            iou: (batch, …), intersection over union.
            union: (batch, …), an area.
            around: height and width of the smallest box around both, (batch, …) each.
            shift: from one centre to the other, in height and width.
            size: height and width of the true box.
            size_pred: height and width of the predicted box.
        """
        raise NotImplementedError


def area(size):
    """Return height times width."""
    return size[0] * size[1]


def ratio(part, whole):
    """Divide by a number that may be 0, with a finite gradient there."""
    return part / ops.maximum(whole, keras.config.epsilon())


def relative_distance(around, shift):
    """Return the squared distance of the centres over the squared diagonal."""
    squares, diagonal = map(ops.square, shift), map(ops.square, around)
    return ratio(sum(squares), sum(diagonal))
