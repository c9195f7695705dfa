"""Rows of the metric-learning losses; each oracle is a plain loop."""

from itertools import product
from math import acos, cos, exp, log, pi, sin, sqrt

import numpy as np
from loss_kinds import DISTANCES
from loss_kinds_metric import (
    EMBEDDINGS,
    LABELLED_VIEWS,
    NORMAL,
    NUM_PROXIES,
    SHARED_LABELS,
    SIMILARITIES,
    TWO_VIEWS,
    near_proxies,
    proxies,
)
from loss_row import Row
from loss_rows_classification import LOG2, shares


def contrastive(y_true, y_pred):
    values = []
    for labels, distances in zip(y_true, y_pred, strict=True):
        costs = [
            d**2 if y else max(1.5 - d, 0) ** 2
            for y, d in zip(labels, distances, strict=True)
        ]
        values.append(sum(costs) / len(costs))
    return values


def distance(a, b):
    return sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)))


def cosine(a, b):
    origin = [0.0] * len(a)
    product = sum(p * q for p, q in zip(a, b, strict=True))
    return product / (distance(a, origin) * distance(b, origin))


def partners(label, i):
    """The others of the class of sample i, and the samples of other classes."""
    own = [j for j in range(len(label)) if label[j] == label[i] and j != i]
    return own, [j for j in range(len(label)) if label[j] != label[i]]


def averaged(costs, count):
    """The share of each anchor in a mean over count pairs or triplets."""
    return [len(costs) * sum(cost) / max(count, 1) for cost in costs]


def triplet_semi_hard(label, x):
    costs = []
    for i in range(len(x)):
        costs.append([])
        own, others = partners(label, i)
        gaps = [distance(x[i], x[k]) for k in others]
        for j in own if others else []:
            d = distance(x[i], x[j])
            beyond = [gap for gap in gaps if gap > d]
            n = min(beyond) if beyond else max(gaps)
            costs[i].append(max(0.7 + d - n, 0))
    return averaged(costs, sum(map(len, costs)))


def triplet_hard(label, x):
    values = []
    for i in range(len(x)):
        own, others = partners(label, i)
        farthest = max([0.0, *(distance(x[i], x[j]) for j in own)])
        nearest = min((distance(x[i], x[k]) for k in others), default=1e9)
        values.append(max(farthest - nearest + 0.7, 0))
    return values


def triplet_batch_all(label, x):
    costs = []
    for i in range(len(x)):
        own, others = partners(label, i)
        gaps = [
            distance(x[i], x[j]) - distance(x[i], x[k]) for j, k in product(own, others)
        ]
        costs.append([gap + 0.7 for gap in gaps if gap + 0.7 > 0])
    return averaged(costs, sum(map(len, costs)))


def lifted_struct(label, x):
    costs = []
    for i in range(len(x)):
        costs.append([])
        own, others = partners(label, i)
        for j in own:
            total = sum(exp(1.2 - distance(x[a], x[k])) for a in (i, j) for k in others)
            cost = distance(x[i], x[j]) + log(total) if total else 0.0
            costs[i].append(max(cost, 0) ** 2 / 2)
    return averaged(costs, sum(map(len, costs)))


def over_rows(shared):
    """Turn the number of classes that two labels share into an oracle."""

    def oracle(y_true, y_pred):
        values = []
        for a, scores in zip(y_true, y_pred, strict=True):
            counts, p = [shared(a, b) for b in y_true], shares(scores)
            total = sum(counts) or 1
            values.append(
                -sum(n / total * log(q) for n, q in zip(counts, p, strict=True) if n)
            )
        return values

    return oracle


def multi_similarity(label, x):
    values = []
    for i in range(len(x)):
        own, others = partners(label, i)
        own = [cosine(x[i], x[j]) for j in own]
        others = [cosine(x[i], x[k]) for k in others]
        if not own or not others:
            values.append(0.0)
            continue
        hard = [s for s in own if s < max(others) + 0.2]
        near = [s for s in others if s > min(own) - 0.2]
        value = log(1 + sum(exp(-2 * (s - 0.5)) for s in hard)) / 2
        values.append(value + log(1 + sum(exp(6 * (s - 0.5)) for s in near)) / 6)
    return values


def circle(label, x, constant_at=None):
    held, values = x if constant_at is None else constant_at, []
    for i in range(len(x)):
        own, others = partners(label, i)
        p = n = 0.0
        for j in own:
            weight = max(1.25 - cosine(held[i], held[j]), 0)
            p += exp(-4 * weight * (cosine(x[i], x[j]) - 0.75))
        for k in others:
            weight = max(cosine(held[i], held[k]) + 0.25, 0)
            n += exp(4 * weight * (cosine(x[i], x[k]) - 0.25))
        values.append(log(1 + p * n))
    return values


def sup_con(label, x):
    """x is (batch, views, features)."""
    views = [(i, v) for i in range(len(x)) for v in range(x.shape[1])]
    values = np.zeros(len(x))
    for i, v in views:
        others = {k: cosine(x[i, v], x[k]) / 0.5 for k in views if k != (i, v)}
        own = [s for (j, _), s in others.items() if label[j] == label[i]]
        total = sum(exp(s) for s in others.values())
        costs = [log(total) - s for s in own]
        values[i] += sum(costs) / max(len(costs), 1) / x.shape[1]
    return values


def vicreg(_, x):
    (n, _, d), values = x.shape, []
    freedom = max(n - 1, 1)
    batch = 0.0
    for view in (x[:, 0], x[:, 1]):
        means = [sum(column) / n for column in view.T]
        for a, b in product(range(d), range(d)):
            shared = sum((z[a] - means[a]) * (z[b] - means[b]) for z in view) / freedom
            if a == b:
                batch += 10 * max(1 - sqrt(shared + 1e-4), 0) / d / 2
            else:
                batch += 2 * shared**2 / d
    for first, second in x:
        squares = [(a - b) ** 2 for a, b in zip(first, second, strict=True)]
        values.append(5 * sum(squares) / d + batch)
    return values


def barlow_twins(_, x):
    n, _, d = x.shape
    standard = np.zeros_like(x)
    for v, a in product(range(2), range(d)):
        column = x[:, v, a]
        mean = sum(column) / n
        variance = sum((z - mean) ** 2 for z in column) / n
        standard[:, v, a] = [(z - mean) / sqrt(variance + 1e-5) for z in column]
    value = 0.0
    for a, b in product(range(d), range(d)):
        c = sum(standard[i, 0, a] * standard[i, 1, b] for i in range(n)) / n
        value += (1 - c) ** 2 if a == b else 0.1 * c**2
    return np.full(n, value)


def cosines(x, num_centers):
    """The cosine of each sample and class; the largest of its centers."""
    return [
        [max(cosine(z, p) for p in centers) for centers in proxies(num_centers)]
        for z in x
    ]


def softmax_of(with_margin, num_centers=1, scale=3.0):
    """Turn the margin of the true class into an oracle."""

    def oracle(y_true, y_pred):
        values = []
        for y, scores in zip(y_true, cosines(y_pred, num_centers), strict=True):
            scores[int(y)] = with_margin(scores[int(y)])
            values.append(-log(shares([scale * s for s in scores])[int(y)]))
        return values

    return oracle


def arc(s):
    angle = acos(s)
    return cos(angle + 0.8) if angle + 0.8 < pi else s - 0.8 * sin(0.8)


def proxy_anchor(y_true, y_pred):
    table, near, far = cosines(y_pred, 1), [], 0.0
    for c in range(NUM_PROXIES):
        own = [row[c] for y, row in zip(y_true, table, strict=True) if y == c]
        others = [row[c] for y, row in zip(y_true, table, strict=True) if y != c]
        if own:
            near.append(log(1 + sum(exp(-4 * (s - 0.1)) for s in own)))
        far += log(1 + sum(exp(4 * (s + 0.1)) for s in others)) / NUM_PROXIES
    return np.full(len(y_true), sum(near) / len(near) + far)


# On a line: 0 and 1 of class 0, 3 of class 1.
LINE = ([0, 0, 1], [[0.0], [1.0], [3.0]])
UP = ([0, 0, 1], [[1.0], [2.0], [3.0]])  # all cosines are 1
TWINS = [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]  # (batch, views, features)
TRAINED = {"num_classes": NUM_PROXIES, "features": 4, "initializer": NORMAL}
AXES = {"num_classes": 2, "features": 2, "initializer": "identity"}
ONE = ([0], [[5.0, 0.0]])  # cosines 1 and 0

ROWS = {
    "contrastive": Row(
        DISTANCES,
        contrastive,
        arguments={"margin": 1.5},
        hand=([1, 0, 0], [3.0, 0.5, 2.0], (9 + 0.25 + 0) / 3),
    ),
    "triplet_semi_hard": Row(
        EMBEDDINGS,
        triplet_semi_hard,
        arguments={"margin": 0.7},
        # Beyond the distance 1 there are 3 from the first and 2 from the second.
        hand=(*LINE, ((2.5 + 1 - 3) + (2.5 + 1 - 2)) / 2),
        hand_arguments={"margin": 2.5},
        batchwise=True,
    ),
    "triplet_hard": Row(
        EMBEDDINGS,
        triplet_hard,
        arguments={"margin": 0.7},
        hand=(*LINE, ((2.5 + 1 - 3) + (2.5 + 1 - 2) + (2.5 + 0 - 2)) / 3),
        hand_arguments={"margin": 2.5},
        batchwise=True,
    ),
    "triplet_batch_all": Row(
        EMBEDDINGS,
        triplet_batch_all,
        arguments={"margin": 0.7},
        hand=(*LINE, (log(1 + exp(1 - 3)) + log(1 + exp(1 - 2))) / 2),
        hand_arguments={"soft": True},
        batchwise=True,
    ),
    "lifted_struct": Row(
        EMBEDDINGS,
        lifted_struct,
        arguments={"margin": 1.2},
        hand=(*LINE, (1 + log(exp(4 - 3) + exp(4 - 2))) ** 2 / 2),
        hand_arguments={"margin": 4.0},
        batchwise=True,
    ),
    "npairs": Row(
        SIMILARITIES,
        over_rows(lambda a, b: int(a == b)),
        # Rows of equal scores, for any label: log(3).
        hand=([0, 1, 1], [[2.0] * 3] * 3, log(3)),
        batchwise=True,
    ),
    "npairs_multilabel": Row(
        SHARED_LABELS,
        over_rows(lambda a, b: int(sum(a * b))),
        # The first shares 2 with itself and 1 with the second, which shares 1 with it.
        hand=(
            [[1, 1], [1, 0]],
            [[LOG2, 0.0], [0.0, LOG2]],
            (-2 / 3 * log(2 / 3) - 1 / 3 * log(1 / 3) - log(2 / 9) / 2) / 2,
        ),
        batchwise=True,
    ),
    "multi_similarity": Row(
        EMBEDDINGS,
        multi_similarity,
        arguments={"alpha": 2.0, "beta": 6.0, "epsilon": 0.2},
        # Twice log(1 + 1) / alpha + log(1 + 1) / beta, and 0 for the third.
        hand=(*UP, 2 * (LOG2 / 2 + LOG2 / 4) / 3),
        hand_arguments={"alpha": 2.0, "beta": 4.0, "threshold": 1.0},
        batchwise=True,
    ),
    "circle": Row(
        EMBEDDINGS,
        circle,
        arguments={"gamma": 4.0},
        # p = n = 1: weights 0.5 and 1.5, exponents -0.5 * 0.5 and 1.5 * 0.5.
        hand=(*UP, 2 * log(1 + exp(-0.25) * exp(0.75)) / 3),
        hand_arguments={"margin": 0.5, "gamma": 1.0},
        batchwise=True,
        holds_constants=True,
    ),
    "sup_con": Row(
        LABELLED_VIEWS,
        sup_con,
        arguments={"temperature": 0.5},
        hand=(*UP, 2 * LOG2 / 3),
        batchwise=True,
    ),
    "nt_xent": Row(
        TWO_VIEWS,
        lambda _, x: sup_con(range(len(x)), x),
        arguments={"temperature": 0.5},
        # The other view has cosine 0; one of the two others has 0, and one 1.
        hand=([0, 0], TWINS, log(2 + exp(1))),
        hand_arguments={"temperature": 1.0},
        batchwise=True,
    ),
    "vicreg": Row(
        TWO_VIEWS,
        vicreg,
        arguments={"invariance": 5.0, "variance": 10.0, "covariance": 2.0},
        # Differences of 1; variances 1 / 2; covariances -1 / 2, twice in each view.
        hand=([0, 0], TWINS, 3 + 7 * (1 - sqrt(0.75)) + 5 * 2 * 2 * 0.25 / 2),
        hand_arguments={
            "invariance": 3.0,
            "variance": 7.0,
            "covariance": 5.0,
            "epsilon": 0.25,
        },
        batchwise=True,
    ),
    "barlow_twins": Row(
        TWO_VIEWS,
        barlow_twins,
        arguments={"redundancy": 0.1},
        # Variances 1 / 4 + 1 / 4: correlations -1 / 2 of a feature and 1 / 2 between.
        hand=([0, 0], TWINS, 2 * 1.5**2 + 0.4 * 2 * 0.5**2),
        hand_arguments={"redundancy": 0.4, "epsilon": 0.25},
        batchwise=True,
    ),
    "arc_face": Row(
        near_proxies(),
        softmax_of(arc),
        arguments={**TRAINED, "margin": 0.8, "scale": 3.0},
        # At a right angle: cos(pi / 2 + pi / 6) = -1 / 2 against 1.
        hand=([1], [[5.0, 0.0]], log(1 + exp(2 * 1.5))),
        hand_arguments={**AXES, "margin": pi / 6, "scale": 2.0},
    ),
    "sub_center_arc_face": Row(
        near_proxies(num_centers=2),
        softmax_of(arc, num_centers=2),
        arguments={**TRAINED, "num_centers": 2, "margin": 0.8, "scale": 3.0},
        # The first of the two centers of class 1, and at a right angle to class 0.
        hand=([1], [[0.0, 0.0, 5.0, 0.0]], log(1 + exp(-2))),
        hand_arguments={
            **AXES,
            "features": 4,
            "num_centers": 2,
            "margin": 0.0,
            "scale": 2.0,
        },
        half_tolerance=0.05,
    ),
    "cos_face": Row(
        near_proxies(),
        softmax_of(lambda s: s - 0.2),
        arguments={**TRAINED, "margin": 0.2, "scale": 3.0},
        hand=(*ONE, log(1 + exp(-2 * 0.75))),
        hand_arguments={**AXES, "margin": 0.25, "scale": 2.0},
    ),
    "normalized_softmax": Row(
        near_proxies(),
        softmax_of(lambda s: s, scale=4.0),
        arguments={**TRAINED, "temperature": 0.25},
        hand=(*ONE, log(1 + exp(-2))),
        hand_arguments={**AXES, "temperature": 0.5},
    ),
    "proxy_anchor": Row(
        near_proxies(),
        proxy_anchor,
        arguments={**TRAINED, "alpha": 4.0},
        # Own: 2 * (1 - 1) = 0. The other proxy: 2 * (0 + 1) = 2, over 2 proxies.
        hand=(*ONE, LOG2 + log(1 + exp(2)) / 2),
        hand_arguments={**AXES, "alpha": 2.0, "margin": 1.0},
        batchwise=True,
    ),
}
