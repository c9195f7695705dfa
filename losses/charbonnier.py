"""Charbonnier loss. Charbonnier et al. 1994, doi:10.1109/ICIP.1994.413553."""

import keras
from keras import ops

from kerazoo.losses._regression import ResidualLoss, positive


@keras.saving.register_keras_serializable(package="kerazoo")
class CharbonnierLoss(ResidualLoss):
    """Charge errors by their size, smoothly at 0.

    With r = y_true - y_pred a target costs sqrt(r ** 2 + epsilon ** 2), as for images
    in Lai et al. 2017, arXiv:1704.03915; a perfect prediction costs epsilon.

    Task: regression.
    For: images and flows: an absolute error with a slope that is smooth at 0.
    Not for: gross errors, which pull as hard as any other.

    Args:
        epsilon: how far from 0 it is round, above 0, in the target's own unit.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's own unit.

    Raises:
        ValueError: epsilon not above 0, or shapes that cannot be aligned.

    >>> float(CharbonnierLoss(4.0)(ops.array([3.0]), ops.array([[0.0]])))
    5.0
    """

    def __init__(self, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        positive("epsilon", epsilon)
        self.epsilon = epsilon

    def per_residual(self, r):  # noqa: D102
        return ops.sqrt(ops.square(r) + self.epsilon**2)
