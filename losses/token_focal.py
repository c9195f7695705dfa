"""Focal loss over tokens. Lin et al. 2017, arXiv:1708.02002; 2010.04924 on tokens."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import miss
from kerazoo.losses._sequence import TokenLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class TokenFocalLoss(TokenLoss):
    """Charge tokens that the model finds hard more than those it is sure of.

    With the probability p of the true token it costs -(1 - p) ** gamma * log(p).

    Task: sequence.
    For: rare tokens beside a few very frequent ones.
    Not for: probabilities that must be calibrated.

    Args:
        gamma: how strongly easy tokens are discounted, at least 0; 0 is cross-entropy.
        **kwargs: `ignore_index`, `normalizer`, `label_smoothing` of `TokenLoss`;
            `class_weight`, `from_logits` of `CategoricalLoss`; `name`, `reduction`,
            `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, time) token ids.
        y_pred: (batch, time, vocabulary), logits.
        before reduction: (batch, time), in nats, 0 for padding.

    Raises:
        ValueError: gamma below 0, and as `TokenLoss` does.

    >>> loss = TokenFocalLoss(2.0)  # log(2) / 4
    >>> round(float(loss(ops.array([[1]]), ops.zeros((1, 1, 2)))), 4)
    0.1733
    """

    def __init__(self, gamma=2.0, **kwargs):
        super().__init__(**kwargs)
        require(gamma >= 0, "gamma", "at least 0", gamma)
        self.gamma = gamma

    def costs(self, logits):  # noqa: D102
        log_p = ops.log_softmax(logits)
        return -(miss(log_p) ** self.gamma) * log_p
