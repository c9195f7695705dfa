"""Squared hinge loss for yes-or-no labels (the L2 support vector machine)."""

import keras
from keras import ops

from kerazoo.losses.hinge import HingeLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class SquaredHingeLoss(HingeLoss):
    """Charge scores short of the margin by the square, smoothly and outliers harder.

    With t = 1 for a positive and -1 for a negative label a score s costs
    max(1 - t * s, 0) ** 2. Unlike Keras's it gives one value a sample, as `HingeLoss`.

    Task: classification.
    For: yes-or-no answers by a margin, with a smooth slope.
    Not for: probabilities, or wrong labels, which it squares.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        as `HingeLoss`.

    Raises:
        ValueError: as `HingeLoss` does.

    >>> float(SquaredHingeLoss()(ops.array([1, 0]), ops.array([0.5, -2.0])))
    0.125
    """

    def per_target(self, y_true, y_pred):  # noqa: D102
        return ops.square(super().per_target(y_true, y_pred))
