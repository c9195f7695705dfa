"""Lovász-softmax and Lovász hinge loss. Berman et al. 2018, arXiv:1705.08790."""

import keras
from keras import ops

from kerazoo.losses._overlap import MapLoss


def jaccard_slope(target):
    """Return by how much each position, hardest first, lowers the Jaccard index."""
    total = ops.sum(target, axis=1, keepdims=True)
    shared = total - ops.cumsum(target, axis=1)
    union = total + ops.cumsum(1.0 - target, axis=1)
    jaccard = 1.0 - shared / union
    before = ops.pad(jaccard[:, :-1], [(0, 0), (1, 0), (0, 0)])
    return jaccard - before


@keras.saving.register_keras_serializable(package="kerazoo")
class LovaszLoss(MapLoss):
    """Train the Jaccard index (intersection over union) itself, in its convex form.

    The errors of a class at the positions of a sample are sorted, hardest first, and
    weighed by how much the Jaccard index falls when that position is wrong too. Several
    classes: errors are abs(q - p), and a sample costs the mean over the classes that it
    has. One class: errors are max(1 - s * z, 0), with s = 1 on the foreground and -1
    elsewhere, and z the logit.

    Task: overlap.
    For: segmentation judged by intersection over union, in fine-tuning.
    Not for: training from scratch: begin with cross-entropy.

    Args:
        **kwargs: `from_logits` of `MapLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) of 0 and 1.
        y_pred: (batch, …, classes), logits; one class is foreground.
        before reduction: (batch,).

    Raises:
        ValueError: from_logits=False with one class, and as `MapLoss` does.

    >>> y_true, y_pred = ops.array([[[1.0], [0.0]]]), ops.array([[[0.0], [-2.0]]])
    >>> float(LovaszLoss()(y_true, y_pred))
    1.0
    """

    def per_map(self, target, y_pred):  # noqa: D102
        if y_pred.shape[-1] > 1:
            errors = ops.abs(target - self.probabilities(y_pred))
        elif self.from_logits:
            errors = ops.relu(1.0 - (2.0 * target - 1.0) * y_pred)
        else:
            raise ValueError("from_logits must be True for one class; got False")
        hardest = ops.argsort(ops.stop_gradient(-errors), axis=1)
        errors = ops.take_along_axis(errors, hardest, axis=1)
        slope = jaccard_slope(ops.take_along_axis(target, hardest, axis=1))
        cost = ops.sum(errors * slope, axis=1)
        if y_pred.shape[-1] == 1:
            return cost[:, 0]
        present = ops.cast(ops.max(target, axis=1) > 0, self.dtype)
        return ops.sum(cost * present, axis=-1) / ops.sum(present, axis=-1)
