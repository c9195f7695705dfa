"""Knowledge distillation. Hinton et al. 2015, arXiv:1503.02531."""

import keras
from keras import ops

from kerazoo.losses._teacher import TeacherLoss, divergence


@keras.saving.register_keras_serializable(package="kerazoo")
class DistillationLoss(TeacherLoss):
    """Teach a small model the probabilities of a large one.

    With the shares p of the teacher and q of the student, both from logits divided by
    the temperature T, a sample costs T ** 2 * sum(p * log(p / q)), plus hard_weight
    times the cross-entropy with the true class.

    Task: distillation.
    For: packing a large model, or several, into a small one.
    Not for: a teacher that the student cannot match: see `dist_distillation`.

    Args:
        temperature: T, above 0; higher shows more of what the teacher thinks unlikely.
        hard_weight: the weight of the cross-entropy with the true class, at least 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, classes), the teacher's logits, or (batch, 1 + classes), with
            the index of the true class before them.
        y_pred: (batch, classes), the student's logits.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: as `TeacherLoss` does.

    >>> loss = DistillationLoss(temperature=2.0)  # 4 * log(2), from a sure teacher
    >>> round(float(loss(ops.array([[99.0, -99.0]]), ops.array([[0.0, 0.0]]))), 4)
    2.7726
    """

    def __init__(self, temperature=4.0, **kwargs):
        super().__init__(temperature=temperature, **kwargs)

    def per_sample(self, teacher, student, label):  # noqa: D102
        log_p = ops.log_softmax(teacher / self.temperature)
        log_q = ops.log_softmax(student / self.temperature)
        return self.temperature**2 * divergence(log_p, log_q)
