"""Bi-tempered logistic loss for noisy labels. Amid et al. 2019, arXiv:1906.03361."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss

NUM_STEPS = 8  # of Newton's method; one is exact where all logits are equal


def log_t(x, t: float):
    """Return the tempered logarithm, (x ** (1 - t) - 1) / (1 - t)."""
    return ops.log(x) if t == 1 else (x ** (1 - t) - 1) / (1 - t)


def exp_t(x, t: float):
    """Return the tempered exponential, the inverse of `log_t`."""
    if t == 1:
        return ops.exp(x)
    return ops.maximum(1 + (1 - t) * x, keras.config.epsilon()) ** (1 / (1 - t))


def tempered_softmax(logits, t: float):
    """Return exp_t(logits - norm), with the norm for which the shares add up to 1.

    Newton's method on log_t of the sum climbs to the norm from below and never passes
    it. It runs on constants: at the norm the gradient is known.
    """
    if t == 1:
        return ops.softmax(logits)
    logits = logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
    fixed = ops.stop_gradient(logits)
    norm = ops.zeros_like(fixed[..., :1])
    for _ in range(NUM_STEPS):
        p = exp_t(fixed - norm, t)
        total = ops.sum(p, axis=-1, keepdims=True)
        norm = norm + log_t(total, t) * total**t / ops.sum(p**t, -1, keepdims=True)
    escort = exp_t(fixed - norm, t) ** t
    escort = escort / ops.sum(escort, axis=-1, keepdims=True)
    norm = norm + ops.sum(escort * (logits - fixed), axis=-1, keepdims=True)
    return exp_t(logits - norm, t)


@keras.saving.register_keras_serializable(package="kerazoo")
class BiTemperedLoss(CategoricalLoss):
    """Bound what a wrong label may cost, and let far samples count less.

    With target shares q, p = exp_t2(z - norm) and t = t1 a sample costs
    sum(q * (log_t(q) - log_t(p)) - (q ** (2 - t) - p ** (2 - t)) / (2 - t)).

    Task: noisy labels.
    For: wrong labels both far from the boundary (t1) and near it (t2).
    Not for: clients that read the logits by a softmax, where t2 is above 1.

    Args:
        t1: temperature of the logarithm, in [0, 1]; below 1 the loss is bounded.
        t2: temperature of the softmax, at least 1; above 1 its tails are heavy. Both at
            1 are cross-entropy.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …).

    Raises:
        ValueError: t1 outside [0, 1], t2 below 1, and as `CategoricalLoss` does.

    >>> loss = BiTemperedLoss(t1=0.5, t2=1.5)  # 4 / 3 - 2 * sqrt(1 / 2) * 2 / 3
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.3905
    """

    def __init__(self, t1=0.8, t2=1.3, **kwargs):
        super().__init__(**kwargs)
        require(0 <= t1 <= 1, "t1", "in [0, 1]", t1)
        require(t2 >= 1, "t2", "at least 1", t2)
        self.t1 = t1
        self.t2 = t2

    def per_sample(self, target, logits):  # noqa: D102
        floor, t = keras.config.epsilon(), self.t1
        p = ops.maximum(tempered_softmax(logits, self.t2), floor)
        known = log_t(ops.maximum(target, floor), t) - log_t(p, t)
        divergence = (target ** (2 - t) - p ** (2 - t)) / (2 - t)
        return ops.sum(target * known - divergence, axis=-1)
