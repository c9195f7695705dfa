"""Binary cross-entropy over classes, as used for ImageNet. Wightman et al. 2021.

ResNet strikes back, arXiv:2110.00476.
"""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class MulticlassBinaryCrossEntropyLoss(CategoricalLoss):
    """Ask of every class on its own whether it is there, as mixed images need.

    With target shares q, made 0 or 1 where target_threshold is given, and p the sigmoid
    of a class's logit, a sample costs the mean over the classes of
    -(q * log(p) + (1 - q) * log(1 - p)).

    Task: classification.
    For: exclusive classes mixed by MixUp or CutMix, two of them in one image.
    Not for: probabilities that must add up to 1.

    Args:
        target_threshold: shares above it become 1 and the others 0, in [0, 1); None
            leaves the shares of MixUp and CutMix as they are.
        sum_classes: True for the sum over the classes in place of the mean.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits; from_logits=False means sigmoids.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: target_threshold outside [0, 1), and as `CategoricalLoss` does.

    >>> loss = MulticlassBinaryCrossEntropyLoss(target_threshold=0.2)
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    def __init__(self, target_threshold=None, sum_classes=False, **kwargs):
        super().__init__(**kwargs)
        good = target_threshold is None or 0 <= target_threshold < 1
        require(good, "target_threshold", "in [0, 1), or None", target_threshold)
        self.target_threshold = target_threshold
        self.sum_classes = sum_classes

    def logits(self, y_pred):  # noqa: D102
        if self.from_logits:
            return y_pred
        return super().logits(y_pred) - super().logits(1.0 - y_pred)

    def per_sample(self, target, logits):  # noqa: D102
        if self.target_threshold is not None:
            target = ops.cast(target > self.target_threshold, self.dtype)
        values = target * ops.softplus(-logits) + (1 - target) * ops.softplus(logits)
        return (
            ops.sum(values, axis=-1) if self.sum_classes else ops.mean(values, axis=-1)
        )
