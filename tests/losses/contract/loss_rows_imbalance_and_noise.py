"""Rows of the losses for rare classes and for noisy labels; oracles as plain loops."""

from math import exp, log

from loss_kinds import CLASSES
from loss_row import Row
from loss_rows_classification import HALF, LOG2, WEIGHT, each, shares

COUNTS = [500, 40, 100, 7, 1]


def weighted_cross_entropy(y_true, y_pred):
    weights = [WEIGHT[int(y)] for y in y_true]
    mean = sum(weights) / len(weights)
    return [
        -w / mean * log(shares(z)[int(y)])
        for w, y, z in zip(weights, y_true, y_pred, strict=True)
    ]


def class_balanced(y, p):
    weights = [(1 - 0.99) / (1 - 0.99**n) for n in COUNTS]
    weight = weights[y] / sum(weights) * len(weights)
    return -weight * (1 - p[y]) ** 0.5 * log(p[y])


def ldam(y_true, y_pred):
    values = []
    for y, scores in zip(y_true, y_pred, strict=True):
        scores = list(scores)
        scores[int(y)] -= 0.4 * (min(COUNTS) / COUNTS[int(y)]) ** 0.25
        values.append(-log(shares([5.0 * z for z in scores])[int(y)]))
    return values


def logit_adjusted(tau):
    def oracle(y_true, y_pred):
        values = []
        for y, scores in zip(y_true, y_pred, strict=True):
            powers = [
                (n / sum(COUNTS)) ** tau * exp(z)
                for n, z in zip(COUNTS, scores, strict=True)
            ]
            values.append(-log(powers[int(y)] / sum(powers)))
        return values

    return oracle


def generalized_cross_entropy(y, p):
    return (1 - p[y] ** 0.7) / 0.7


def symmetric_cross_entropy(y, p):
    reverse = sum(4.0 * p[c] for c in range(len(p)) if c != y)
    return -0.1 * log(p[y]) + reverse


def taylor_cross_entropy(y, p):
    return sum((1 - p[y]) ** k / k for k in (1, 2, 3))


def bootstrapping(y, p):
    entropy = -sum(a * log(a) for a in p)
    return 0.95 * -log(p[y]) + 0.05 * entropy


def bi_tempered(y_true, y_pred):
    t1, t2 = 0.7, 1.4

    def log_t(x):
        return (x ** (1 - t1) - 1) / (1 - t1)

    def exp_t(x):
        return max(1 + (1 - t2) * x, 0) ** (1 / (1 - t2))

    values = []
    for y, z in zip(y_true, y_pred, strict=True):
        low, high = max(z), max(z) + 1e3
        for _ in range(200):
            middle = (low + high) / 2
            total = sum(exp_t(s - middle) for s in z)
            low, high = (middle, high) if total > 1 else (low, middle)
        p, value = [exp_t(s - low) for s in z], 0.0
        for c, share in enumerate(p):
            q = 1.0 if c == y else 0.0
            value += q * (log_t(1.0) - log_t(share))
            value -= (q ** (2 - t1) - share ** (2 - t1)) / (2 - t1)
        values.append(value)
    return values


ROWS = {
    "weighted_cross_entropy": Row(
        CLASSES,
        weighted_cross_entropy,
        arguments={"class_weight": WEIGHT},
        # Weights 4 / (2 * 3) and 4 / (2 * 1) of 2 / 3 and 2; the first sample is sure.
        hand=([0, 1], [[99.0, 0.0], [0.0, 0.0]], 2 * LOG2 / (2 / 3 + 2)),
        hand_arguments={"class_counts": [3, 1]},
        batchwise=True,
    ),
    "class_balanced": Row(
        CLASSES,
        each(class_balanced),
        arguments={"class_counts": COUNTS, "beta": 0.99, "gamma": 0.5},
        hand=([1], HALF, 0.8 * LOG2),  # weights 1 and 2 / 3, scaled to 1.2 and 0.8
        hand_arguments={"class_counts": [1, 2], "beta": 0.5},
    ),
    "ldam": Row(
        CLASSES,
        ldam,
        arguments={"class_counts": COUNTS, "max_margin": 0.4, "scale": 5.0},
        hand=([1], [[0.0, 0.5]], LOG2),
        hand_arguments={"class_counts": [16, 1]},
        half_tolerance=0.15,  # a scale of 5 magnifies the rounding of the scores
    ),
    "logit_adjusted": Row(
        CLASSES,
        logit_adjusted(1.5),
        arguments={"class_counts": COUNTS, "tau": 1.5},
        hand=([1], HALF, 2 * LOG2),
        hand_arguments={"class_counts": [3, 1]},
        half_tolerance=0.06,
    ),
    "balanced_softmax": Row(
        CLASSES,
        logit_adjusted(1.0),
        arguments={"class_counts": COUNTS},
        hand=([0], HALF, 0.28768207),  # -log(3 / 4)
        hand_arguments={"class_counts": [3, 1]},
        half_tolerance=0.06,
    ),
    "generalized_cross_entropy": Row(
        CLASSES,
        each(generalized_cross_entropy),
        hand=([1], HALF, 0.58578644),  # 2 * (1 - sqrt(1 / 2))
        hand_arguments={"q": 0.5},
    ),
    "symmetric_cross_entropy": Row(
        CLASSES,
        each(symmetric_cross_entropy),
        hand=([1], HALF, LOG2 + 2),
        hand_arguments={"alpha": 1.0},
    ),
    "taylor_cross_entropy": Row(
        CLASSES,
        each(taylor_cross_entropy),
        arguments={"order": 3},
        hand=([1], HALF, 0.625),
    ),
    "bootstrapping": Row(
        CLASSES,
        each(bootstrapping),
        # The best class is 0: 0.8 * log(1 + e^2) + 0.2 * log(1 + e^-2).
        hand=([1], [[2.0, 0.0]], 0.8 * 2.12692801 + 0.2 * 0.12692801),
        hand_arguments={"beta": 0.8, "hard": True},
    ),
    "bi_tempered": Row(
        CLASSES,
        bi_tempered,
        arguments={"t1": 0.7, "t2": 1.4},
        # 2 - 2 * sqrt(1/2) - 2/3 + 2 * 2/3 * (1/2) ** 1.5 = 4/3 - sqrt(2) * 2/3
        hand=([1], HALF, 0.39052429),
        hand_arguments={"t1": 0.5, "t2": 1.5},
    ),
    "early_learning_regularization": Row(
        CLASSES,
        each(lambda y, p: -log(p[y])),
        # Labels without sample indices, as when evaluating; its memory has a test file.
        arguments={"num_samples": 20, "num_classes": 5},
        hand=([[1, 9]], HALF, LOG2 + log(0.75)),
        hand_arguments={
            "num_samples": 10,
            "num_classes": 2,
            "strength": 1.0,
            "momentum": 0.5,
        },
    ),
}
