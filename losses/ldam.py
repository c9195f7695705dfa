"""Label-distribution-aware margin loss. Cao et al. 2019, arXiv:1906.07413."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss, as_numbers, per_class


@keras.saving.register_keras_serializable(package="kerazoo")
class LDAMLoss(CategoricalLoss):
    """Ask rare classes to be right by a wider margin.

    A class with n samples has the margin m = max_margin * (n_min / n) ** (1 / 4). A
    sample costs the cross-entropy of scale * (z - m * q), where z are logits and q is
    the target. The paper's z are cosines; its deferred re-weighting is class_weight in
    a second phase of training.

    Task: imbalance.
    For: long-tailed classes under a cosine last layer, re-weighted later on.
    Not for: logits without bounds, which a scale of 30 overdrives.

    Args:
        class_counts: samples per class in the training data, each above 0.
        max_margin: the margin of the rarest class, at least 0.
        scale: a factor on the logits, above 0.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a count that is not above 0, max_margin below 0, scale not above 0,
            and as `CategoricalLoss` does.

    >>> loss = LDAMLoss([16, 1], scale=1.0)  # margins 0.25 and 0.5
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.5]]))), 4)
    0.6931
    """

    def __init__(self, class_counts, max_margin=0.5, scale=30.0, **kwargs):
        super().__init__(**kwargs)
        require(max_margin >= 0, "max_margin", "at least 0", max_margin)
        require(scale > 0, "scale", "above 0", scale)
        self.class_counts = as_numbers(class_counts, "class_counts", above=0)
        self.max_margin = max_margin
        self.scale = scale
        rarest = min(self.class_counts)
        self._margin = [max_margin * (rarest / n) ** 0.25 for n in self.class_counts]

    def per_sample(self, target, logits):  # noqa: D102
        margin = per_class(self._margin, "class_counts", target.shape[-1], self.dtype)
        log_p = ops.log_softmax(self.scale * (logits - margin * target))
        return -ops.sum(target * log_p, axis=-1)
