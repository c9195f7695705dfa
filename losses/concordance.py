"""Concordance correlation. Lin 1989, doi:10.2307/2532051."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, align


@keras.saving.register_keras_serializable(package="kerazoo")
class ConcordanceLoss(BaseLoss):
    """Ask predictions to rise and fall with the labels, on the labels' own scale.

    With the means, variances and covariance of labels and predictions over the batch a
    target costs 1 - 2 * covariance / (variance + variance + (mean - mean) ** 2): 0 when
    they are equal, 1 without any relation, at most 2. Every sample is charged the mean
    over the targets of its batch, so that sample weights do not tell samples apart. A
    batch of one has no variance, costs 1 and has no slope.

    Task: regression.
    For: ratings and signals that are judged by agreement (Lin's CCC).
    Not for: small batches, which tell no means and variances.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, targets), or (batch,) for one target.
        before reduction: (batch, …), the same value for the whole batch.

    Raises:
        ValueError: shapes that cannot be aligned.

    >>> y_true, y_pred = ops.array([0.0, 2.0]), ops.array([2.0, 4.0])
    >>> round(float(ConcordanceLoss()(y_true, y_pred)), 4)  # 1 - 2 / (1 + 1 + 4)
    0.6667
    """

    def call(self, y_true, y_pred):  # noqa: D102
        y_true, y_pred = align(y_true, y_pred)
        axes = tuple(range(len(y_pred.shape) - 1))
        means = [ops.mean(x, axis=axes) for x in (y_true, y_pred)]
        a, b = y_true - means[0], y_pred - means[1]
        spread = ops.mean(ops.square(a) + ops.square(b), axis=axes)
        apart = spread + ops.square(means[0] - means[1])
        covariance = ops.mean(a * b, axis=axes)
        agreement = 2.0 * covariance / ops.maximum(apart, keras.config.epsilon())
        return 1.0 - ops.mean(agreement) + ops.zeros_like(y_pred[..., 0])
