"""Circle loss. Sun et al. 2020, arXiv:2002.10857."""

import keras
from keras import ops

from kerazoo.losses._base import require
from kerazoo.losses._metric import EmbeddingLoss, log_sum_exp, normalize, pairs


@keras.saving.register_keras_serializable(package="kerazoo")
class CircleLoss(EmbeddingLoss):
    """Move each similarity the faster, the farther it is from where it should be.

    With cosines p to one's own class and n to others, an anchor costs log(1 + A * B),
    where A = sum(exp(gamma * a * (n - margin))) and
    B = sum(exp(-gamma * b * (p - 1 + margin))). The gradient leaves out the weights
    a = max(n + margin, 0) and b = max(1 + margin - p, 0).

    Task: metric learning.
    For: re-identification and fine-grained retrieval; several samples a class.
    Not for: batches with hardly any class twice; use arc_face or proxy_anchor.

    Args:
        margin: how far from 1 and from 0 the cosines may stay, in [0, 1); 0.25 for
            faces and persons in the paper, 0.4 for fine-grained retrieval.
        gamma: the scale, above 0; 256 for faces, 128 for persons and 80 for
            fine-grained retrieval in the paper.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices.
        y_pred: (batch, features), embeddings of any length.
        before reduction: (batch,), the cost of each anchor; 0 without a pair of one
            class and a pair of two.

    Raises:
        ValueError: margin outside [0, 1), gamma not above 0, and as `EmbeddingLoss`
            does.

    >>> loss = CircleLoss(margin=0.0, gamma=1.0)
    >>> y_pred = ops.array([[1.0], [1.0], [1.0]])  # p = n = 1: log(1 + exp(1)) twice
    >>> round(float(loss(ops.array([0, 0, 1]), y_pred)), 4)
    0.8755
    """

    def __init__(self, margin=0.25, gamma=256.0, **kwargs):
        super().__init__(**kwargs)
        require(0 <= margin < 1, "margin", "in [0, 1)", margin)
        require(gamma > 0, "gamma", "above 0", gamma)
        self.margin = margin
        self.gamma = gamma

    def per_anchor(self, label, embedding):  # noqa: D102
        m, embedding = self.margin, normalize(embedding)
        cosine = ops.matmul(embedding, ops.transpose(embedding))
        positive, negative = pairs(label)
        too_far = ops.stop_gradient(ops.relu(1 + m - cosine))
        too_near = ops.stop_gradient(ops.relu(cosine + m))
        own = log_sum_exp(-self.gamma * too_far * (cosine - 1 + m), positive)
        other = log_sum_exp(self.gamma * too_near * (cosine - m), negative)
        return ops.softplus(own + other)
