"""CRPS of an ensemble. Gneiting & Raftery 2007, doi:10.1198/016214506000001437."""

import keras
from keras import ops

from kerazoo.losses._regression import HeadLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class EnsembleCRPSLoss(HeadLoss):
    """Learn several guesses a target that are as far apart as labels are uncertain.

    With the members x of an ensemble a target costs mean(abs(x_i - y_true)) -
    sum(abs(x_i - x_j)) / (2 * members ** 2).

    Task: regression.
    For: uncertainty of any form, by several guesses a target.
    Not for: one guess a target, where it is the absolute error.

    Args:
        fair: True divides by 2 * members * (members - 1) instead, which does not favour
            large ensembles (Ferro 2014, doi:10.1002/qj.2270).
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, members * targets): all targets of the first member, then of
            the next, in the target's own unit; how many is read off.
        before reduction: (batch, …), in the same unit.

    Raises:
        ValueError: shapes that do not fit, or fair with one member.

    >>> loss = EnsembleCRPSLoss()  # 2 - (2 + 2) / 8
    >>> float(loss(ops.array([0.0]), ops.array([[1.0, 3.0]])))
    1.5
    """

    num_numbers = None

    def __init__(self, fair=False, **kwargs):
        super().__init__(**kwargs)
        self.fair = fair

    def per_target(self, y_true, *members):  # noqa: D102
        count = len(members)
        if self.fair and count < 2:
            raise ValueError("fair needs y_pred of two members or more; got 1")
        x = ops.stack(members, axis=-1)
        apart = ops.abs(ops.expand_dims(x, -1) - ops.expand_dims(x, -2))
        pairs = count * (count - 1) if self.fair else count**2
        distance = ops.mean(ops.abs(x - ops.expand_dims(y_true, -1)), axis=-1)
        return distance - ops.sum(apart, axis=(-1, -2)) / (2 * pairs)
