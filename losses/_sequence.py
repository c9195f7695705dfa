"""What the losses over tokens share: padding, smoothing, the mean over tokens."""

from keras import ops
from keras.src.backend import get_keras_mask  # a mask has no public name

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss, per_class


def fits(shape, wanted) -> bool:
    """Tell whether a shape is the wanted one, where None stands for any size."""
    return len(shape) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(shape, wanted, strict=True)
    )


def without_mask(y_pred):
    """Return predictions and, apart, their mask of (batch, time), or None without one.

    Keras would apply it to a sequence loss's values, which are one a sample.
    """
    mask = get_keras_mask(y_pred)
    if mask is None or len(mask.shape) != 2:
        return y_pred, None
    return ops.copy(y_pred), mask


class TokenLoss(CategoricalLoss):
    """Compare logits over a vocabulary with token ids, and leave padding out.

    The mean is over the tokens of the batch that count, those that are neither
    `ignore_index` nor masked by Keras: more padding changes nothing. A subclass gives
    `costs(logits)`.

    With gradient accumulation the means of short and long batches would weigh the same.
    Give `normalizer` then, say the mean number of tokens in a batch: the sum over a
    batch's tokens is divided by it. Gradients that are accumulated over k batches are
    then those of one batch of all their samples whose normalizer is k times as large,
    wherever it was cut. Where the tokens of an update are counted beforehand,
    `reduction="sum"` with k / tokens as every sample weight gives their exact mean.

    Args:
        ignore_index: the token id of padding, 0 as in Keras's `mask_zero`,
            `pad_sequences` and `TextVectorization`; None where every token counts.
        normalizer: divides the sum over the tokens of a batch, above 0, for gradient
            accumulation; None for the number that count.
        label_smoothing: the share that the true token gives up to all others, in
            [0, 1), as in tensor2tensor and fairseq; Keras and `CrossEntropyLoss` leave
            it a part of that share.
        **kwargs: `class_weight`, `from_logits` of `CategoricalLoss`; `name`,
            `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, time) token ids.
        y_pred: (batch, time, vocabulary).
        before reduction: (batch, time), 0 for padding.

    Raises:
        ValueError: normalizer not above 0, or with a reduction that is no mean over the
            batch, shapes that do not fit, and as `CategoricalLoss` does.
    """

    def __init__(self, ignore_index=0, normalizer=None, label_smoothing=0.0, **kwargs):
        super().__init__(
            ignore_index=ignore_index, label_smoothing=label_smoothing, **kwargs
        )
        good = normalizer is None or normalizer > 0
        require(good, "normalizer", "above 0", normalizer)
        good = normalizer is None or self.reduction in ("mean", "sum_over_batch_size")
        rule = "a mean over the batch, which normalizer divides"
        require(good, "reduction", rule, self.reduction)
        self.normalizer = normalizer

    def call(self, y_true, y_pred):
        index, in_range, _ = self.indices(y_true, y_pred)
        values = self.per_token(index, self.logits(y_pred))
        if self.class_weight is not None:
            num_tokens, name = y_pred.shape[-1], "class_weight"
            weight = per_class(self.class_weight, name, num_tokens, self.dtype)
            values = values * ops.take(weight, index)
        return ops.where(in_range, values, float("nan"))

    def per_token(self, index, logits):
        """Return the cost of each token, smoothed."""
        # Picked from the vocabulary: one-hot tokens would fill as much memory again.
        costs = self.costs(logits)
        own = ops.take_along_axis(costs, ops.expand_dims(index, -1), axis=-1)[..., 0]
        if not self.label_smoothing:
            return own
        others = (ops.sum(costs, axis=-1) - own) / (logits.shape[-1] - 1)
        return own + self.label_smoothing * (others - own)

    def costs(self, logits):
        """Return what every token of the vocabulary would cost as the true one."""
        raise NotImplementedError

    def share(self, counted):
        if self.normalizer is None:
            return super().share(counted)
        return self.normalizer / ops.cast(ops.size(counted), self.dtype)

    def kept(self, y_true, y_pred):
        if self.ignore_index is None:
            return ops.ones(ops.shape(y_pred)[:-1], self.dtype)
        return super().kept(y_true, y_pred)

    def check(self, y_true, y_pred):
        labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
        rule = "(batch, time, vocabulary)"
        require(len(predictions) == 3, "y_pred", rule, predictions)
        rule = f"token ids of shape {predictions[:2]}"
        good = fits(labels, predictions[:2]) or fits(labels, (*predictions[:2], 1))
        require(good, "y_true", rule, labels)
        super().check(y_true, y_pred)
