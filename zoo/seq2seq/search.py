"""The loop of decoding: one token of every hypothesis a step, until all have ended."""

import keras
import numpy as np
from keras import ops

from kerazoo.zoo.seq2seq.beam_search import extend, settled
from kerazoo.zoo.seq2seq.constraints import IMPOSSIBLE, constrain
from kerazoo.zoo.seq2seq.options import Decoding
from kerazoo.zoo.seq2seq.penalties import coverage_penalty, length_penalty
from kerazoo.zoo.seq2seq.sampling import draw
from kerazoo.zoo.seq2seq.tokens import END, PAD, START

Tensors = dict[str, keras.KerasTensor]


def search(
    decoder: keras.layers.Layer,
    memory: keras.KerasTensor,
    source: keras.KerasTensor,
    prefix: keras.KerasTensor | None,
    options: Decoding,
) -> Tensors:
    """Decode a batch of encoded sources.

    Args:
        decoder: layer with `begin` and `step`.
        memory: what the encoder made of the sources.
        source: the sources' tokens.
        prefix: the tokens that outputs begin with, or None.
        options: the options.

    Shapes:
        memory: (batch, source_length, width); source: (batch, source_length).
        prefix: (batch, prefix_length).

    Returns:
        What `Translator` returns.
    """
    context, state = decoder.begin(memory, source, options.max_length)
    if prefix is not None:
        prefix = ops.pad(ops.cast(prefix, "int32"), ((0, 0), (0, options.max_length)))
        prefix = prefix[:, : options.max_length]
    # One row a hypothesis from here on; those of a source stand side by side.
    if (width := options.num_hypotheses) > 1:
        source, prefix, context, state = keras.tree.map_structure(
            lambda x: None if x is None else ops.repeat(x, width, axis=0),
            (source, prefix, context, state),
        )
    chances = None
    if options.sample:
        shape = (ops.shape(source)[0], options.max_length)
        chances = keras.random.uniform(shape, seed=options.seed)

    def goes_on(position, token, hypotheses, state):
        some_are_open = ops.logical_not(ops.all(hypotheses["finished"]))
        return ops.logical_and(ops.less(position, options.max_length), some_are_open)

    def one_step(position, token, hypotheses, state):
        logits, state, attention = decoder.step(token, position, context, state)
        log_probs = constrain(
            ops.log_softmax(ops.cast(logits, "float32"), axis=-1),
            hypotheses["tokens"],
            position,
            min_length=options.min_length,
            no_repeat_ngram=options.no_repeat_ngram,
            prefix=prefix,
        )
        if options.coverage_penalty:
            covered = hypotheses["coverage"] + ops.cast(attention, "float32")
            hypotheses = {**hypotheses, "coverage": covered}
        if options.beam_size > 1:
            token, totals, parents = extend(
                log_probs,
                hypotheses["totals"],
                hypotheses["finished"],
                options.beam_size,
            )
            hypotheses, state = keras.tree.map_structure(
                lambda x: ops.take(x, parents, axis=0), (hypotheses, state)
            )
        else:
            token, totals = _next(log_probs, position, hypotheses, chances, options)
        hypotheses = _append(token, totals, position, hypotheses, source, options)
        return position + 1, token, hypotheses, state

    first = ops.zeros_like(source[:, 0]) + START
    start = (ops.zeros((), "int32"), first, _no_tokens(source, options), state)
    _, _, hypotheses, _ = ops.while_loop(goes_on, one_step, start)
    return _best(hypotheses, options)


def _no_tokens(source, options: Decoding) -> Tensors:
    """Return the hypotheses before the first step."""
    width, rows = options.num_hypotheses, ops.shape(source)[0]
    totals = np.zeros(width, "float32")
    if not options.sample:
        totals[1:] = IMPOSSIBLE  # or the whole beam would follow the same hypothesis
    hypotheses = {
        "tokens": ops.zeros((rows, options.max_length), "int32") + PAD,
        "totals": ops.tile(ops.convert_to_tensor(totals), (rows // width,)),
        "scores": ops.zeros((rows,), "float32") + IMPOSSIBLE,
        "finished": ops.zeros((rows,), "bool"),
    }
    if options.coverage_penalty:
        hypotheses["coverage"] = ops.zeros_like(source, "float32")
    return hypotheses


def _next(log_probs, position, hypotheses: Tensors, chances, options: Decoding):
    """Return the next tokens without a beam, and the hypotheses' log-probabilities."""
    if options.sample:
        chance = ops.take(chances, position, axis=1)
        token = draw(
            log_probs, chance, options.temperature, options.top_k, options.top_p
        )
        log_prob = ops.take_along_axis(log_probs, ops.expand_dims(token, 1), axis=1)
    else:
        log_prob, token = ops.top_k(log_probs, 1)
        token = ops.cast(token[:, 0], "int32")
    totals, finished = hypotheses["totals"], hypotheses["finished"]
    token = ops.where(finished, PAD, token)
    return token, ops.where(finished, totals, totals + log_prob[:, 0])


def _append(token, totals, position, hypotheses: Tensors, source, options) -> Tensors:
    """Add a token to every hypothesis, and score those that end with it."""
    frozen = hypotheses["finished"]
    ended = ops.logical_and(ops.equal(token, END), ops.logical_not(frozen))
    ended = ops.logical_and(ended, ops.greater(totals, IMPOSSIBLE / 2))
    kind, alpha = options.length_penalty_kind, options.length_penalty
    score = totals / length_penalty(kind, alpha, position + 1)
    if options.coverage_penalty:
        weight = options.coverage_penalty
        score += coverage_penalty(hypotheses["coverage"], source, weight)
    scores = ops.where(ended, score, hypotheses["scores"])
    finished = ops.logical_or(frozen, ended)
    if options.beam_size > 1:
        longest = length_penalty(kind, alpha, options.max_length)
        width, n_best = options.beam_size, options.n_best
        done = settled(totals, finished, scores, width, n_best, longest)
        finished = ops.logical_or(finished, done)
    return {
        **hypotheses,
        "tokens": ops.slice_update(
            hypotheses["tokens"], (0, position), ops.expand_dims(token, 1)
        ),
        "totals": totals,
        "scores": scores,
        "finished": finished,
    }


def _best(hypotheses: Tensors, options: Decoding) -> Tensors:
    """Return the n best hypotheses of every source, the best first."""
    width = options.num_hypotheses
    tokens = ops.reshape(hypotheses["tokens"], (-1, width, options.max_length))
    scores = ops.reshape(hypotheses["scores"], (-1, width))
    if width > 1:
        scores, places = ops.top_k(scores, options.n_best)
        places = ops.expand_dims(ops.cast(places, "int32"), 2)
        tokens = ops.take_along_axis(tokens, places, axis=1)
    exists = ops.expand_dims(ops.greater(scores, IMPOSSIBLE / 2), 2)
    tokens = ops.where(exists, tokens, PAD)
    lengths = ops.sum(ops.cast(ops.not_equal(tokens, PAD), "int32"), axis=-1)
    return {"tokens": tokens, "scores": scores, "lengths": lengths}
