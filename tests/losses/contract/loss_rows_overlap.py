"""Rows of the losses for regions, boxes and distillation; oracles as plain loops."""

from math import atan, log, pi

import numpy as np
from loss_kinds import BOXES, MAPS, SHARES, TEACHER, softmax
from loss_row import Row
from loss_rows_classification import LOG2, shares


def counted(cost):
    """Turn cost(hits, false alarms, misses) of a class into an oracle."""

    def oracle(y_true, y_pred):
        values = []
        for labels, scores in zip(y_true, y_pred, strict=True):
            costs = []
            for c in range(scores.shape[-1]):
                hits = false_alarms = misses = 0.0
                for y, z in zip(labels.ravel(), scores.reshape(-1, 3), strict=True):
                    p = shares(z)[c]
                    if y == c:
                        hits, misses = hits + p, misses + 1 - p
                    else:
                        false_alarms += p
                costs.append(cost(hits, false_alarms, misses))
            values.append(sum(costs) / len(costs))
        return values

    return oracle


def dice(hits, false_alarms, misses):
    return 1 - (2 * hits + 1) / (2 * hits + false_alarms + misses + 1)


def tversky(hits, false_alarms, misses):
    return 1 - (hits + 1) / (hits + 0.2 * false_alarms + 0.8 * misses + 1)


def jaccard_error(labels, wrong):
    """1 - intersection over union, if the positions in wrong are mispredicted."""
    shared = sum(1 for i, y in enumerate(labels) if y and i not in wrong)
    union = sum(1 for i, y in enumerate(labels) if y or i in wrong)
    return 1 - shared / union


def lovasz(y_true, y_pred):
    values = []
    for truth, scores in zip(y_true, y_pred, strict=True):
        p, costs = softmax(scores.reshape(-1, scores.shape[-1])), []
        for c in range(p.shape[-1]):
            labels = [y == c for y in truth.ravel()]
            if not any(labels):
                continue
            errors = [abs(y - q) for y, q in zip(labels, p[:, c], strict=True)]
            order = sorted(range(len(errors)), key=lambda i: -errors[i])
            cost, before = 0.0, 0.0
            for rank, i in enumerate(order):
                now = jaccard_error(labels, order[: rank + 1])
                cost, before = cost + errors[i] * (now - before), now
            costs.append(cost)
        values.append(sum(costs) / len(costs))
    return values


def overlap(a, b):
    """Intersection and union of two boxes."""
    height = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    width = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return height * width, sum(areas) - height * width


def giou(y_true, y_pred):
    values = []
    for a, b in zip(y_true, y_pred, strict=True):
        shared, union = overlap(a, b)
        around = (max(a[2], b[2]) - min(a[0], b[0])) * (
            max(a[3], b[3]) - min(a[1], b[1])
        )
        values.append(1 - shared / union + (around - union) / around)
    return values


def diou(y_true, y_pred):
    values = []
    for a, b in zip(y_true, y_pred, strict=True):
        shared, union = overlap(a, b)
        distance = diagonal = 0.0
        for low, high in ((0, 2), (1, 3)):
            distance += ((a[low] + a[high]) / 2 - (b[low] + b[high]) / 2) ** 2
            diagonal += (max(a[high], b[high]) - min(a[low], b[low])) ** 2
        values.append(1 - shared / union + distance / diagonal)
    return values


def aspect(a, b):
    angle = [atan((box[3] - box[1]) / (box[2] - box[0])) for box in (a, b)]
    return 4 / pi**2 * (angle[0] - angle[1]) ** 2


def ciou(y_true, y_pred, constant_at=None):
    values = diou(y_true, y_pred)
    held = y_pred if constant_at is None else constant_at
    for i, (a, b, fixed) in enumerate(zip(y_true, y_pred, held, strict=True)):
        shared, union = overlap(a, fixed)
        weight = aspect(a, fixed) / (1 - shared / union + aspect(a, fixed))
        values[i] += weight * aspect(a, b)
    return values


def kl(p, q):
    return sum(a * log(a / b) for a, b in zip(p, q, strict=True))


def kl_divergence(y_true, y_pred):
    return [kl(p, q) for p, q in zip(y_true, y_pred, strict=True)]


def taught(cost):
    """Turn cost(teacher, student, label), with logits over 2, into an oracle."""

    def oracle(y_true, y_pred):
        values = []
        for row, student in zip(y_true, y_pred, strict=True):
            label, teacher = int(row[0]), row[1:]
            soft = 4 * cost(teacher / 2, student / 2, label)
            values.append(soft - 0.5 * log(shares(student)[label]))
        return values

    return oracle


def decoupled(teacher, student, label):
    p, q = shares(teacher), shares(student)
    true = kl([p[label], 1 - p[label]], [q[label], 1 - q[label]])
    rest = [np.delete(logits, label) for logits in (teacher, student)]
    return 1.0 * true + 3.0 * kl(*map(shares, rest))


def correlation(a, b):
    """Pearson's correlation; 0 where one side is constant."""
    a, b = a - np.mean(a), b - np.mean(b)
    size = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return np.sum(a * b) / size if size else 0.0


def dist(y_true, y_pred):
    p, q = softmax(y_true[:, 1:] / 2), softmax(y_pred / 2)
    columns = [correlation(p[:, c], q[:, c]) for c in range(p.shape[1])]
    values = []
    for i, student in enumerate(y_pred):
        between = 1 - correlation(p[i], q[i])
        soft = 4 * (between + 0.5 * (1 - sum(columns) / len(columns)))
        hard = -log(shares(student)[int(y_true[i, 0])])
        values.append(soft + 0.5 * hard)
    return values


TAUGHT = {"temperature": 2.0, "hard_weight": 0.5}
PLAIN = {"smooth": 0.0, "from_logits": False}
PAIR = ([[[1.0], [0.0]]], [[[0.5], [0.5]]])  # one hit, one false alarm, by half
NEIGHBOURS = ([[0.0, 0.0, 1.0, 1.0]], [[0.0, 1.0, 1.0, 2.0]])

ROWS = {
    "dice": Row(MAPS, counted(dice), hand=(*PAIR, 0.5), hand_arguments=PLAIN),
    "tversky": Row(
        MAPS,
        counted(tversky),
        arguments={"alpha": 0.2, "beta": 0.8},
        hand=(*PAIR, 0.5),  # 1 - 0.5 / (0.5 + 0.15 + 0.35)
        hand_arguments=PLAIN,
    ),
    "focal_tversky": Row(
        MAPS,
        counted(lambda *counts: tversky(*counts) ** 0.75),
        arguments={"alpha": 0.2, "beta": 0.8},
        hand=(*PAIR, 0.25),
        hand_arguments={"gamma": 2.0, **PLAIN},
    ),
    "lovasz": Row(
        MAPS,
        lovasz,
        # Errors 1 and 0 of the hinge; the first halves nothing but the one hit: 1 * 1.
        hand=([[[1.0], [0.0]]], [[[0.0], [-2.0]]], 1.0),
        half_tolerance=0.05,
    ),
    "giou": Row(BOXES, giou, hand=(*NEIGHBOURS, 1.0)),
    "diou": Row(BOXES, diou, hand=(*NEIGHBOURS, 1.2)),
    "ciou": Row(BOXES, ciou, hand=(*NEIGHBOURS, 1.2), holds_constants=True),
    "kl_divergence": Row(
        SHARES, kl_divergence, hand=([[0.5, 0.5]], [[0.25, 0.75]], log(4 / 3) / 2)
    ),
    "distillation": Row(
        TEACHER,
        taught(lambda teacher, student, label: kl(shares(teacher), shares(student))),
        arguments=TAUGHT,
        hand=([[99.0, -99.0]], [[0.0, 0.0]], 4 * LOG2),
        hand_arguments={"temperature": 2.0},
    ),
    "decoupled_distillation": Row(
        TEACHER,
        taught(decoupled),
        arguments={"beta": 3.0, **TAUGHT},
        # The teacher is sure; the student gives the true class 1 / 3; the others agree.
        hand=([[0.0, 99.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]], log(3)),
        hand_arguments={"temperature": 1.0},
    ),
    "dist_distillation": Row(
        TEACHER,
        dist,
        arguments={"gamma": 0.5, **TAUGHT},
        # Every correlation is -1: 2 + 2.
        hand=([[0.0, 1.0], [1.0, 0.0]], [[5.0, 0.0], [0.0, 5.0]], 4.0),
        batchwise=True,
    ),
}
