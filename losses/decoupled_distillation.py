"""Decoupled knowledge distillation (DKD). Zhao et al. 2022, arXiv:2203.08679."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._teacher import TeacherLoss, divergence, log_softmax_of_others


@keras.saving.register_keras_serializable(package="kerazoo")
class DecoupledDistillationLoss(TeacherLoss):
    """Teach how sure to be of the true class, and apart from that how wrong the others.

    With the temperature T a sample costs T ** 2 * (alpha * the divergence of the true
    class against the rest + beta * the divergence among the other classes), plus
    hard_weight times the cross-entropy with the true class.

    Task: distillation.
    For: a sure teacher, whose view of the wrong classes is lost in `distillation`.
    Not for: unlabelled data: it needs the true class of each sample.

    Args:
        alpha: the weight of the true class against the rest, at least 0.
        beta: the weight of the other classes among themselves, at least 0.
        temperature: T, above 0.
        **kwargs: `hard_weight` of `TeacherLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, 1 + classes), the index of the true class and the teacher's
            logits.
        y_pred: (batch, classes), the student's logits.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: a weight below 0, and as `TeacherLoss` does.

    >>> loss = DecoupledDistillationLoss(temperature=1.0)  # log(3); the others agree
    >>> y_true, y_pred = ops.array([[0, 99.0, 0.0, 0.0]]), ops.zeros((1, 3))
    >>> round(float(loss(y_true, y_pred)), 4)
    1.0986
    """

    needs_label = True

    def __init__(self, alpha=1.0, beta=8.0, temperature=4.0, **kwargs):
        super().__init__(temperature=temperature, **kwargs)
        require(alpha >= 0, "alpha", "at least 0", alpha)
        require(beta >= 0, "beta", "at least 0", beta)
        self.alpha = alpha
        self.beta = beta

    def per_sample(self, teacher, student, label):  # noqa: D102
        true, others = [], []
        for logits in (teacher / self.temperature, student / self.temperature):
            log_others, log_rest = log_softmax_of_others(logits, label)
            log_true = ops.sum(label * ops.log_softmax(logits), axis=-1)
            true.append(ops.stack([log_true, log_rest], axis=-1))
            others.append(log_others)
        cost = self.alpha * divergence(*true) + self.beta * divergence(*others)
        return self.temperature**2 * cost
