"""Rows of the classification losses; each oracle is a plain loop."""

from math import exp, log

import numpy as np
from loss_kinds import CLASSES, LABELS, SIGNS, VIEWS, sigmoid
from loss_row import Row


def shares(scores):
    """Softmax of one list of scores."""
    powers = [exp(s - max(scores)) for s in scores]
    return [power / sum(powers) for power in powers]


def each(cost):
    """Turn cost(y, p), y the index and p the shares of one sample, into an oracle."""

    def oracle(y_true, y_pred):
        return [cost(int(y), shares(z)) for y, z in zip(y_true, y_pred, strict=True)]

    return oracle


def mean_over_labels(cost):
    """Turn cost(y, p, label), with p the sigmoid of one score, into an oracle."""

    def oracle(y_true, y_pred):
        values = []
        for labels, scores in zip(y_true, y_pred, strict=True):
            costs = [
                cost(y, sigmoid(z), i)
                for i, (y, z) in enumerate(zip(labels, scores, strict=True))
            ]
            values.append(sum(costs) / len(costs))
        return values

    return oracle


def smoothed(y, num_classes, e):
    return [(1 - e) * (c == y) + e / num_classes for c in range(num_classes)]


WEIGHT = [0.5, 1.0, 2.0, 0.25, 3.0]


def cross_entropy(y, p):
    q = smoothed(y, len(p), 0.1)
    return -WEIGHT[y] * sum(a * log(b) for a, b in zip(q, p, strict=True))


def brier(y, p):
    return sum(((c == y) - share) ** 2 for c, share in enumerate(p))


def focal(y, p):
    return -WEIGHT[y] * (1 - p[y]) ** 1.5 * log(p[y])


def binary_cross_entropy(y, p, label):
    return -([1.0, 2.0, 0.5][label] * y * log(p) + (1 - y) * log(1 - p))


def multiclass_binary_cross_entropy(y_true, y_pred):
    values = []
    for y, scores in zip(y_true, y_pred, strict=True):
        costs = []
        for c, z in enumerate(scores):
            share = 0.9 * (c == y) + 0.1 / len(scores)
            q = 1.0 if share > 0.01 else 0.0
            costs.append(-(q * log(sigmoid(z)) + (1 - q) * log(1 - sigmoid(z))))
        values.append(sum(costs) / len(costs))
    return values


def hinge(power):
    def oracle(y_true, y_pred):
        values = []
        for labels, scores in zip(y_true, y_pred, strict=True):
            sides = [1 if y > 0 else -1 for y in labels]
            costs = [
                max(1 - t * z, 0) ** power for t, z in zip(sides, scores, strict=True)
            ]
            values.append(sum(costs) / len(costs))
        return values

    return oracle


def categorical_hinge(y_true, y_pred):
    values = []
    for y, scores in zip(y_true, y_pred, strict=True):
        others = [z for c, z in enumerate(scores) if c != y]
        values.append(max(1 + max([*others, 0]) - scores[int(y)], 0))
    return values


def binary_focal(y, p, label):
    if y:
        return -0.3 * (1 - p) ** 1.5 * log(p)
    return -0.7 * p**1.5 * log(1 - p)


def sigmoid_focal_cross_entropy(y_true, y_pred):
    values = []
    for labels, scores in zip(y_true, y_pred, strict=True):
        value = 0.0
        for y, one in zip(labels, sigmoid(scores), strict=True):
            right = one if y else 1 - one
            value -= (0.25 if y else 0.75) * (1 - right) ** 2 * log(right)
        values.append(value)
    return values


def asymmetric(y, p, label):
    if y:
        return -((1 - p) ** 1.0) * log(p)
    p = max(p - 0.05, 0)
    return -(p**4.0) * log(1 - p)


def asymmetric_single_label(y, p):
    q, value = smoothed(y, len(p), 0.1), 0.0
    for c in range(len(p)):
        factor = (1 - p[c]) ** 1.0 if c == y else p[c] ** 4.0
        value -= q[c] * factor * log(p[c])
    return value


def poly(y, p):
    return -log(p[y]) + 2.0 * (1 - p[y])


def threshold_by_bisection(scores, power):
    """Find tau for which sum(max(score - tau, 0) ** power) is 1."""
    low, high = max(scores) - 1, max(scores)
    for _ in range(200):
        middle = (low + high) / 2
        total = sum(max(s - middle, 0) ** power for s in scores)
        low, high = (middle, high) if total > 1 else (low, middle)
    return low


def sparsemax(y_true, y_pred):
    values = []
    for y, z in zip(y_true, y_pred, strict=True):
        tau = threshold_by_bisection(z, 1)
        # The paper's own form, over the support.
        support = [s**2 - tau**2 for s in z if s > tau]
        values.append(-z[int(y)] + sum(support) / 2 + 1 / 2)
    return values


def entmax(y_true, y_pred):
    values = []
    for y, z in zip(y_true, y_pred, strict=True):
        tau = threshold_by_bisection([s / 2 for s in z], 2)
        p = [max(s / 2 - tau, 0) ** 2 for s in z]
        entropy = sum(s - s**1.5 for s in p) / 0.75
        values.append(
            sum(a * b for a, b in zip(p, z, strict=True)) - z[int(y)] + entropy
        )
    return values


def jensen_shannon(y_true, y_pred):
    values = []
    for y, views in zip(y_true, y_pred, strict=True):
        ps = [shares(view) for view in views]
        mean = [sum(column) / len(ps) for column in zip(*ps, strict=True)]
        divergence = sum(
            sum(a * log(a / m) for a, m in zip(p, mean, strict=True)) for p in ps
        )
        values.append(-log(ps[0][int(y)]) + 12.0 * divergence / len(ps))
    return values


def ohem_cross_entropy(y_true, y_pred):
    values = [-log(shares(z)[int(y)]) for y, z in zip(y_true, y_pred, strict=True)]
    num_kept = max(int(np.ceil(0.5 * len(values))), 1)
    kept = sorted(range(len(values)), key=lambda i: -values[i])[:num_kept]
    return [v * len(values) / num_kept * (i in kept) for i, v in enumerate(values)]


HALF = [[0.0, 0.0]]  # two classes, even odds
LOG2 = log(2)

ROWS = {
    "cross_entropy": Row(
        CLASSES,
        each(cross_entropy),
        arguments={"label_smoothing": 0.1, "class_weight": WEIGHT},
        # log(e^0 + e^1 + e^2) - 2 = 0.40760596
        hand=([2], [[0.0, 1.0, 2.0]], 0.40760596),
    ),
    "focal": Row(
        CLASSES,
        each(focal),
        arguments={"gamma": 1.5, "alpha": WEIGHT},
        hand=([1], HALF, LOG2 / 4),
    ),
    "binary_cross_entropy": Row(
        LABELS,
        mean_over_labels(binary_cross_entropy),
        arguments={"pos_weight": [1.0, 2.0, 0.5]},
        hand=([[1, 0]], HALF, LOG2),
    ),
    "multiclass_binary_cross_entropy": Row(
        CLASSES,
        multiclass_binary_cross_entropy,
        arguments={"label_smoothing": 0.1, "target_threshold": 0.01},
        # The true class -log(s(2)), the other log(2): (0.126928 + 0.693147) / 2.
        hand=([1], [[0.0, 2.0]], 0.41003760),
        activation=sigmoid,
    ),
    "hinge": Row(SIGNS, hinge(1), hand=([1, 0], [0.25, -2.0], 0.375)),
    "squared_hinge": Row(SIGNS, hinge(2), hand=([1, -1], [0.5, 0.0], 0.625)),
    "categorical_hinge": Row(CLASSES, categorical_hinge, hand=([1], [[2.0, 1.5]], 1.5)),
    "binary_focal": Row(
        LABELS,
        mean_over_labels(binary_focal),
        arguments={"gamma": 1.5, "alpha": 0.3},
        hand=([1, 0], [0.0, 0.0], LOG2 / 8),  # (0.25 + 0.75) / 2 * 0.25 * log(2)
    ),
    "sigmoid_focal_cross_entropy": Row(
        LABELS,
        sigmoid_focal_cross_entropy,
        arguments={"from_logits": True},
        hand=([[1.0, 1.0]], [[0.5, 0.5]], LOG2 / 8),
    ),
    "asymmetric": Row(
        LABELS,
        mean_over_labels(asymmetric),
        # (0.5 * log(2) + 0.45 ** 4 * -log(0.55)) / 2
        hand=([1, 0], [0.0, 0.0], (LOG2 / 2 + 0.45**4 * 0.5978370) / 2),
    ),
    "brier": Row(CLASSES, each(brier), hand=([1], HALF, 0.5)),
    "asymmetric_single_label": Row(
        CLASSES,
        each(asymmetric_single_label),
        arguments={"gamma_pos": 1.0},
        # 0.95 * log(2) + 0.05 * 0.5 ** 4 * log(2)
        hand=([1], HALF, 0.953125 * LOG2),
    ),
    "poly": Row(
        CLASSES, each(poly), arguments={"epsilon": 2.0}, hand=([1], HALF, LOG2 + 0.5)
    ),
    # p is (1/2, 1/2): z.(p - q) is 0 and 1/2 - 1/4 is left.
    "sparsemax": Row(CLASSES, sparsemax, hand=([1], HALF, 0.25)),
    # p is (1/2, 1/2): (1 - 2 * 0.5 ** 1.5) / 0.75.
    "entmax": Row(CLASSES, entmax, hand=([1], HALF, 0.39052429)),
    "jensen_shannon": Row(
        VIEWS,
        jensen_shannon,
        # Sure of one class and of the other: the divergence of certainties is log(2).
        hand=([0], [[[99.0, -99.0], [-99.0, 99.0]]], 12 * LOG2),
    ),
    "ohem_cross_entropy": Row(
        CLASSES,
        ohem_cross_entropy,
        arguments={"keep": 0.5},
        hand=([1, 0], [[0.0, 0.0], [99.0, 0.0]], LOG2),
        hand_arguments={"keep": 0.5},
        batchwise=True,
    ),
}
