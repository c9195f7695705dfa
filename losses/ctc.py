"""Connectionist temporal classification. Graves 2006, doi:10.1145/1143844.1143891."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, as_tensor, require, seen
from kerazoo.losses._categorical import LARGEST_EXACT_INDEX
from kerazoo.losses._sequence import fits, without_mask


@keras.saving.register_keras_serializable(package="kerazoo")
class CTCLoss(BaseLoss):
    """Learn a short sequence from a long one, without being told where each part is.

    A sample costs -log of the summed probability of every path of classes, one a frame,
    that reads as its labels once repeats are joined and blanks are dropped. It is
    `keras.ops.ctc_loss`, in float32. Beyond `keras.losses.CTC` frames that a Keras mask
    drops do not count, any class may be the blank, and labels that do not fit into
    their frames, with a blank between any two that are the same, are an error, or NaN
    in a compiled step: Keras's answer depends on the backend.

    Task: sequence.
    For: speech and handwriting, where labels follow the input's order.
    Not for: outputs longer than the input, or in another order.

    Args:
        blank_index: the class that stands for no label, from 0; labels are padded with
            it. `keras.ops.ctc_decode` calls it mask_index.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, labels), classes, and then blanks.
        y_pred: (batch, frames, classes), logits; a mask of (batch, frames) must leave
            the first frames of a sample.
        before reduction: (batch,), in nats; PyTorch's divides by the labels too.

    Raises:
        ValueError: blank_index below 0, shapes that do not fit, labels out of range,
            behind a blank or too many for their frames.

    >>> loss = CTCLoss()  # 3 of 4 paths read "1": 1 1, 1 0 and 0 1
    >>> round(float(loss(ops.array([[1]]), ops.zeros((1, 2, 2)))), 4)
    0.2877
    """

    def __init__(self, blank_index=0, **kwargs):
        super().__init__(**kwargs)
        good = isinstance(blank_index, int) and blank_index >= 0
        require(good, "blank_index", "a whole number of at least 0", blank_index)
        self.blank_index = blank_index

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the reduced loss; the mask of y_pred says which frames there are."""
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
        good, rule = len(predictions) == 3, "(batch, frames, classes)"
        require(good, "y_pred", rule, predictions)
        good = fits(labels, (predictions[0], None))
        require(good, "y_true", "of shape (batch, labels)", labels)
        y_pred, mask = without_mask(y_pred)
        if mask is None:
            mask = ops.ones(ops.shape(y_pred)[:2], "bool")
        # `call` gets the number of frames as a first label.
        frames = ops.sum(ops.cast(mask, self.dtype), axis=1, keepdims=True)
        y_true = ops.concatenate([frames, ops.cast(y_true, self.dtype)], axis=1)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):  # noqa: D102
        y_true = ops.cast(y_true, "int32")
        num_frames, labels = y_true[:, 0], y_true[:, 1:]
        in_range = ops.logical_and(labels >= 0, labels < y_pred.shape[-1])
        labels = ops.where(in_range, labels, self.blank_index)
        num_labels, needed = self.count(labels)
        values = ops.ctc_loss(labels, y_pred, num_labels, num_frames, self.blank_index)
        good = ops.logical_and(ops.all(in_range, axis=1), needed <= num_frames)
        return ops.where(good, values, float("nan"))

    def count(self, labels):
        """Return how many labels each sample has, and how many frames they need."""
        shown = labels != self.blank_index
        twice = ops.logical_and(shown[:, 1:], labels[:, 1:] == labels[:, :-1])
        num_labels, repeats = (
            ops.sum(ops.cast(where, "int32"), axis=1) for where in (shown, twice)
        )
        return num_labels, num_labels + repeats

    def check(self, y_true, y_pred):  # noqa: D102
        num_frames, num_classes = y_pred.shape[1:]
        largest = LARGEST_EXACT_INDEX.get(self.dtype)
        good = largest is None or max(num_frames or 0, num_classes) <= largest
        require(good, "dtype", "float32 for so many frames or classes", self.dtype)
        good, rule = self.blank_index < num_classes, f"below {num_classes}, the classes"
        require(good, "blank_index", rule, self.blank_index)
        labels = seen(y_true)
        if labels is None:
            return
        num_frames, labels = labels[:, 0], labels[:, 1:]
        wrong = labels[(labels < 0) | (labels >= num_classes) | (labels % 1 != 0)]
        rule = f"classes in 0..{num_classes - 1}"
        require(not wrong.size, "y_true", rule, wrong[:1].tolist())
        blank = labels == self.blank_index
        late = labels[(blank[:, :-1] & ~blank[:, 1:]).any(axis=1)]
        require(not len(late), "y_true", "labels, and then blanks", late[:1].tolist())
        needed = seen(self.count(ops.cast(labels, "int32"))[1])
        long = labels[needed > num_frames]
        rule = f"no longer than its {num_frames[needed > num_frames][:1]} frames allow"
        require(not len(long), "y_true", rule, long[:1].tolist())
