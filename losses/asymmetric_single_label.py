"""Asymmetric loss over exclusive classes. Ridnik et al. 2021, arXiv:2009.14119."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss, miss


@keras.saving.register_keras_serializable(package="kerazoo")
class AsymmetricSingleLabelLoss(CategoricalLoss):
    """Discount easy samples, and the smoothed shares of the wrong classes still more.

    With the label y, target shares q and probabilities p a sample costs
    -sum(q * (y * (1 - p) ** gamma_pos + (1 - y) * p ** gamma_neg) * log(p)). Without
    label smoothing it is the focal loss with gamma_pos.

    Task: classification.
    For: exclusive classes under label smoothing that should not pull on all of them.
    Not for: probabilities taken at face value, which its powers distort.

    Args:
        gamma_neg: how strongly wrong classes are discounted, at least 0.
        gamma_pos: how strongly easy samples are discounted, at least 0.
        label_smoothing: share of every target that is spread over all classes, in
            [0, 1); the paper's 0.1.
        **kwargs: `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a gamma below 0, and as `CategoricalLoss` does.

    >>> loss = AsymmetricSingleLabelLoss(label_smoothing=0.0)
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    def __init__(self, gamma_neg=4.0, gamma_pos=0.0, label_smoothing=0.1, **kwargs):
        super().__init__(label_smoothing=label_smoothing, **kwargs)
        require(gamma_neg >= 0, "gamma_neg", "at least 0", gamma_neg)
        require(gamma_pos >= 0, "gamma_pos", "at least 0", gamma_pos)
        self.gamma_neg = gamma_neg
        self.gamma_pos = gamma_pos

    def per_sample(self, target, logits):  # noqa: D102
        e, num_classes = self.label_smoothing, target.shape[-1]
        label = (target - e / num_classes) / (1 - e)
        log_p = ops.log_softmax(logits)
        right = label * miss(log_p) ** self.gamma_pos
        wrong = (1 - label) * ops.exp(self.gamma_neg * log_p)
        return -ops.sum(target * (right + wrong) * log_p, axis=-1)
