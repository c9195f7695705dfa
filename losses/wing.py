"""Wing loss. Feng et al. 2018, arXiv:1711.06753."""

import keras
from keras import ops

from kerazoo.losses._regression import ResidualLoss, positive


@keras.saving.register_keras_serializable(package="kerazoo")
class WingLoss(ResidualLoss):
    """Charge small and medium errors harder than their size, as for landmarks.

    With r = y_true - y_pred a target costs width * log(1 + abs(r) / curvature) up to
    abs(r) = width, and abs(r) plus a constant that joins both parts beyond.

    Task: regression.
    For: landmarks in pixels, whose last small errors count.
    Not for: other units, unless width and curvature are set anew.

    Args:
        width: the paper's w, above 0, in the target's own unit (pixels in the paper).
        curvature: the paper's epsilon, above 0, in the target's own unit.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's own unit.

    Raises:
        ValueError: an argument not above 0, or shapes that cannot be aligned.

    >>> round(float(WingLoss(4.0, 2.0)(ops.array([2.0]), ops.array([[0.0]]))), 4)
    2.7726
    """

    def __init__(self, width=10.0, curvature=2.0, **kwargs):
        super().__init__(**kwargs)
        positive("width", width)
        positive("curvature", curvature)
        self.width = width
        self.curvature = curvature

    def per_residual(self, r):  # noqa: D102
        size = ops.abs(r)
        near = ops.minimum(size, self.width)
        return self.width * ops.log1p(near / self.curvature) + (size - near)
