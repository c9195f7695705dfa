"""Multi-similarity loss. Wang et al. 2019, arXiv:1904.06627."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._metric import (
    EmbeddingLoss,
    largest,
    log_sum_exp,
    normalize,
    pairs,
    smallest,
)


@keras.saving.register_keras_serializable(package="kerazoo")
class MultiSimilarityLoss(EmbeddingLoss):
    """Weigh pairs by their own similarity and by that of the others of their anchor.

    With cosines s, over the pairs that mining keeps an anchor costs
    log(1 + sum(exp(-alpha * (s - threshold)))) / alpha over its own class plus
    log(1 + sum(exp(beta * (s - threshold)))) / beta over others. Mining keeps pairs of
    one class below the most similar other + epsilon, and others above the least similar
    of one's own - epsilon.

    Task: metric learning.
    For: image retrieval; several samples a class.
    Not for: batches with hardly any class twice; use proxy_anchor.

    Args:
        alpha: how sharply pairs of one class are weighed, above 0.
        beta: the same for pairs of two classes, above 0.
        threshold: the cosine that separates them, lambda in the paper, which has
            1; its authors' code has 0.5.
        epsilon: the slack of the mining; 2 or more keeps all pairs.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,), the cost of each anchor; 0 without a pair of one
            class and a pair of two.

    Raises:
        ValueError: alpha or beta not above 0, and as `EmbeddingLoss` does.

    >>> loss = MultiSimilarityLoss(alpha=1.0, beta=1.0, threshold=1.0)
    >>> y_pred = ops.array([[1.0], [1.0], [1.0]])  # all cosines are 1: 2 log(2), …
    >>> round(float(loss(ops.array([0, 0, 1]), y_pred)), 4)  # …, and 0 for the third
    0.9242
    """

    def __init__(self, alpha=2.0, beta=50.0, threshold=0.5, epsilon=0.1, **kwargs):
        super().__init__(**kwargs)
        require(alpha > 0, "alpha", "above 0", alpha)
        require(beta > 0, "beta", "above 0", beta)
        self.alpha = alpha
        self.beta = beta
        self.threshold = threshold
        self.epsilon = epsilon

    def per_anchor(self, label, embedding):  # noqa: D102
        embedding = normalize(embedding)
        cosine = ops.matmul(embedding, ops.transpose(embedding))
        positive, negative = pairs(label)
        hard = cosine < largest(cosine, negative)[:, None] + self.epsilon
        near = cosine > smallest(cosine, positive)[:, None] - self.epsilon
        both = ops.logical_and(ops.any(positive, axis=-1), ops.any(negative, axis=-1))
        hard = ops.logical_and(positive, hard)
        near = ops.logical_and(negative, near)
        above = cosine - self.threshold
        own = ops.softplus(log_sum_exp(-self.alpha * above, hard)) / self.alpha
        other = ops.softplus(log_sum_exp(self.beta * above, near)) / self.beta
        return ops.where(both, own + other, 0.0)
