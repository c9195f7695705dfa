"""PolyLoss (Poly-1). Leng et al. 2022, arXiv:2204.12511."""

import keras
import numpy as np
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class PolyLoss(CategoricalLoss):
    """Add the first term of cross-entropy's series once more, with a weight.

    With p the probability of the true class a sample costs
    -log(p) + epsilon * (1 - p).

    Task: classification.
    For: a tuned alternative to cross-entropy, for one number more.
    Not for: calibration: an epsilon above 0 rewards confidence.

    Args:
        epsilon: the weight of the added term; above 0 it rewards confidence, -1 is the
            least for which the loss still falls with p.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: epsilon below -1 or not finite, and as `CategoricalLoss` does.

    >>> round(float(PolyLoss(2.0)(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    1.6931
    """

    def __init__(self, epsilon=1.0, **kwargs):
        super().__init__(**kwargs)
        good = np.isfinite(epsilon) and epsilon >= -1
        require(good, "epsilon", "a finite number, at least -1", epsilon)
        self.epsilon = epsilon

    def per_sample(self, target, logits):  # noqa: D102
        log_p = ops.log_softmax(logits)
        wrong = 1.0 - ops.sum(target * ops.exp(log_p), axis=-1)
        return self.epsilon * wrong - ops.sum(target * log_p, axis=-1)
