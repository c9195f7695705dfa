"""Which hypotheses are kept: one step of beam search.

A beam has `beam_size` places. A hypothesis that ends keeps its place as it is, frozen,
and the other places go to the best continuations of the live ones (the shrinking beam
of Bahdanau et al. 2015, arXiv:1409.0473, in their code). So a beam of 1 is a greedy
search. All live hypotheses are equally long, so their log-probabilities alone rank
them; penalties rank the finished ones.
"""

import keras
from keras import ops

from kerazoo.zoo.seq2seq.constraints import IMPOSSIBLE
from kerazoo.zoo.seq2seq.tokens import PAD


def extend(
    log_probs: keras.KerasTensor,
    totals: keras.KerasTensor,
    finished: keras.KerasTensor,
    beam_size: int,
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Choose the hypotheses of the next step.

    Args:
        log_probs: of the next token of every hypothesis.
        totals: the log-probability of every hypothesis so far.
        finished: which hypotheses are frozen; PAD follows them, and costs nothing.
        beam_size: hypotheses of a source.

    Shapes:
        log_probs: (sources * beam_size, vocabulary).
        totals, finished, and the outputs: (sources * beam_size,).

    Returns:
        The tokens chosen, the new totals, and of which hypothesis each goes on.
    """
    vocabulary = log_probs.shape[-1]
    ids = ops.expand_dims(ops.arange(vocabulary, dtype="int32"), 0)
    candidates = ops.maximum(ops.expand_dims(totals, 1) + log_probs, IMPOSSIBLE)
    # An empty place stays one: what a decoder says to it means nothing, and may be NaN.
    exists = ops.expand_dims(ops.greater(totals, IMPOSSIBLE / 2), 1)
    candidates = ops.where(exists, candidates, IMPOSSIBLE)
    # The frozen come first, once each, even where no live one has a way to go on.
    frozen = ops.where(ops.equal(ids, PAD), -IMPOSSIBLE, 2 * IMPOSSIBLE)
    candidates = ops.where(ops.expand_dims(finished, 1), frozen, candidates)
    candidates = ops.reshape(candidates, (-1, beam_size * vocabulary))
    best, places = ops.top_k(candidates, beam_size)
    places = ops.cast(places, "int32")
    first = ops.arange(ops.shape(places)[0], dtype="int32") * beam_size
    parents = ops.expand_dims(first, 1) + ops.floor_divide(places, vocabulary)
    parents = ops.reshape(parents, (-1,))
    tokens = ops.reshape(ops.mod(places, vocabulary), (-1,))
    totals = ops.where(
        ops.take(finished, parents, axis=0),
        ops.take(totals, parents, axis=0),
        ops.reshape(best, (-1,)),
    )
    return tokens, totals, parents


def settled(
    totals: keras.KerasTensor,
    finished: keras.KerasTensor,
    scores: keras.KerasTensor,
    beam_size: int,
    n_best: int,
    longest_penalty: float,
) -> keras.KerasTensor:
    """Say which hypotheses belong to a source whose n best are known for certain.

    A log-probability only falls as a hypothesis goes on, a length penalty only grows,
    and a coverage penalty is at most 0. So no continuation of a live hypothesis scores
    above its present total over the longest output's length penalty. When even the
    best live one could not pass the last of the n best, the search has its result: the
    same as if it had gone on to the end.

    Args:
        totals: the log-probability of every hypothesis.
        finished: which ones have ended.
        scores: what the ended ones are worth; `IMPOSSIBLE` for the others.
        beam_size: hypotheses of a source.
        n_best: how many hypotheses are wanted.
        longest_penalty: the length penalty at the maximum length.

    Shapes:
        totals, finished, scores, and the output: (sources * beam_size,).
    """
    possible = ops.greater(totals, IMPOSSIBLE / 2)
    live = ops.logical_and(possible, ops.logical_not(finished))
    within_reach = ops.where(live, totals / longest_penalty, IMPOSSIBLE)
    within_reach = ops.max(ops.reshape(within_reach, (-1, beam_size)), axis=1)
    best, _ = ops.top_k(ops.reshape(scores, (-1, beam_size)), n_best)
    return ops.repeat(ops.greater_equal(best[:, -1], within_reach), beam_size)
