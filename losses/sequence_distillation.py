"""Word-level distillation of sequence models. Kim & Rush 2016, arXiv:1606.07947."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._sequence import fits
from kerazoo.losses._teacher import divergence
from kerazoo.losses.token_cross_entropy import TokenCrossEntropyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class SequenceDistillationLoss(TokenCrossEntropyLoss):
    """Teach a small sequence model what a large one expects at every step.

    With the shares p of the teacher and q of the student, both from logits divided by
    the temperature T, a token costs (1 - alpha) times its cross-entropy, plus
    alpha * T ** 2 * sum(p * log(p / q)). For the paper's sequence-level distillation
    train with `TokenCrossEntropyLoss` on what the teacher decodes.

    Task: sequence.
    For: a small decoder with a large one of the same vocabulary.
    Not for: teachers of another vocabulary: train on their output.

    Args:
        alpha: the share of the teacher, in [0, 1]; the rest is the true tokens'.
        temperature: T, above 0; higher shows more of what the teacher thinks unlikely.
        **kwargs: `ignore_index`, `normalizer`, `label_smoothing` of `TokenLoss`, the
            last and `class_weight` for the cross-entropy alone; `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, time, 1 + vocabulary), the id of the true token, and after it
            the teacher's logits.
        y_pred: (batch, time, vocabulary), the student's logits.
        before reduction: (batch, time), in nats, 0 for padding.

    Raises:
        ValueError: a number outside its bounds, and as `TokenLoss` does.

    >>> loss = SequenceDistillationLoss(alpha=1.0)  # log(2), from a sure teacher
    >>> y_true, y_pred = ops.array([[[1.0, -99.0, 99.0]]]), ops.zeros((1, 1, 2))
    >>> round(float(loss(y_true, y_pred)), 4)
    0.6931
    """

    def __init__(self, alpha=0.5, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        require(0 <= alpha <= 1, "alpha", "in [0, 1]", alpha)
        require(temperature > 0, "temperature", "above 0", temperature)
        self.alpha = alpha
        self.temperature = temperature

    def call(self, y_true, y_pred):  # noqa: D102
        t = self.temperature
        log_p = ops.log_softmax(y_true[..., 1:] / t)
        log_q = ops.log_softmax(self.logits(y_pred) / t)
        truth = super().call(y_true[..., 0], y_pred)
        return (1 - self.alpha) * truth + self.alpha * t**2 * divergence(log_p, log_q)

    def kept(self, y_true, y_pred):  # noqa: D102
        return super().kept(y_true[..., 0], y_pred)

    def check(self, y_true, y_pred):  # noqa: D102
        labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
        good = len(predictions) == 3
        good = good and fits(labels, (*predictions[:2], predictions[2] + 1))
        rule = f"a true token and the teacher's logits for y_pred of {predictions}"
        require(good, "y_true", rule, labels)
        super().check(y_true[..., 0], y_pred)
