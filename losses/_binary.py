"""What the losses over yes-or-no labels share: smoothing, missing labels, logits."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, align, check_scores, require, seen


class BinaryLoss(BaseLoss):
    """Compare one logit per label with 0 or 1, and average over a sample's labels.

    A subclass gives `per_label(target, logits)`. A sample has one label or many that do
    not exclude each other.

    Args:
        label_smoothing: how far targets are drawn from 0 and 1 towards 0.5, in [0, 1).
        ignore_index: the value of labels that are missing, such as -1; None for none.
        from_logits: True for scores before the sigmoid, False for probabilities.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, labels), or (batch,) for one label.
        before reduction: (batch, …).

    Raises:
        ValueError: label_smoothing outside [0, 1), labels outside [0, 1], or shapes
            that cannot be aligned.
    """

    lowest_label = 0

    def __init__(
        self, label_smoothing=0.0, ignore_index=None, from_logits=True, **kwargs
    ):
        super().__init__(**kwargs)
        require(
            0 <= label_smoothing < 1, "label_smoothing", "in [0, 1)", label_smoothing
        )
        self.label_smoothing = label_smoothing
        self.ignore_index = ignore_index
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        y_true, y_pred = align(y_true, y_pred)
        target, keep = y_true, None
        if self.ignore_index is not None:
            keep = ops.cast(y_true != self.ignore_index, self.dtype)
            target = y_true * keep
        if e := self.label_smoothing:
            target = target * (1 - e) + e / 2
        values = self.per_label(target, self.logits(y_pred))
        if keep is None:
            return ops.mean(values, axis=-1)
        num_kept = ops.maximum(ops.sum(keep, axis=-1), 1.0)
        return ops.sum(values * keep, axis=-1) / num_kept

    def per_label(self, target, logits):
        """Return the cost of each label, in the shape of both arguments."""
        raise NotImplementedError

    def logits(self, y_pred):
        """Return scores before the sigmoid."""
        if self.from_logits:
            return y_pred
        floor = keras.config.epsilon()
        p, q = ops.clip(y_pred, floor, 1.0), ops.clip(1.0 - y_pred, floor, 1.0)
        return ops.log(p) - ops.log(q)

    def kept(self, y_true, y_pred):
        if self.ignore_index is None:
            return None
        y_true, _ = align(ops.convert_to_tensor(y_true), y_pred)
        return ops.any(y_true != self.ignore_index, axis=-1)

    def check(self, y_true, y_pred):
        labels = seen(y_true)
        if labels is not None:
            labels = labels[labels != self.ignore_index]
            wrong = labels[(labels < self.lowest_label) | (labels > 1)]
            rule = f"labels in [{self.lowest_label}, 1]"
            require(not wrong.size, "y_true", rule, wrong[:1].tolist())
        # A few logits may all lie in [0, 1] by chance, 32 hardly.
        check_scores(self, y_pred, "sigmoid", lambda p: p.size >= 32)
