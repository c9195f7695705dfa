"""Class-balanced loss by effective number of samples. Cui 2019, arXiv:1901.05555."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._categorical import as_numbers, per_class
from kerazoo.losses.focal import FocalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class ClassBalancedLoss(FocalLoss):
    """Weigh each class by how much its samples really add, as they overlap.

    A class with n samples gets the weight (1 - beta) / (1 - beta ** n); the weights are
    scaled to a mean of 1 over the classes and multiply cross-entropy, or focal loss.

    Task: imbalance.
    For: long-tailed classes whose many samples resemble one another.
    Not for: counts all far above 1 / (1 - beta), which it weighs alike.

    Args:
        class_counts: samples per class in the training data, each above 0.
        beta: in [0, 1); 0 weighs all classes alike, near 1 by inverse frequency.
        gamma: the gamma of the focal loss; 0 is cross-entropy.
        **kwargs: `alpha` of `FocalLoss`; `label_smoothing`, `class_weight`,
            `ignore_index`, `from_logits` of `CategoricalLoss`; `name`, `reduction`,
            `dtype` of `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), logits.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: a count that is not above 0, beta outside [0, 1), and as `FocalLoss`
            does.

    >>> loss = ClassBalancedLoss([1, 2], beta=0.5)  # 1 : 2 / 3, scaled to 1.2 : 0.8
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)
    0.5545
    """

    def __init__(self, class_counts, beta=0.999, gamma=0.0, **kwargs):
        super().__init__(gamma=gamma, **kwargs)
        require(0 <= beta < 1, "beta", "in [0, 1)", beta)
        self.class_counts = as_numbers(class_counts, "class_counts", above=0)
        self.beta = beta
        weight = [(1 - beta) / (1 - beta**count) for count in self.class_counts]
        self._balance = [len(weight) * w / sum(weight) for w in weight]

    def weigh(self, target):  # noqa: D102
        balance = per_class(self._balance, "class_counts", target.shape[-1], self.dtype)
        factor, given = ops.sum(target * balance, axis=-1), super().weigh(target)
        return factor if given is None else factor * given
