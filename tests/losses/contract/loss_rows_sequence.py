"""Rows of the sequence losses; each oracle is a plain loop."""

from itertools import groupby, pairwise, product
from math import exp, log

import numpy as np
from loss_kinds import both_signs, one_hot, softmax
from loss_row import Kind, Row
from loss_rows_classification import LOG2, shares

TIME, VOCABULARY = 4, 5
WEIGHT = [0.5, 1.0, 2.0, 0.25, 3.0]


def some_tokens(rng, n):
    """Token ids from 1, as 0 is padding."""
    return rng.integers(1, VOCABULARY, (n, TIME))


def token_forms(y, z):
    return [(y.astype("float32"), z), (y[..., None], z)]


TOKENS = Kind(
    sample=lambda rng, n: (
        some_tokens(rng, n),
        2 * rng.normal(size=(n, TIME, VOCABULARY)),
    ),
    twins=token_forms,
    extremes=both_signs,
    perfect=lambda y, z: 200.0 * one_hot(y),
    one_class=np.ones_like,
    activation=softmax,
    misfits=lambda y, z: [(y[:, :-1], z), (y, z[:, 0]), (one_hot(y), z)],
)

PASSES = Kind(
    sample=lambda rng, n: (
        some_tokens(rng, n),
        2 * rng.normal(size=(n, 2, TIME, VOCABULARY)),
    ),
    twins=token_forms,
    extremes=both_signs,
    perfect=lambda y, z: np.repeat(200.0 * one_hot(y)[:, None], 2, axis=1),
    one_class=np.ones_like,
    activation=softmax,
    misfits=lambda y, z: [(y[:, :-1], z), (y, z[:, 0]), (y, z[:, :1])],
)

TEACHER = Kind(
    sample=lambda rng, n: (
        np.concatenate(
            [
                some_tokens(rng, n)[..., None],
                2 * rng.normal(size=(n, TIME, VOCABULARY)),
            ],
            axis=-1,
        ),
        2 * rng.normal(size=(n, TIME, VOCABULARY)),
    ),
    extremes=both_signs,
    # The teacher alone: the row's share of the true tokens pulls elsewhere.
    perfect=lambda y, z: 0.5 * (y[..., 1:] + 4 * one_hot(y[..., 0])),
    activation=softmax,
    misfits=lambda y, z: [(y[..., 1:], z), (y[..., 0], z), (y[:, 1:], z)],
)

FRAMES, LABELS = 6, 3


def some_labels(rng, n):
    """Up to three labels, and then the blank, 0."""
    y = rng.integers(1, 4, (n, LABELS))
    y[::3, 2] = 0
    return y


def aligned(y, z):
    """Logits that are sure of a blank, a label, a blank, a label …"""
    path = np.zeros(z.shape[:2], int)
    path[:, 1::2] = y
    return 200.0 * one_hot(path, 4)


ALIGNED = Kind(
    sample=lambda rng, n: (some_labels(rng, n), 2 * rng.normal(size=(n, FRAMES, 4))),
    twins=lambda y, z: [(y.astype("float32"), z)],
    extremes=both_signs,
    perfect=aligned,
    one_class=np.ones_like,
    misfits=lambda y, z: [(y[:, 0], z), (y, z[0]), (y[1:], z)],
)

TAGS = 3


def tag_scores(y, z):
    scores = np.zeros_like(z)
    scores[:, :TIME] = 200.0 * one_hot(y, TAGS)
    return scores


TAGGED = Kind(
    sample=lambda rng, n: (
        rng.integers(0, TAGS, (n, TIME)),
        2 * rng.normal(size=(n, TIME + TAGS, TAGS)),
    ),
    twins=lambda y, z: [(y.astype("float32"), z)],
    extremes=both_signs,
    perfect=tag_scores,
    one_class=np.zeros_like,
    misfits=lambda y, z: [(y[:, 0], z), (y[:, 1:], z), (y, z[:, :TAGS])],
)


def each_token(cost):
    """Turn cost(ids of a sequence, step, shares of the vocabulary) into an oracle."""

    def oracle(y_true, y_pred):
        return [
            [cost([int(y) for y in ids], t, shares(z[t])) for t in range(TIME)]
            for ids, z in zip(y_true, y_pred, strict=True)
        ]

    return oracle


def smooth(y, costs):
    """The true token keeps 0.9, and the others share 0.1."""
    others = [cost for token, cost in enumerate(costs) if token != y]
    return 0.9 * costs[y] + 0.1 * sum(others) / len(others)


def token_cross_entropy(ids, t, p):
    return WEIGHT[ids[t]] * smooth(ids[t], [-log(share) for share in p])


def token_focal(ids, t, p):
    return smooth(ids[t], [-((1 - share) ** 1.5) * log(share) for share in p])


def unlikelihood(ids, t, p):
    value = -log(p[ids[t]])
    for token in set(ids[:t]) - {ids[t]}:
        value -= 0.5 * log(1 - p[token])
    return value


def kl(p, q):
    return sum(a * log(a / b) for a, b in zip(p, q, strict=True))


def r_drop(y_true, y_pred):
    values = []
    for ids, (first, second) in zip(y_true, y_pred, strict=True):
        values.append([])
        for y, one, two in zip(ids, first, second, strict=True):
            p, q = shares(one), shares(two)
            value = -log(p[y]) - log(q[y]) + 2.0 * (kl(p, q) + kl(q, p)) / 2
            values[-1].append(value)
    return values


def sequence_distillation(y_true, y_pred):
    values = []
    for truth, student in zip(y_true, y_pred, strict=True):
        values.append([])
        for (y, *teacher), z in zip(truth, student, strict=True):
            p, q = shares([x / 2 for x in teacher]), shares([x / 2 for x in z])
            value = -0.3 * log(shares(z)[int(y)]) + 0.7 * 4 * kl(p, q)
            values[-1].append(value)
    return values


def ctc(y_true, y_pred):
    """Add up every path of one class a frame that reads as the labels."""
    values = []
    for labels, logits in zip(y_true, y_pred, strict=True):
        p, total = [shares(z) for z in logits], 0.0
        wanted = [y for y in labels if y != 0]
        for path in product(range(4), repeat=FRAMES):
            if [c for c, _ in groupby(path) if c != 0] == wanted:
                chance = 1.0
                for frame, c in enumerate(path):
                    chance *= p[frame][c]
                total += chance
        values.append(-log(total))
    return values


def crf_score(tags, scores, pairs):
    value = sum(scores[t][tag] for t, tag in enumerate(tags))
    return value + sum(pairs[a][b] for a, b in pairwise(tags))


def crf(y_true, y_pred):
    """Add up every sequence of tags."""
    values = []
    for y, z in zip(y_true, y_pred, strict=True):
        scores, pairs = z[:TIME], z[TIME:]
        every = product(range(TAGS), repeat=TIME)
        total = sum(exp(crf_score(tags, scores, pairs)) for tags in every)
        values.append(log(total) - crf_score([int(tag) for tag in y], scores, pairs))
    return values


HALF = [[[0.0, 0.0], [0.0, 0.0]]]  # one sequence of two tokens

ROWS = {
    "token_cross_entropy": Row(
        TOKENS,
        each_token(token_cross_entropy),
        arguments={"label_smoothing": 0.1, "class_weight": WEIGHT},
        hand=([[1, 0]], HALF, LOG2),  # the second is padding
    ),
    "token_focal": Row(
        TOKENS,
        each_token(token_focal),
        arguments={"gamma": 1.5, "label_smoothing": 0.1},
        hand=([[1, 1]], HALF, LOG2 / 4),
    ),
    "unlikelihood": Row(
        TOKENS,
        each_token(unlikelihood),
        arguments={"alpha": 0.5},
        # log(4) each; against the first, the second costs log(4 / 3) more.
        hand=([[1, 2]], [[[0.0] * 4] * 2], log(4) + log(4 / 3) / 2),
    ),
    "r_drop": Row(
        PASSES,
        r_drop,
        arguments={"alpha": 2.0},
        # Shares of 1/2 and 1/2, then 3/4 and 1/4: both divergences add to log(3) / 4.
        hand=(
            [[1]],
            [[[[0.0, 0.0]], [[log(3), 0.0]]]],
            LOG2 + log(4) + log(3) / 4,
        ),
        hand_arguments={"alpha": 2.0},
    ),
    "sequence_distillation": Row(
        TEACHER,
        sequence_distillation,
        arguments={"alpha": 0.7, "temperature": 2.0},
        # Shares of 3/4 and 1/4 against 1/2 and 1/2.
        hand=(
            [[[1, log(3), 0.0]]],
            [[[0.0, 0.0]]],
            LOG2 / 2 + kl([0.75, 0.25], [0.5, 0.5]) / 2,
        ),
    ),
    "ctc": Row(
        ALIGNED,
        ctc,
        # 1 1, 1 0 and 0 1 of four paths.
        hand=([[1]], HALF, log(4 / 3)),
    ),
    "crf": Row(
        TAGGED,
        crf,
        # Sequences score 0, 1, 0 and 0; the true one is the best.
        hand=(
            [[0, 1]],
            [[[0.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]],
            log(3 + exp(1)) - 1,
        ),
    ),
}
