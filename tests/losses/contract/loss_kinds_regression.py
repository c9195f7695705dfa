"""What regression losses take: sorts of labels, and heads of several numbers."""

from dataclasses import replace

import numpy as np
from loss_kinds import PAIRED, both_signs
from loss_row import Kind

NUM_TARGETS = 2


def eighths(x):
    """Numbers that every dtype holds exactly."""
    return np.round(8 * x) / 8


def pair_misfits(y, x):
    return [(y[:, :2], x), (y, x[:, :2])]


def head_misfits(y, x):
    return [(y, x[:, :-1]), (y[:, :1], x[:, :-1]), (y[:1], x)]


TARGETS = Kind(
    sample=lambda rng, n: (
        eighths(2 * rng.normal(size=(n, 3))),
        2 * rng.normal(size=(n, 3)),
    ),
    twins=lambda y, x: [(y.astype("float16"), x), (y.astype("float32"), x)],
    extremes=both_signs,
    perfect=lambda y, x: y,
    misfits=pair_misfits,
)
POSITIVES = replace(
    TARGETS,
    sample=lambda rng, n: (
        eighths(rng.gamma(2.0, size=(n, 3)) + 0.5),
        rng.gamma(2.0, size=(n, 3)) + 0.1,
    ),
)
LOG_MEANS = replace(
    TARGETS,
    sample=lambda rng, n: (
        eighths(rng.gamma(2.0, size=(n, 3)) + 0.5),
        rng.normal(size=(n, 3)),
    ),
    perfect=lambda y, x: np.log(y),
)
COUNTS = Kind(
    sample=lambda rng, n: (rng.poisson(1.5, (n, 3)), rng.normal(size=(n, 3))),
    twins=lambda y, x: [(y.astype("float32"), x), (y.astype("int8"), x)],
    extremes=both_signs,
    perfect=lambda y, x: np.log(np.maximum(y, 1e-12)),
    misfits=pair_misfits,
)
PAIRED += [TARGETS, POSITIVES, LOG_MEANS, COUNTS]


def head(num_numbers, perfect, spread=1.0):
    """A kind whose predictions hold several numbers for each of two targets."""
    return Kind(
        sample=lambda rng, n: (
            eighths(2 * rng.normal(size=(n, NUM_TARGETS))),
            spread * rng.normal(size=(n, num_numbers * NUM_TARGETS)),
        ),
        twins=lambda y, x: [(y.astype("float16"), x)],
        extremes=both_signs,
        perfect=lambda y, x: np.concatenate(perfect(y), axis=-1),
        misfits=head_misfits,
    )


MEAN_AND_LOG_VARIANCE = head(2, lambda y: [y, np.full_like(y, -2.0)])
MEMBERS = replace(
    head(4, lambda y: [y] * 4), misfits=lambda y, x: [(y, x[:, :-1]), (y[:1], x)]
)
FOUR_BELIEFS = head(
    4, lambda y: [y, *(np.full_like(y, x) for x in (3.0, 3.0, -3.0))], spread=0.5
)
MIXTURES = replace(
    head(4, lambda y: [np.zeros((len(y), 3)), y, y, y, np.full((len(y), 6), -2.0)]),
    sample=lambda rng, n: (
        eighths(2 * rng.normal(size=(n, NUM_TARGETS))),
        rng.normal(size=(n, 3 * (1 + 2 * NUM_TARGETS))),
    ),
    misfits=lambda y, x: [(y, x[:, :-1]), (y[:1], x)],
)
SPREAD_COUNTS = replace(
    head(2, lambda y: [np.log(np.maximum(y, 1e-12)), np.full_like(y, -8.0, float)]),
    sample=lambda rng, n: (
        rng.poisson(1.5, (n, NUM_TARGETS)),
        rng.normal(size=(n, 2 * NUM_TARGETS)),
    ),
)
THREE_QUANTILES = head(3, lambda y: [y, y, y])
