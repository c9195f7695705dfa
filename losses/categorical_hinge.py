"""Hinge loss over exclusive classes. Crammer and Singer 2001, jmlr v2 crammer01a."""

import keras
from keras import ops

from kerazoo.losses._categorical import CategoricalLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class CategoricalHingeLoss(CategoricalLoss):
    """Charge a true class that does not lead the best other class by a margin of 1.

    With the target q and scores s a sample costs
    max(1 + max((1 - q) * s) - sum(q * s), 0). Keras's takes one-hot labels only, and
    compares the others with 0 as well, which this one does too: max((1 - q) * s) is
    never below 0.

    Task: classification.
    For: support-vector training over several classes.
    Not for: probabilities: its scores have no scale.

    Args:
        **kwargs: `label_smoothing`, `class_weight`, `ignore_index`, `from_logits`
            (True only) of `CategoricalLoss`; `name`, `reduction`, `dtype` of
            `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …) class indices, or (batch, …, classes) shares.
        y_pred: (batch, …, classes), scores.
        before reduction: (batch, …).

    Raises:
        ValueError: as `CategoricalLoss` does.

    >>> float(CategoricalHingeLoss()(ops.array([1]), ops.array([[2.0, 1.5]])))
    1.5
    """

    needs_scores = True

    def per_sample(self, target, logits):  # noqa: D102
        lead = ops.sum(target * logits, axis=-1)
        return ops.relu(1.0 + ops.max((1 - target) * logits, axis=-1) - lead)
