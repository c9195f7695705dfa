"""Unlikelihood training, token level. Welleck et al. 2020, arXiv:1908.04319."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import miss
from kerazoo.losses.token_cross_entropy import TokenCrossEntropyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class UnlikelihoodLoss(TokenCrossEntropyLoss):
    """Keep a model from repeating what the sequence has said already.

    With probabilities p a token costs its cross-entropy, minus alpha times the sum of
    log(1 - p[c]) over every earlier true token c but itself, each counted once. 1 - p
    is cut off at 1e-7.

    Task: sequence.
    For: text generators that fall into loops.
    Not for: targets that repeat themselves, such as phonemes.

    Args:
        alpha: the weight of the repetitions, at least 0; 1 in the paper.
        **kwargs: `ignore_index`, `normalizer`, `label_smoothing` of `TokenLoss`;
            `class_weight`, of the cross-entropy alone, and `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, time) token ids.
        y_pred: (batch, time, vocabulary), logits.
        before reduction: (batch, time), in nats, 0 for padding.

    Raises:
        ValueError: alpha below 0, and as `TokenLoss` does.

    >>> loss = UnlikelihoodLoss()  # log(2), and log(2) + log(2) against the first
    >>> round(float(loss(ops.array([[1, 2]]), ops.array([[[-99.0, 0, 0]] * 2]))), 4)
    1.0397
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        require(alpha >= 0, "alpha", "at least 0", alpha)
        self.alpha = alpha

    def call(self, y_true, y_pred):  # noqa: D102
        index, _, ignored = self.indices(y_true, y_pred)
        token = ops.where(ignored, -1, index)
        same = token[:, :, None] == token[:, None, :]  # batch, time, earlier
        step = ops.arange(ops.shape(token)[1])
        earlier = step[:, None] > step[None, :]
        seen_before = ops.any(ops.logical_and(same, earlier), axis=-1)
        first = ops.logical_not(ops.logical_or(seen_before, ignored))
        candidate = ops.logical_and(earlier, ops.logical_not(same))
        candidate = ops.logical_and(candidate, first[:, None, :])
        # The index of the earlier token, for each step that it stands before.
        index = index[:, None, :] + ops.zeros_like(index)[:, :, None]
        log_p = ops.log_softmax(self.logits(y_pred))
        unlikely = -ops.log(miss(ops.take_along_axis(log_p, index, axis=-1)))
        repeated = ops.sum(ops.where(candidate, unlikely, 0.0), axis=-1)
        return super().call(y_true, y_pred) + self.alpha * repeated
