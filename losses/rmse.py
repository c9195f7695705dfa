"""Root mean squared error. Hodson 2022, doi:10.5194/gmd-15-5481-2022."""

import keras
from keras import ops

from kerazoo.losses._base import AlignedLoss, align


@keras.saving.register_keras_serializable(package="kerazoo")
class RMSELoss(AlignedLoss):
    """Charge a batch the root of its mean squared error, in the target's own unit.

    With R the root of the mean of (y_true - y_pred) ** 2 over the batch a sample is
    charged its share, its own mean square / R, whose mean over the batch is R. So
    sample weights weigh the samples; they do not enter R. The root of a sample alone
    would be its absolute error. Large batches come near to `MSELoss` with another
    learning rate; in small ones an outlier counts less.

    Task: regression.
    For: a loss that reads in the target's own unit, batch by batch.
    Not for: batches of one, where it is the absolute error.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's own unit.

    Raises:
        ValueError: shapes that cannot be aligned.

    >>> float(RMSELoss()(ops.array([3.0, 4.0]), ops.array([2.0, -3.0])))  # root of 25
    5.0
    """

    def call(self, y_true, y_pred):  # noqa: D102
        squares = ops.square(self.per_target(*align(y_true, y_pred)))
        # Without errors the root has no slope: 0 / a tiny root is 0, and so is its own.
        tiny = 1e-7 if self.dtype == "float16" else 1e-30
        root = ops.sqrt(ops.maximum(ops.mean(squares), tiny))
        return ops.mean(squares, axis=-1) / root

    def per_target(self, y_true, y_pred):
        """Return the error of every target."""
        return y_true - y_pred
