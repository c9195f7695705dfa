"""What the overlap losses share: maps of labels and of probabilities, and counts."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, align, check_scores, require, seen
from kerazoo.losses._categorical import are_indices


class MapLoss(BaseLoss):
    """Compare a map of predictions with a map of labels, one map a sample.

    A subclass gives `per_map(target, y_pred)`.

    Args:
        from_logits: True for scores before the sigmoid (one class) or the softmax
            (more), False for probabilities.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), where … are any axes, such as height and width; one
            class is foreground against background.
        before reduction: (batch,).

    Raises:
        ValueError: a class index out of range, or shapes that cannot be aligned.
    """

    def __init__(self, from_logits=True, **kwargs):
        super().__init__(**kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        y_true, y_pred = self.maps(y_true, y_pred)
        return self.per_map(y_true, y_pred)

    def maps(self, y_true, y_pred):
        """Return labels and predictions as (batch, positions, classes)."""
        num_classes = y_pred.shape[-1]
        if num_classes == 1:
            y_true, y_pred = align(y_true, y_pred)
        elif are_indices(y_true, y_pred):
            index = ops.reshape(ops.cast(y_true, "int32"), ops.shape(y_pred)[:-1])
            y_true = ops.one_hot(index, num_classes, dtype=self.dtype)
        shape = (ops.shape(y_pred)[0], -1, num_classes)
        return ops.reshape(y_true, shape), ops.reshape(y_pred, shape)

    def probabilities(self, y_pred):
        """Return the shares of the classes at each position."""
        if not self.from_logits:
            return y_pred
        return ops.sigmoid(y_pred) if y_pred.shape[-1] == 1 else ops.softmax(y_pred)

    def per_map(self, target, y_pred):
        """Return the cost of each map, from (batch, positions, classes)."""
        raise NotImplementedError

    def check(self, y_true, y_pred):
        labels, highest = seen(y_true), 1
        if y_pred.shape[-1] != 1 and are_indices(y_true, y_pred):
            highest = y_pred.shape[-1] - 1
        if labels is not None:
            wrong = labels[(labels < 0) | (labels > highest)]
            require(not wrong.size, "y_true", f"in 0..{highest}", wrong[:1].tolist())
        # A few logits may all lie in [0, 1] by chance, 32 hardly.
        check_scores(self, y_pred, "sigmoid or softmax", lambda p: p.size >= 32)


class OverlapLoss(MapLoss):
    """Charge 1 minus an overlap that is counted from true and false positives.

    A subclass gives `per_class(hits, false_alarms, misses)`.

    Args:
        smooth: added to both sides of the fraction, at least 0; it makes an empty map
            predicted as empty perfect.
        **kwargs: `from_logits`; `name`, `reduction`, `dtype`, as in
            `keras.losses.Loss`.

    Shapes:
        as `MapLoss`.

    Raises:
        ValueError: smooth below 0, and as `MapLoss` does.
    """

    def __init__(self, smooth=1.0, **kwargs):
        super().__init__(**kwargs)
        require(smooth >= 0, "smooth", "at least 0", smooth)
        self.smooth = smooth

    def per_map(self, target, y_pred):
        p = self.probabilities(y_pred)
        hits = ops.sum(p * target, axis=1)
        false_alarms = ops.sum(p * (1 - target), axis=1)
        misses = ops.sum((1 - p) * target, axis=1)
        return ops.mean(self.per_class(hits, false_alarms, misses), axis=-1)

    def per_class(self, hits, false_alarms, misses):
        """Return the cost of each class, (batch, classes), from such counts."""
        raise NotImplementedError

    def missing_share(self, hits, lost):
        """Return 1 - (hits + smooth) / (hits + lost + smooth)."""
        whole = hits + lost + self.smooth
        return lost / ops.maximum(whole, keras.config.epsilon())
