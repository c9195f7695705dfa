"""R-Drop: regularised dropout. Liang et al. 2021, arXiv:2106.14448."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._teacher import divergence
from kerazoo.losses.token_cross_entropy import TokenCrossEntropyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class RDropLoss(TokenCrossEntropyLoss):
    """Make a model say the same of an input whatever dropout leaves out.

    With the probabilities p and q of two passes over the same input a token costs its
    cross-entropy under p and that under q, and alpha / 2 * (KL(p, q) + KL(q, p)), which
    is twice the cross-entropy without dropout. `kerazoo.harness.two_passes` makes such
    a model of any other, as the sequence template does for `--loss r_drop`; a model of
    your own calls its layers twice and ends in
    `keras.ops.stack([first, second], axis=1)`.

    Task: sequence.
    For: translation models that overfit, trained with dropout.
    Not for: models without dropout; each step costs two passes.

    Args:
        alpha: the weight of the disagreement, at least 0; 5 for translation in the
            paper, 1 for language models.
        **kwargs: `ignore_index`, `normalizer`, `label_smoothing` of `TokenLoss`;
            `class_weight`, of the cross-entropies alone, and `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, time) token ids.
        y_pred: (batch, 2, time, vocabulary), the logits of both passes.
        before reduction: (batch, time), in nats, 0 for padding.

    Raises:
        ValueError: alpha below 0, y_pred without an axis of two passes, and as
            `TokenLoss` does.

    >>> loss = RDropLoss()  # 2 * log(2), as both passes agree
    >>> round(float(loss(ops.array([[1]]), ops.zeros((1, 2, 1, 2)))), 4)
    1.3863
    """

    def __init__(self, alpha=5.0, **kwargs):
        super().__init__(**kwargs)
        require(alpha >= 0, "alpha", "at least 0", alpha)
        self.alpha = alpha

    def call(self, y_true, y_pred):  # noqa: D102
        first, second = y_pred[:, 0], y_pred[:, 1]
        log_p = ops.log_softmax(self.logits(first))
        log_q = ops.log_softmax(self.logits(second))
        apart = (divergence(log_p, log_q) + divergence(log_q, log_p)) / 2
        values = super().call(y_true, first) + super().call(y_true, second)
        return values + self.alpha * apart

    def kept(self, y_true, y_pred):  # noqa: D102
        return super().kept(y_true, y_pred[:, 0])

    def check(self, y_true, y_pred):  # noqa: D102
        good = len(y_pred.shape) == 4 and y_pred.shape[1] == 2
        rule = "(batch, 2, time, vocabulary), of two passes"
        require(good, "y_pred", rule, tuple(y_pred.shape))
        super().check(y_true, y_pred[:, 0])
