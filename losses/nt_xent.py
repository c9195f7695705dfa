"""NT-Xent, the loss of SimCLR. Chen et al. 2020, arXiv:2002.05709."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._metric import in_full
from kerazoo.losses.sup_con import SupConLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class NtXentLoss(SupConLoss):
    """Find the other view of a sample among all views of the batch.

    With cosines s over a temperature, a view costs -log(exp(s of the other view) /
    sum(exp(s) over all views but itself)); with more views, the mean over the others.

    Task: metric learning.
    For: pre-training an encoder without labels, in large batches.
    Not for: small batches, which lack others; use vicreg or barlow_twins.

    Args:
        temperature: divides the cosines, above 0; 0.1 for ImageNet and 0.5 for CIFAR-10
            in the paper.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: anything of the batch's length; it is not looked at.
        y_pred: (batch, views, features), embeddings of any length, two views or more. A
            model with two inputs ends in `ops.stack([encoder(a), encoder(b)], axis=1)`.
        before reduction: (batch,), the mean over a sample's views, in nats.

    Raises:
        ValueError: temperature not above 0, or y_pred without views.

    >>> loss = NtXentLoss()  # one of three equal views: log(3)
    >>> y_pred = ops.ones((2, 2, 4))
    >>> round(float(loss(ops.zeros(2), y_pred)), 4)
    1.0986
    """

    def call(self, y_true, y_pred):  # noqa: D102
        shape = tuple(y_pred.shape)
        good = len(shape) == 3 and shape[1] >= 2
        rule = "of shape (batch, views, features) with two views or more"
        require(good, "y_pred", rule, shape)
        return self.per_anchor(ops.arange(ops.shape(y_pred)[0]), in_full(y_pred))

    def check(self, y_true, y_pred):
        """Check nothing, as labels do not matter."""
