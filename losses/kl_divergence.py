"""Kullback-Leibler divergence: Keras's own. doi:10.1214/aoms/1177729694."""

import keras

from kerazoo.losses._base import BaseLoss, align


@keras.saving.register_keras_serializable(package="kerazoo")
class KLDivergenceLoss(BaseLoss):
    """Charge how far predicted shares are from the true ones: Keras's own function.

    With target shares q and predicted shares p a sample costs sum(q * log(q / p)), all
    cut off at 1e-7. Only the shapes are checked, and `dtype` is saved, which Keras's
    class leaves out.

    Task: classification.
    For: labels that are shares, such as votes, under a model with a softmax.
    Not for: class indices or logits: see `cross_entropy`.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true, y_pred: (batch, …, classes), probabilities.
        before reduction: (batch, …), in nats.

    Raises:
        ValueError: shapes that cannot be aligned.

    >>> loss = KLDivergenceLoss()
    >>> round(float(loss(ops.array([[1.0, 0.0]]), ops.array([[0.5, 0.5]]))), 4)
    0.6931
    """

    def call(self, y_true, y_pred):  # noqa: D102
        return keras.losses.kl_divergence(*align(y_true, y_pred))
