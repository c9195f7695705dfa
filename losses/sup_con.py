"""Supervised contrastive loss. Khosla et al. 2020, arXiv:2004.11362."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._metric import EmbeddingLoss, log_sum_exp, normalize, pairs


@keras.saving.register_keras_serializable(package="kerazoo")
class SupConLoss(EmbeddingLoss):
    """Tell one's own class from the rest of the batch, for each view of a sample.

    With cosines s over a temperature, an anchor costs the mean over the others p of its
    class of -log(exp(s_p) / sum(exp(s) over all but itself)): L_out in the paper. The
    authors' code has a temperature of 0.07.

    Task: metric learning.
    For: pre-training an encoder with labels, in large batches.
    Not for: data without labels; use nt_xent, vicreg or barlow_twins.

    Args:
        temperature: divides the cosines, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length, or (batch, views, features)
            with several augmentations of each sample. A model with two inputs ends in
            `ops.stack([encoder(a), encoder(b)], axis=1)`.
        before reduction: (batch,), the mean over a sample's views, in nats; 0 for a
            view without another of its class.

    Raises:
        ValueError: temperature not above 0, and as `EmbeddingLoss` does.

    >>> loss = SupConLoss()  # one of two equal others: log(2); the third has none
    >>> y_pred = ops.array([[1.0], [1.0], [1.0]])
    >>> round(float(loss(ops.array([0, 0, 1]), y_pred)), 4)
    0.4621
    """

    ranks = (2, 3)

    def __init__(self, temperature=0.1, **kwargs):
        super().__init__(**kwargs)
        require(temperature > 0, "temperature", "above 0", temperature)
        self.temperature = temperature

    def per_anchor(self, label, embedding):  # noqa: D102
        views = embedding.shape[1] if len(embedding.shape) == 3 else 1
        z = normalize(ops.reshape(embedding, (-1, embedding.shape[-1])))
        score = ops.matmul(z, ops.transpose(z)) / self.temperature
        positive, negative = pairs(ops.repeat(label, views))
        others = log_sum_exp(score, ops.logical_or(positive, negative))
        cost = ops.where(positive, others[:, None] - score, 0.0)
        count = ops.sum(ops.cast(positive, cost.dtype), axis=-1)
        cost = ops.sum(cost, axis=-1) / ops.maximum(count, 1.0)
        return ops.mean(ops.reshape(cost, (-1, views)), axis=-1)
