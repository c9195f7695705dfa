"""Mean squared error. Gauss 1809, Theoria motus corporum coelestium."""

import keras

from kerazoo.losses._base import BaseLoss, align


@keras.saving.register_keras_serializable(package="kerazoo")
class MSELoss(BaseLoss):
    """Charge errors by their square, so that a model learns the mean.

    A target costs (y_true - y_pred) ** 2, by Keras's own function. Labels and
    predictions are aligned first: Keras's class averages over the batch where both are
    (batch,), and then cannot weigh the samples.

    Task: regression.
    For: the mean of targets with even noise; the one to begin with.
    Not for: outliers, which it squares.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), in the target's unit squared.

    Raises:
        ValueError: shapes that cannot be aligned.

    >>> float(MSELoss()(ops.array([3.0, 5.0]), ops.array([[1.0], [5.0]])))
    2.0
    """

    def call(self, y_true, y_pred):  # noqa: D102
        return keras.losses.mean_squared_error(*align(y_true, y_pred))
