"""What every loss stands on: its name, its saved form, its shapes, its checks."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src.backend import get_keras_mask  # a mask has no public name


def arguments(loss_class: type) -> dict[str, Any]:
    """Return the arguments of a loss class with their defaults, its bases' included.

    A class passes what it does not name to its base in `**kwargs`, so that the options
    of a family (`label_smoothing`, `from_logits` …) are written once.
    """
    found: dict[str, Any] = {}
    for owner in inspect.getmro(loss_class):
        if "__init__" in vars(owner):
            parameters = list(inspect.signature(owner.__init__).parameters.values())[1:]
            for p in parameters:
                if p.kind is not p.VAR_KEYWORD:
                    found.setdefault(p.name, p.default)
            if all(p.kind is not p.VAR_KEYWORD for p in parameters):
                break
    common = {name: found.pop(name) for name in ("name", "reduction", "dtype")}
    return {**found, **common}


def as_tensor(value):
    """Return a list or tuple of numbers as an array, and anything else unchanged.

    Keras maps over the elements of a list as if each were an output of the model.
    """
    return np.asarray(value) if isinstance(value, list | tuple) else value


def seen(value) -> np.ndarray | None:
    """Return the numbers of a tensor, or None where a graph is only being traced."""
    try:
        return np.asarray(ops.convert_to_numpy(value))
    except Exception:  # each backend refuses a traced tensor with an error of its own
        return None


def require(condition: bool, name: str, rule: str, value) -> None:
    """Raise a ValueError that names the argument, its rule and what was given."""
    if not condition:
        raise ValueError(f"{name} must be {rule}; got {value!r}")


def check_scores(loss, y_pred, activation: str, looks_likely: Callable) -> None:
    """Compare the first visible predictions of a loss with its `from_logits`.

    Args:
        loss: the loss; it is looked at once.
        y_pred: the predictions.
        activation: the layer that turns logits into probabilities, for the message.
        looks_likely: tells whether numbers that all lie in [0, 1] are probabilities.

    Raises:
        ValueError: from_logits is False, and a prediction lies outside [0, 1].
    """
    scores = None if loss.scores_checked else seen(y_pred)
    if scores is None or not scores.size:
        return
    loss.scores_checked = True
    scores = scores.astype("float32")
    outside = scores[(scores < 0) | (scores > 1)]
    if not loss.from_logits:
        rule = "probabilities in [0, 1], as from_logits is False"
        require(not outside.size, "y_pred", rule, outside[:1].tolist())
    elif not outside.size and looks_likely(scores):
        warnings.warn(
            f"{loss.name}: y_pred looks like probabilities, and from_logits is True. "
            f"End the model without a {activation}, or say from_logits=False.",
            stacklevel=4,
        )


def align(y_true, y_pred):
    """Give labels and predictions one shape, (batch, …, targets).

    (n,) and (n, 1) are the same labels: left alone they would broadcast to (n, n).

    Raises:
        ValueError: the shapes differ in more than a last axis of 1.
    """
    labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
    if len(predictions) == len(labels) + 1 and predictions[-1] == 1:
        y_true = ops.expand_dims(y_true, -1)
    elif len(labels) == len(predictions) + 1 and labels[-1] == 1:
        y_pred = ops.expand_dims(y_pred, -1)
    elif len(labels) == len(predictions) == 1:
        y_true, y_pred = ops.expand_dims(y_true, -1), ops.expand_dims(y_pred, -1)
    same = len(y_true.shape) == len(y_pred.shape) and all(
        a == b or a is None or b is None
        for a, b in zip(y_true.shape, y_pred.shape, strict=True)
    )
    if not same:
        raise ValueError(
            f"Labels of shape {labels} cannot be aligned with predictions of shape "
            f"{predictions}; they may differ in a last axis of 1 only."
        )
    return y_true, y_pred


class BaseLoss(keras.losses.Loss):
    """A Keras loss that is named for its file, saves itself and takes plain lists.

    A subclass keeps every constructor argument in an attribute of the same name, and
    returns one value per sample from `call`.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.
    """

    scores_checked = False

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        package, _, stem = type(self).__module__.rpartition(".")
        if name is None and package == __package__:
            name = stem  # the name in the look-up; Keras names a user's own class
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the reduced loss, after a look at the numbers where they can be seen.

        A traced graph hides them: `fit` compiles, and only shapes are checked there.
        """
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        if sample_weight is not None:
            sample_weight = as_tensor(sample_weight)
        self.check(y_true, y_pred)
        keep = self.kept(y_true, y_pred)
        if keep is not None:
            mask = get_keras_mask(y_pred)
            sample_weight = self._drop(keep, mask, sample_weight)
        return super().__call__(y_true, y_pred, sample_weight)

    def check(self, y_true, y_pred) -> None:
        """Raise or warn where labels or predictions are visibly not what they ought."""

    def kept(self, y_true, y_pred):
        """Return which samples count, or None where all do."""

    def share(self, counted):
        """Return what the mean is divided by, as a share of all samples."""
        return ops.mean(counted)

    def _drop(self, keep, mask, sample_weight):
        """Put the samples that count into the weights, as Keras does with a mask."""
        keep = weight = ops.cast(keep, self.dtype)
        if sample_weight is not None:
            weight = ops.convert_to_tensor(sample_weight, self.dtype)
            if len(weight.shape) > len(keep.shape):
                weight = ops.squeeze(weight, -1)
            while len(weight.shape) < len(keep.shape):
                weight = ops.expand_dims(weight, -1)
            weight = weight * keep
        if self.reduction in ("mean", "sum_over_batch_size"):
            if mask is not None:  # Keras will divide by the mask's share on its own
                mask = ops.reshape(ops.cast(mask, self.dtype), ops.shape(keep))
                weight, keep = weight * ops.mean(mask), keep * mask
            weight = weight / ops.maximum(self.share(keep), keras.config.epsilon())
        return weight

    def get_config(self) -> dict[str, Any]:
        """Return every constructor argument, `dtype` included."""
        return {name: getattr(self, name) for name in arguments(type(self))}


class AlignedLoss(BaseLoss):
    """Compare each prediction with its label, and average over a sample's targets.

    A subclass gives `per_target(y_true, y_pred)`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …).
    """

    def call(self, y_true, y_pred):
        return ops.mean(self.per_target(*align(y_true, y_pred)), axis=-1)

    def per_target(self, y_true, y_pred):
        """Return the cost of every target, in the shape of both arguments."""
        raise NotImplementedError
