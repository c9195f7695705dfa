"""Sparsemax and entmax-1.5: probabilities with exact zeros, by sorting."""

from keras import ops


def _sorted(z):
    """Return scores below their maximum, cut at -1, also sorted; and 1, 2, …, classes.

    The threshold is at most 1 below the maximum, so the cut changes no probability and
    keeps the sums below free of large numbers.
    """
    z = ops.maximum(z - ops.max(z, axis=-1, keepdims=True), -1.0)
    falling = ops.flip(ops.sort(z, axis=-1), axis=-1)
    return z, falling, ops.arange(1, z.shape[-1] + 1, dtype=z.dtype)


def _at_support(threshold, is_support):
    """Return the threshold of the largest support."""
    size = ops.sum(ops.cast(is_support, "int32"), axis=-1, keepdims=True)
    return ops.take_along_axis(threshold, size - 1, axis=-1)


def sparsemax(z):
    """Project scores onto the simplex. Martins and Astudillo 2016, arXiv:1602.02068."""
    z, falling, rank = _sorted(z)
    threshold = (ops.cumsum(falling, axis=-1) - 1.0) / rank
    return ops.relu(z - _at_support(threshold, falling > threshold))


def entmax15(z):
    """Return entmax-1.5 of scores. Peters et al. 2019, arXiv:1905.05702."""
    z, falling, rank = _sorted(z / 2.0)
    mean = ops.cumsum(falling, axis=-1) / rank
    variance = ops.cumsum(ops.square(falling), axis=-1) / rank - ops.square(mean)
    threshold = mean - ops.sqrt(ops.relu(1.0 / rank - variance))
    return ops.square(ops.relu(z - _at_support(threshold, falling >= threshold)))


def fenchel_young(target, logits, p, alpha: float):
    """Return the loss whose gradient is p - target; p is entmax-alpha of logits."""
    p = ops.stop_gradient(p)
    entropy = ops.sum(p - p**alpha, axis=-1) / (alpha * (alpha - 1))
    known = ops.sum(target - target**alpha, axis=-1) / (alpha * (alpha - 1))
    return entropy - known + ops.sum((p - target) * logits, axis=-1)
