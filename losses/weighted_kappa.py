"""Weighted kappa. de la Torre et al. 2018, doi:10.1016/j.patrec.2017.05.018."""

import keras
import numpy as np
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class WeightedKappaLoss(CategoricalLoss):
    """Train the agreement beyond chance of two raters on ordered classes.

    With w = abs(i - j) or (i - j) ** 2 the batch costs log(the mean of w between label
    and prediction / the mean of w between any label and any prediction of the batch +
    epsilon): log(1 - kappa + epsilon). Every sample is charged the value of its batch.
    The numbers are those of tensorflow-addons, whose labels were one-hot only and whose
    reduction defaulted to none.

    Task: ordinal.
    For: ordered classes that are judged by weighted kappa.
    Not for: small batches, whose agreement by chance is itself by chance.

    Args:
        num_classes: the number of ordered classes, at least 2.
        weightage: `"quadratic"` or `"linear"`.
        epsilon: keeps the logarithm finite, above 0.
        from_logits: True for scores before the softmax, False for probabilities.
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index` of
            `CategoricalLoss`; `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) class indices, or (batch, classes) shares.
        y_pred: (batch, classes), probabilities.
        before reduction: (batch,), the same value for the whole batch.

    Raises:
        ValueError: num_classes below 2 or not that of y_pred, another weightage,
            epsilon not above 0, and as `CategoricalLoss` does.

    >>> loss = WeightedKappaLoss(2)  # no better than chance: log(1)
    >>> y_true, y_pred = ops.array([0, 1]), ops.array([[0.5, 0.5], [0.5, 0.5]])
    >>> round(float(loss(y_true, y_pred)), 4)
    0.0
    """

    def __init__(
        self,
        num_classes,
        weightage="quadratic",
        epsilon=1e-6,
        from_logits=False,
        **kwargs,
    ):
        super().__init__(from_logits=from_logits, **kwargs)
        known = weightage in ("quadratic", "linear")
        require(num_classes >= 2, "num_classes", "at least 2", num_classes)
        require(known, "weightage", "'quadratic' or 'linear'", weightage)
        require(epsilon > 0, "epsilon", "above 0", epsilon)
        self.num_classes = num_classes
        self.weightage = weightage
        self.epsilon = epsilon

    def logits(self, y_pred):
        """Return probabilities: unlike its relatives this loss computes with them."""
        return ops.softmax(y_pred) if self.from_logits else y_pred

    def per_sample(self, target, logits):  # noqa: D102
        require(
            logits.shape[-1] == self.num_classes,
            "num_classes",
            f"{logits.shape[-1]}, as many as y_pred has",
            self.num_classes,
        )
        p, rank = logits, np.arange(self.num_classes)
        apart = ops.square if self.weightage == "quadratic" else ops.abs
        rank = ops.convert_to_tensor(rank, self.dtype)
        distance = apart(rank[:, None] - rank[None, :])
        # A label's distance is that of its rank, also where shares make it a fraction.
        own = apart(ops.sum(target * rank, axis=-1, keepdims=True) - rank)
        between = ops.mean(ops.sum(own * p, axis=-1))
        labels, predictions = ops.mean(target, axis=0), ops.mean(p, axis=0)
        chance = ops.sum(labels * ops.sum(distance * predictions, axis=-1))
        value = between / ops.maximum(chance, keras.config.epsilon())
        return ops.log(value + self.epsilon) + ops.zeros_like(p[:, 0])
