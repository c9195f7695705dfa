"""Which tokens may come next: lengths, forced prefixes, no repetitions."""

import keras
from keras import ops

from kerazoo.zoo.seq2seq.tokens import END, PAD, START

# Stands for the log of 0. An infinity would become a NaN in the first difference.
IMPOSSIBLE = -1e9


def constrain(
    log_probs: keras.KerasTensor,
    tokens: keras.KerasTensor,
    position: keras.KerasTensor,
    *,
    min_length: int,
    no_repeat_ngram: int,
    prefix: keras.KerasTensor | None,
) -> keras.KerasTensor:
    """Make the tokens `IMPOSSIBLE` that must not come next.

    PAD and START never come. A forced token overrides `min_length` and
    `no_repeat_ngram`, and at the last position END alone may come, whatever is forced.
    The other tokens keep their log-probability: what is left does not sum to 1.

    Args:
        log_probs: of the next token.
        tokens: what was chosen so far, with room up to the last position.
        position: how many were chosen, a scalar.
        min_length: tokens that must stand before END.
        no_repeat_ngram: n of the n-grams that may occur only once; 0 allows all.
        prefix: the forced token of every position, PAD where none is, or None.

    Shapes:
        log_probs: (hypotheses, vocabulary); tokens, prefix: (hypotheses, max_length).
        output: (hypotheses, vocabulary).
    """
    vocabulary, max_length = log_probs.shape[-1], tokens.shape[-1]
    ids = ops.expand_dims(ops.arange(vocabulary, dtype="int32"), 0)
    is_end = ops.equal(ids, END)
    allowed = ops.logical_and(ops.not_equal(ids, PAD), ops.not_equal(ids, START))
    if min_length:
        long_enough = ops.greater_equal(position, min_length)
        may_end = ops.logical_or(ops.logical_not(is_end), long_enough)
        allowed = ops.logical_and(allowed, may_end)
    if no_repeat_ngram:
        repeats = repeated(tokens, position, no_repeat_ngram, vocabulary)
        allowed = ops.logical_and(allowed, ops.logical_not(repeats))
    if prefix is not None:
        forced = ops.expand_dims(ops.take(prefix, position, axis=1), 1)
        allowed = ops.where(ops.equal(forced, PAD), allowed, ops.equal(ids, forced))
    last = ops.equal(position, max_length - 1)
    return ops.where(ops.where(last, is_end, allowed), log_probs, IMPOSSIBLE)


def repeated(
    tokens: keras.KerasTensor, position: keras.KerasTensor, n: int, vocabulary: int
) -> keras.KerasTensor:
    """Say of every token whether it would complete an n-gram that is there already.

    Args:
        tokens: what was chosen so far, with room up to the last position.
        position: how many were chosen, a scalar.
        n: the length of the n-grams.
        vocabulary: how many tokens there are.

    Shapes:
        tokens: (hypotheses, max_length).
        output: (hypotheses, vocabulary), bool.
    """
    max_length = tokens.shape[-1]
    if n > max_length:
        return ops.zeros((1, vocabulary), dtype="bool")
    num_windows = max_length - n + 1
    # A window counts if all of its n tokens were chosen before this position.
    starts = ops.expand_dims(ops.arange(num_windows, dtype="int32"), 0)
    matches = ops.less_equal(starts + n, position)
    for offset in range(n - 1):
        recent = ops.maximum(position - (n - 1) + offset, 0)
        recent = ops.expand_dims(ops.take(tokens, recent, axis=1), 1)
        window = tokens[:, offset : offset + num_windows]
        matches = ops.logical_and(matches, ops.equal(window, recent))
    completing = tokens[:, n - 1 :]
    # Counted by hypothesis and token in one flat row: a one-hot row for every window
    # would take max_length times the memory.
    num_hypotheses = ops.shape(tokens)[0]
    rows = ops.expand_dims(ops.arange(num_hypotheses, dtype="int32"), 1)
    places = ops.reshape(rows * vocabulary + completing, (-1,))
    matches = ops.reshape(ops.cast(matches, "int32") * ops.ones_like(completing), (-1,))
    counts = ops.segment_sum(matches, places, num_hypotheses * vocabulary)
    return ops.greater(ops.reshape(counts, (-1, vocabulary)), 0)
