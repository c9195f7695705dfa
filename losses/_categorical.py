"""What the losses over exclusive classes share: labels in any form, weights, logits."""

import keras
import numpy as np
from keras import ops

from kerazoo.losses._base import BaseLoss, check_scores, require, seen

# Above these a class index is no longer exact, and Keras casts labels to the dtype.
LARGEST_EXACT_INDEX = {"bfloat16": 256, "float16": 2048}


def are_indices(y_true, y_pred) -> bool:
    """Tell class indices, (batch, …), from shares, (batch, …, classes).

    Raises:
        ValueError: the shape of y_true fits neither.
    """
    labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
    require(
        len(predictions) > 1 and predictions[-1] != 1,
        "y_pred",
        "(batch, …, classes) with two classes or more; one column of scores is for the "
        "binary losses",
        predictions,
    )
    if len(labels) == len(predictions) and labels[-1] in (predictions[-1], None):
        return False
    if len(labels) == len(predictions) - 1 or labels[-1:] == (1,):
        return True
    raise ValueError(
        "y_true must hold class indices, (batch, …) or (batch, …, 1), or class shares, "
        f"(batch, …, {predictions[-1]}); got shape {labels} for predictions of shape "
        f"{predictions}"
    )


def per_class(values, name: str, num_classes: int, dtype):
    """Return one number per class as a tensor, once the number of classes is known.

    Raises:
        ValueError: there are not as many numbers as classes.
    """
    require(
        len(values) == num_classes, name, f"{num_classes} numbers, one a class", values
    )
    return ops.convert_to_tensor(values, dtype)


def as_numbers(values, name: str, above: float | None = None) -> list[float] | None:
    """Return an array of numbers, one a class, as a list that a config can hold.

    Raises:
        ValueError: no numbers, or one not finite, below 0, or not above `above`.
    """
    if values is None:
        return None
    try:
        numbers = np.asarray(values, "float64")
    except (TypeError, ValueError):  # a dict, as model.fit takes it, or "balanced"
        numbers = np.empty(())
    rule = "a list of numbers, one a class, " + (
        "none below 0" if above is None else f"each above {above}"
    )
    good = numbers.ndim == 1 and np.isfinite(numbers).all() and (numbers >= 0).all()
    require(good and (above is None or (numbers > above).all()), name, rule, values)
    return numbers.tolist()


def miss(log_p):
    """Return 1 - p, kept off 0, where a power of it would have no finite gradient."""
    return ops.maximum(-ops.expm1(log_p), keras.config.epsilon())


class CategoricalLoss(BaseLoss):
    """Compare logits over exclusive classes with class indices or class shares.

    A subclass gives `per_sample(target, logits)`. In a compiled step an index out of
    range makes the loss NaN; where the numbers can be seen it is an error.

    Args:
        label_smoothing: share of every target that is spread over all classes, in
            [0, 1).
        class_weight: a factor per class for the samples of that class; None for 1.
        ignore_index: the class index of samples that do not count; None for none.
        from_logits: True for scores before the softmax, False for probabilities.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes).
        before reduction: (batch, …).

    Raises:
        ValueError: label_smoothing outside [0, 1), a class index out of range, as many
            class weights as there are not classes, or shapes that cannot be aligned.
    """

    needs_scores = False

    def __init__(
        self,
        label_smoothing=0.0,
        class_weight=None,
        ignore_index=None,
        from_logits=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        require(
            0 <= label_smoothing < 1, "label_smoothing", "in [0, 1)", label_smoothing
        )
        rule = "True, as this loss needs scores"
        require(from_logits or not self.needs_scores, "from_logits", rule, from_logits)
        self.label_smoothing = label_smoothing
        self.class_weight = as_numbers(class_weight, "class_weight")
        self.ignore_index = ignore_index
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        target, in_range = y_true, None
        if are_indices(y_true, y_pred):
            target, in_range = self.one_hot(y_true, y_pred)
        e = self.label_smoothing
        smoothed = target * (1 - e) + e / y_pred.shape[-1] if e else target
        values = self.per_sample(smoothed, self.logits(y_pred))
        factor = self.weigh(target)
        if factor is not None:
            values = values * factor
        return values if in_range is None else ops.where(in_range, values, np.nan)

    def one_hot(self, y_true, y_pred):
        """Return one-hot labels, 0 for ignored samples, and which were in range."""
        index, in_range, ignored = self.indices(y_true, y_pred)
        target = ops.one_hot(index, y_pred.shape[-1], dtype=self.dtype)
        if self.ignore_index is not None:
            target = ops.where(ops.expand_dims(ignored, -1), 0.0, target)
        return target, in_range

    def indices(self, y_true, y_pred):
        """Return class indices, which were in range or ignored, and which ignored."""
        num_classes = y_pred.shape[-1]
        largest = LARGEST_EXACT_INDEX.get(self.dtype, num_classes)
        rule = "float32 for so many classes"
        require(num_classes <= largest, "dtype", rule, self.dtype)
        index = ops.reshape(y_true, ops.shape(y_pred)[:-1])
        in_range = ops.logical_and(index >= 0, index < num_classes)
        ignored = ops.zeros_like(in_range)
        if self.ignore_index is not None:
            ignored = index == self.ignore_index
        # PyTorch refuses to encode an index out of range, such as an ignored 255.
        index = ops.cast(ops.where(in_range, index, 0.0), "int32")
        return index, ops.logical_or(in_range, ignored), ignored

    def weigh(self, target):
        """Return the factor of each sample by its class, or None for 1."""
        if self.class_weight is None:
            return None
        weight = per_class(
            self.class_weight, "class_weight", target.shape[-1], self.dtype
        )
        return ops.sum(target * weight, axis=-1)

    def per_sample(self, target, logits):
        """Return the cost of each sample; target is a distribution over the classes."""
        raise NotImplementedError

    def logits(self, y_pred):
        """Return scores before the softmax: the log of probabilities is one such."""
        if self.from_logits:
            return y_pred
        return ops.log(ops.clip(y_pred, keras.config.epsilon(), 1.0))

    def kept(self, y_true, y_pred):
        if self.ignore_index is None or not are_indices(y_true, y_pred):
            return None
        keep = ops.convert_to_tensor(y_true) != self.ignore_index
        return ops.reshape(keep, ops.shape(y_pred)[:-1])

    def check(self, y_true, y_pred):
        labels = seen(y_true)
        if labels is not None and labels.size and are_indices(y_true, y_pred):
            num_classes = y_pred.shape[-1]
            labels = labels[labels != self.ignore_index]
            wrong = labels[(labels < 0) | (labels >= num_classes) | (labels % 1 != 0)]
            rule = f"class indices in 0..{num_classes - 1}"
            require(not wrong.size, "y_true", rule, wrong[:1].tolist())
        check_scores(
            self, y_pred, "softmax", lambda p: np.allclose(p.sum(-1), 1, atol=1e-3)
        )
