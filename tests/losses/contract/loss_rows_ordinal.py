"""Rows of the losses for ordered classes; each oracle is a plain loop."""

from math import exp, log

import numpy as np
from loss_kinds import CLASSES, PROBABILITIES, RANKS, sigmoid
from loss_row import Row
from loss_rows_classification import LOG2, each


def squared_emd(y, p):
    value = gap = 0.0
    for c, share in enumerate(p):
        gap += share - (c == y)
        value += gap**2
    return value


FACTOR = [1.0, 0.5, 2.0, 1.5]


def over_thresholds(is_asked):
    def oracle(y_true, y_pred):
        values = []
        for rank, scores in zip(y_true, y_pred, strict=True):
            value = 0.0
            for k, z in enumerate(scores):
                if is_asked(rank, k):
                    right = sigmoid(z) if rank > k else 1 - sigmoid(z)
                    value -= FACTOR[k] * log(right)
            values.append(value)
        return values

    return oracle


def weighted_kappa(y_true, y_pred):
    n, num_classes = y_pred.shape
    observed = chance = 0.0
    for y, p in zip(y_true, y_pred, strict=True):
        for j in range(num_classes):
            observed += (int(y) - j) ** 2 * p[j]
    for y in y_true:
        for p in y_pred:
            for j in range(num_classes):
                chance += (int(y) - j) ** 2 * p[j] / n
    return np.full(n, log(observed / chance + 1e-6))


ROWS = {
    "coral": Row(
        RANKS,
        over_thresholds(lambda rank, k: True),
        arguments={"importance": FACTOR},
        # Above 0: -log(s(1)); not above 1: -log(1 - s(2)).
        hand=([1], [[1.0, 2.0]], log(1 + exp(-1)) + log(1 + exp(2))),
    ),
    "corn": Row(
        RANKS,
        over_thresholds(lambda rank, k: k <= rank),
        arguments={"importance": FACTOR},
        hand=([0], [[0.0, 5.0]], LOG2),
    ),
    "weighted_kappa": Row(
        PROBABILITIES,
        weighted_kappa,
        arguments={"num_classes": 5},
        # Observed 1 / 4 and 1 / 4, by chance 1 / 2.
        hand=([0, 1], [[0.75, 0.25], [0.25, 0.75]], log(0.5 + 1e-6)),
        hand_arguments={"num_classes": 2},
        batchwise=True,
    ),
    "squared_emd": Row(
        CLASSES,
        each(squared_emd),
        hand=([3], [[0.0] * 4], 0.875),  # (1/4) ** 2 + (2/4) ** 2 + (3/4) ** 2
    ),
}
