"""Cross-entropy over tokens. Label smoothing as in arXiv:1706.03762."""

import keras
from keras import ops

from kerazoo.losses._sequence import TokenLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class TokenCrossEntropyLoss(TokenLoss):
    """Charge the negative log-probability of every true token but padding.

    With probabilities p a token y of a vocabulary of V costs
    -(1 - e) * log(p[y]) - e / (V - 1) * sum over the others of log(p), e the
    label_smoothing. The mean is over the tokens that count, so that padding changes
    nothing. With gradient accumulation give `normalizer`, the mean number of tokens in
    a batch, which divides the sum in place of their number: the gradient is then the
    same wherever batches are cut. `TokenLoss` has more on it.

    Task: sequence.
    For: translation, text to phonemes, language models.
    Not for: vocabularies where 0 is a real token, unless ignore_index is set.

    Args:
        **kwargs: `ignore_index`, 0 for padding, `normalizer`, `label_smoothing` of
            `TokenLoss`; `class_weight`, `from_logits` of `CategoricalLoss`; `name`,
            `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, time) token ids.
        y_pred: (batch, time, vocabulary), logits.
        before reduction: (batch, time), in nats, 0 for padding.

    Raises:
        ValueError: as `TokenLoss` does.

    >>> loss = TokenCrossEntropyLoss()  # log(2) for one token; the other is padding
    >>> round(float(loss(ops.array([[1, 0]]), ops.zeros((1, 2, 2)))), 4)
    0.6931
    """

    def costs(self, logits):  # noqa: D102
        return -ops.log_softmax(logits)
