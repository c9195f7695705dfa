"""What the losses over embeddings share: labels, masks, distances and cosines."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, require, seen
from kerazoo.losses._categorical import LARGEST_EXACT_INDEX

METRICS = ("L2", "squared-L2", "angular")
# Far below every score that is compared, and still finite.
NOWHERE = -1e30


def in_full(x):
    """Return at least float32: squares of half-precision embeddings overflow."""
    half = keras.backend.standardize_dtype(x.dtype) in LARGEST_EXACT_INDEX
    return ops.cast(x, "float32") if half else x


def normalize(x):
    """Return vectors of length 1, and 0 for 0."""
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, 1e-12))


def pairs(label):
    """Return which pairs, (batch, batch), share their class and which do not.

    A sample is no pair with itself.
    """
    same = label[:, None] == label[None, :]
    index = ops.arange(ops.shape(label)[0])
    return ops.logical_and(same, index[:, None] != index[None, :]), ~same


def pairwise_distances(x, metric="L2"):
    """Return the distances, (batch, batch), between embeddings, (batch, features)."""
    if callable(metric):
        return metric(x)
    if metric == "angular":
        x = normalize(x)
        return ops.maximum(1 - ops.matmul(x, ops.transpose(x)), 0.0)
    # Distances do not depend on the origin, but their rounding does.
    x = x - ops.stop_gradient(ops.mean(x, axis=0))
    square = ops.sum(ops.square(x), axis=-1)
    product = ops.matmul(x, ops.transpose(x))
    index = ops.arange(ops.shape(x)[0])
    apart = index[:, None] != index[None, :]
    square = ops.where(apart, square[:, None] + square[None, :] - 2 * product, 0.0)
    if metric == "squared-L2":
        return ops.maximum(square, 0.0)
    # The root has no finite gradient at 0.
    return ops.where(square > 0, ops.sqrt(ops.where(square > 0, square, 1.0)), 0.0)


def smallest(values, mask):
    """Return the smallest value of each row among those of a mask.

    A row without any gives a number above all others.
    """
    above = 2 * ops.max(ops.abs(ops.stop_gradient(values))) + 1
    return ops.min(ops.where(mask, values, above), axis=-1)


def largest(values, mask):
    """Return the largest value of each row among those of a mask."""
    return -smallest(-values, mask)


def log_sum_exp(values, mask):
    """Return the log of the sum of exponents of each row, or about -1e30 for none."""
    return ops.logsumexp(ops.where(mask, values, NOWHERE), axis=-1)


def per_anchor_of(total, count):
    """Return what each anchor adds, such that the batch's mean is sum(total) / count.

    Args:
        total: (batch,), what each anchor costs.
        count: how many pairs or triplets there are in the batch; 0 gives 0.
    """
    batch = ops.cast(ops.shape(total)[0], total.dtype)
    return total * batch / ops.maximum(ops.cast(ops.sum(count), total.dtype), 1.0)


def require_two_views(y_pred):
    """Return the embeddings of both views, (batch, features) each.

    Raises:
        ValueError: y_pred does not hold two views.
    """
    shape = tuple(y_pred.shape)
    good = len(shape) == 3 and shape[1] == 2
    require(good, "y_pred", "of shape (batch, 2, features)", shape)
    y_pred = in_full(y_pred)
    return y_pred[:, 0], y_pred[:, 1]


class EmbeddingLoss(BaseLoss):
    """Compare the embeddings of a batch by their labels.

    A subclass gives `per_anchor(label, embedding)`.

    Args:
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch,) or (batch, 1), class indices below 2 ** 24.
        y_pred: (batch, features), embeddings.
        before reduction: (batch,).

    Raises:
        ValueError: labels that are no class indices, or shapes that do not fit.
    """

    ranks = (2,)  # how many axes embeddings may have

    def call(self, y_true, y_pred):
        labels, embeddings = tuple(y_true.shape), tuple(y_pred.shape)
        rule = "embeddings of shape (batch, features)"
        rule += " or (batch, views, features)" if 3 in self.ranks else ""
        require(len(embeddings) in self.ranks, "y_pred", rule, embeddings)
        known = labels[:1] == embeddings[:1] or None in (*labels[:1], embeddings[0])
        good = known and (len(labels) == 1 or labels[1:] == (1,))
        rule = f"class indices, (batch,) or (batch, 1), for y_pred {embeddings}"
        require(good, "y_true", rule, labels)
        return self.per_anchor(ops.reshape(y_true, (-1,)), in_full(y_pred))

    def check(self, y_true, y_pred):
        labels = seen(y_true)
        if labels is not None:
            top = LARGEST_EXACT_INDEX.get(self.dtype, 2**24)
            wrong = labels[(labels % 1 != 0) | (abs(labels) > top)]
            rule = f"whole numbers to {top}, which {self.dtype} can tell apart"
            require(not wrong.size, "y_true", rule, wrong[:1].tolist())

    def per_anchor(self, label, embedding):
        """Return the cost of each sample, (batch,), from float32 or float64."""
        raise NotImplementedError


class TripletLoss(EmbeddingLoss):
    """Compare distances to the same class with distances to other classes.

    Args:
        margin: how much farther other classes should be, at least 0.
        distance_metric: `"L2"`, `"squared-L2"`, `"angular"` (1 - cosine), or a function
            from embeddings, (batch, features), to distances, (batch, batch).
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        as `EmbeddingLoss`.

    Raises:
        ValueError: margin below 0, another distance_metric, and as `EmbeddingLoss`
            does.
    """

    def __init__(self, margin=1.0, distance_metric="L2", **kwargs):
        super().__init__(**kwargs)
        known = callable(distance_metric) or distance_metric in METRICS
        rule = f"one of {METRICS} or a function"
        require(margin >= 0, "margin", "at least 0", margin)
        require(known, "distance_metric", rule, distance_metric)
        self.margin = margin
        self.distance_metric = distance_metric

    def distances(self, embedding):
        """Return the distances between all embeddings, (batch, batch)."""
        return pairwise_distances(embedding, self.distance_metric)


class SoftTripletLoss(TripletLoss):
    """A triplet loss whose hinge may be soft.

    Args:
        margin: how much farther other classes should be, at least 0.
        soft: True for log(1 + exp(x)) in place of max(x + margin, 0).
        **kwargs: `distance_metric` of `TripletLoss`; `name`, `reduction`, `dtype`.

    Shapes:
        as `EmbeddingLoss`.

    Raises:
        ValueError: as `TripletLoss` does.
    """

    def __init__(self, margin=1.0, soft=False, **kwargs):
        super().__init__(margin, **kwargs)
        self.soft = soft

    def cost(self, gap):
        """Return the cost of distances to the same class minus to another."""
        return ops.softplus(gap) if self.soft else ops.relu(gap + self.margin)
