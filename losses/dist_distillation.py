"""Distillation from a stronger teacher (DIST). Huang et al. 2022, arXiv:2205.10536."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._teacher import TeacherLoss

SMALLEST_SPREAD = 1e-4  # of shares; below it there is rounding more than relation


def centred(x, axis: int):
    """Return x less its mean, scaled so that squares stay within any dtype's range."""
    x = x - ops.mean(x, axis=axis, keepdims=True)
    size = ops.stop_gradient(ops.max(ops.abs(x), axis=axis, keepdims=True))
    return x / ops.maximum(size, SMALLEST_SPREAD)


def correlation(a, b, axis: int):
    """Return Pearson's correlation along an axis; 0 where one side is constant."""
    a, b = centred(a, axis), centred(b, axis)
    size = ops.sum(ops.square(a), axis=axis) * ops.sum(ops.square(b), axis=axis)
    size = ops.maximum(size, keras.config.epsilon())
    return ops.sum(a * b, axis=axis) / ops.sqrt(size)


@keras.saving.register_keras_serializable(package="kerazoo")
class DISTDistillationLoss(TeacherLoss):
    """Teach how the teacher ranks, not its exact probabilities.

    With the shares of teacher and student, both from logits divided by the temperature
    T, a sample costs T ** 2 * (beta * (1 - the correlation over its classes) + gamma *
    (1 - the correlation over the batch, averaged over the classes)), plus hard_weight
    times the cross-entropy with the true class.

    Task: distillation.
    For: a teacher much stronger than its student, whose ranking is enough.
    Not for: small batches, over which it correlates.

    Args:
        beta: the weight of the relation between classes, at least 0.
        gamma: the weight of the relation between samples, at least 0.
        temperature: T, above 0.
        **kwargs: `hard_weight` of `TeacherLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, classes), the teacher's logits, or (batch, 1 + classes), with
            the index of the true class before them.
        y_pred: (batch, classes), the student's logits.
        before reduction: (batch,). A sample's value depends on its batch.

    Raises:
        ValueError: a weight below 0, and as `TeacherLoss` does.

    >>> loss = DISTDistillationLoss()  # the student ranks the other way round
    >>> teacher, student = [[0.0, 1.0], [1.0, 0.0]], [[5.0, 0.0], [0.0, 5.0]]
    >>> round(float(loss(ops.array(teacher), ops.array(student))), 4)
    4.0
    """

    def __init__(self, beta=1.0, gamma=1.0, **kwargs):
        super().__init__(**kwargs)
        require(beta >= 0, "beta", "at least 0", beta)
        require(gamma >= 0, "gamma", "at least 0", gamma)
        self.beta = beta
        self.gamma = gamma

    def per_sample(self, teacher, student, label):  # noqa: D102
        p = ops.softmax(teacher / self.temperature)
        q = ops.softmax(student / self.temperature)
        between_classes = 1.0 - correlation(p, q, axis=-1)
        between_samples = 1.0 - ops.mean(correlation(p, q, axis=0))
        cost = self.beta * between_classes + self.gamma * between_samples
        return self.temperature**2 * cost
