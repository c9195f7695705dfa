"""What the distillation losses share: a teacher's logits as labels, and true labels."""

from keras import ops

from kerazoo.losses._base import BaseLoss, require


class TeacherLoss(BaseLoss):
    """Compare a student's logits with its teacher's, and maybe with the true class.

    A subclass gives `per_sample(teacher, student, label)`, where label is one-hot, or
    None where y_true holds no labels.

    Args:
        temperature: divides the logits of both, above 0.
        hard_weight: the weight of the cross-entropy with the true class, at least 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, classes), the teacher's logits, or (batch, 1 + classes), with
            the index of the true class before them.
        y_pred: (batch, classes), the student's logits.
        before reduction: (batch,).

    Raises:
        ValueError: a number outside its bounds, hard_weight without true classes, or
            shapes that cannot be aligned.
    """

    needs_label = False

    def __init__(self, temperature=1.0, hard_weight=0.0, **kwargs):
        super().__init__(**kwargs)
        require(temperature > 0, "temperature", "above 0", temperature)
        require(hard_weight >= 0, "hard_weight", "at least 0", hard_weight)
        self.temperature = temperature
        self.hard_weight = hard_weight

    def call(self, y_true, y_pred):
        num_classes, width = y_pred.shape[-1], y_true.shape[-1]
        good = len(y_true.shape) == len(y_pred.shape) == 2
        good = good and width in (num_classes, num_classes + 1)
        rule = f"of shape (batch, {num_classes}) or (batch, {num_classes + 1})"
        require(good, "y_true", rule, tuple(y_true.shape))
        label = None
        if width > num_classes:
            index = ops.cast(y_true[:, 0], "int32")
            label = ops.one_hot(index, num_classes, dtype=self.dtype)
        elif self.needs_label or self.hard_weight:
            rule = "the index of the true class in front of the teacher's logits"
            require(False, "y_true", rule, tuple(y_true.shape))
        values = self.per_sample(y_true[:, width - num_classes :], y_pred, label)
        if self.hard_weight:
            truth = ops.sum(label * ops.log_softmax(y_pred), axis=-1)
            values = values - self.hard_weight * truth
        return values

    def per_sample(self, teacher, student, label):
        """Return the cost of each sample, from logits that are not yet divided."""
        raise NotImplementedError


def divergence(log_p, log_q):
    """Return the Kullback-Leibler divergence of the shares q from the shares p."""
    return ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)


def log_softmax_of_others(logits, label):
    """Return log-shares among all classes but the true one, and log(1 - p) of that one.

    The true class is put so far below the others that its share is 0 in any dtype.
    """
    lowest = ops.min(logits, axis=-1, keepdims=True)
    others = ops.where(label > 0, lowest, logits)
    top = ops.max(others, axis=-1, keepdims=True)
    others = ops.where(label > 0, -2e4, logits - top)
    log_all = ops.logsumexp(logits - top, axis=-1)
    return ops.log_softmax(others), ops.logsumexp(others, axis=-1) - log_all
