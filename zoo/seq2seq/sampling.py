"""Which token a random number picks.

Top-k: Fan et al. 2018, arXiv:1805.04833; top-p: Holtzman et al. 2020, arXiv:1904.09751.
"""

import keras
from keras import ops


def draw(
    log_probs: keras.KerasTensor,
    chances: keras.KerasTensor,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> keras.KerasTensor:
    """Draw a token by its probability: the one at which the cumulated sum passes.

    The temperature comes first, then `top_k`, then `top_p` on what is left of the
    probabilities, made to sum to 1 again.

    Args:
        log_probs: of every token.
        chances: random numbers, uniform in [0, 1): one picks one token.
        temperature: divides the log-probabilities.
        top_k: the most probable tokens that take part; 0 for all.
        top_p: only the fewest most probable tokens that reach this sum take part.

    Shapes:
        log_probs: (hypotheses, vocabulary); chances, output: (hypotheses,).

    >>> log_probs = ops.log(ops.array([[0.1, 0.6, 0.3]]))
    >>> [int(draw(log_probs, ops.array([u]))[0]) for u in (0.5, 0.7, 0.95)]
    [1, 2, 0]
    """
    num_tokens = min(top_k or log_probs.shape[-1], log_probs.shape[-1])
    likely, ids = ops.top_k(log_probs / temperature, num_tokens)
    # The softmax; that of Keras warns where top_k leaves a single token.
    probabilities = ops.exp(likely - ops.logsumexp(likely, axis=-1, keepdims=True))
    before = ops.cumsum(probabilities, axis=-1) - probabilities
    kept = ops.where(ops.less(before, top_p), probabilities, 0.0)
    sums = ops.cumsum(kept, axis=-1)
    passed = ops.less_equal(sums, ops.expand_dims(chances, 1) * sums[:, -1:])
    place = ops.sum(ops.cast(passed, "int32"), axis=-1)
    # A chance just under 1 may be rounded up to the whole sum.
    last = ops.sum(ops.cast(ops.greater(kept, 0.0), "int32"), axis=-1) - 1
    place = ops.expand_dims(ops.minimum(place, last), 1)
    return ops.cast(ops.take_along_axis(ids, place, axis=1)[:, 0], "int32")
