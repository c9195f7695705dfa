"""Labels and predictions of each family of losses."""

import numpy as np
from loss_row import Kind

NUM_CLASSES = 5


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def one_hot(y, num_classes=NUM_CLASSES):
    return np.eye(num_classes)[np.asarray(y).astype(int)]


def both_signs(z):
    """Logits of ±1e4, such that each answer is once far right and once far wrong."""
    sign = np.where(z > 0, 1.0, -1.0)
    return [1e4 * sign, -1e4 * sign, np.full_like(z, 1e4)]


def class_twins(y, z):
    """The same labels as integers, floats, a column and one-hot."""
    hot = one_hot(y)
    return [
        (y.astype("float32"), z),
        (y[:, None], z),
        (hot, z),
        (hot.astype("int32"), z),
    ]


CLASSES = Kind(
    sample=lambda rng, n: (
        rng.integers(0, NUM_CLASSES, n),
        2 * rng.normal(size=(n, NUM_CLASSES)),
    ),
    twins=class_twins,
    extremes=both_signs,
    perfect=lambda y, z: 200.0 * one_hot(y),
    one_class=np.zeros_like,
    activation=softmax,
    misfits=lambda y, z: [(one_hot(y)[:, :-1], z), (y, z[:, :1]), (y, z[:, 0])],
)


def label_twins(y, z):
    """The same labels as integers and as booleans."""
    return [(y.astype("int32"), z), (y.astype(bool), z)]


LABELS = Kind(
    sample=lambda rng, n: (
        rng.integers(0, 2, (n, 3)).astype("float64"),
        2 * rng.normal(size=(n, 3)),
    ),
    twins=label_twins,
    extremes=both_signs,
    perfect=lambda y, z: 200.0 * (2 * y - 1),
    one_class=np.zeros_like,
    activation=sigmoid,
    misfits=lambda y, z: [(y[:, :2], z), (y, z[:, :2])],
)

SIGNS = Kind(
    sample=LABELS.sample,
    twins=lambda y, z: [*label_twins(y, z), (2 * y - 1, z)],
    extremes=both_signs,
    perfect=LABELS.perfect,
    one_class=np.zeros_like,
    misfits=LABELS.misfits,
)

VIEWS = Kind(
    sample=lambda rng, n: (
        rng.integers(0, NUM_CLASSES, n),
        2 * rng.normal(size=(n, 3, NUM_CLASSES)),
    ),
    twins=class_twins,
    extremes=both_signs,
    perfect=lambda y, z: np.repeat(200.0 * one_hot(y)[:, None], 3, axis=1),
    one_class=np.zeros_like,
    activation=softmax,
    misfits=lambda y, z: [(y, z[:, 0]), (y, z[:, :1])],
)

SHARES = Kind(
    sample=lambda rng, n: (
        softmax(rng.normal(size=(n, NUM_CLASSES))),
        softmax(rng.normal(size=(n, NUM_CLASSES))),
    ),
    extremes=lambda p: [one_hot(p.argmax(-1)), one_hot(p.argmin(-1))],
    perfect=lambda y, p: y,
    misfits=LABELS.misfits,
)

PROBABILITIES = Kind(
    sample=lambda rng, n: (
        rng.integers(0, NUM_CLASSES, n),
        softmax(rng.normal(size=(n, NUM_CLASSES))),
    ),
    twins=class_twins,
    extremes=SHARES.extremes,
    perfect=lambda y, p: one_hot(y),
    one_class=np.zeros_like,
    misfits=CLASSES.misfits,
)

# As many logits as there are thresholds between the classes.
RANKS = Kind(
    sample=lambda rng, n: (
        rng.integers(0, NUM_CLASSES, n),
        2 * rng.normal(size=(n, NUM_CLASSES - 1)),
    ),
    twins=lambda y, z: [(y.astype("float32"), z), (y[:, None], z)],
    extremes=both_signs,
    perfect=lambda y, z: np.where(np.arange(z.shape[1]) < y[:, None], 200.0, -200.0),
    one_class=np.zeros_like,
    misfits=lambda y, z: [(one_hot(y), z), (y, z[:, 0])],
)

# Maps of 4 by 3 positions and 3 classes.
MAPS = Kind(
    sample=lambda rng, n: (
        rng.integers(0, 3, (n, 4, 3)),
        2 * rng.normal(size=(n, 4, 3, 3)),
    ),
    twins=lambda y, z: [
        (y.astype("float32"), z),
        (y[..., None], z),
        (one_hot(y, 3), z),
        (one_hot(y, 3).reshape(-1, 12, 3), z.reshape(-1, 12, 3)),
    ],
    extremes=both_signs,
    perfect=lambda y, z: 200.0 * one_hot(y, 3),
    one_class=np.zeros_like,
    activation=softmax,
    misfits=lambda y, z: [(one_hot(y, 3)[..., :2], z), (y[:, 0], z)],
)


def some_boxes(rng, n):
    """Pairs of boxes that overlap, at least in part, in shares of an image."""
    low = rng.uniform(0.0, 0.4, (2, n, 2))
    return [np.concatenate([a, a + b], -1) for a, b in zip(low, low + 0.3, strict=True)]


def box_extremes(boxes):
    """Boxes far away, far too large, without area, and the wrong way round."""
    point = np.repeat(boxes[:, :2], 2, axis=1)[:, [0, 2, 1, 3]]
    return [
        boxes + 1e4,
        boxes * [-1e4, -1e4, 1e4, 1e4],
        point,
        boxes[:, [2, 3, 0, 1]],
    ]


BOXES = Kind(
    sample=some_boxes,
    twins=lambda y, p: [(y[:, [1, 0, 3, 2]], p[:, [1, 0, 3, 2]])],  # x before y
    extremes=box_extremes,
    perfect=lambda y, p: y,
    misfits=lambda y, p: [(y[:, :2], p[:, :2]), (y[:, None], p), (y[:1], p)],
)

TEACHER = Kind(
    sample=lambda rng, n: (
        np.concatenate(
            [
                rng.integers(0, NUM_CLASSES, (n, 1)),
                2 * rng.normal(size=(n, NUM_CLASSES)),
            ],
            axis=1,
        ),
        2 * rng.normal(size=(n, NUM_CLASSES)),
    ),
    extremes=both_signs,
    perfect=lambda y, z: y[:, 1:],
    misfits=lambda y, z: [(y[:, :2], z), (y[:, 0], z)],
)

DISTANCES = Kind(
    sample=lambda rng, n: (
        rng.integers(0, 2, (n, 3)).astype("float64"),
        2 * np.abs(rng.normal(size=(n, 3))),
    ),
    twins=label_twins,
    extremes=lambda d: [np.full_like(d, 1e4), np.zeros_like(d)],
    perfect=lambda y, d: 200.0 * (1 - y),
    one_class=np.zeros_like,
    misfits=LABELS.misfits,
)

# Kinds whose labels and predictions pair off one to one: (n,) and (n, 1) are the same.
PAIRED = [LABELS, SIGNS, DISTANCES]
