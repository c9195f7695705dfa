"""Losses for numbers, boxes and the logits of a teacher."""

import numpy as np

from kerazoo.losses._labels import Labels
from kerazoo.losses._suggestion import Suggestion, percent, short

MOST_COUNTED = 1_000_000  # larger whole numbers are amounts
SMALLEST_AMOUNT = 1e-30  # float32 has logarithms of little less
TO_SIGMA = 1.4826  # the spread of normal errors from their median absolute deviation


def numbers(labels: Labels) -> list[Suggestion]:
    """Advise on numbers: counts, amounts, measurements with or without outliers."""
    y = labels.values.reshape(len(labels.values), -1)
    zeros, lowest = float((y == 0).mean()), y.min()
    whole = bool((y == np.round(y)).all())
    if whole and lowest >= 0 and np.median(y) <= 100 and y.max() <= MOST_COUNTED:
        return _counts(y)
    if lowest >= 0 and zeros >= 0.1:
        return [
            Suggestion(
                "tweedie_deviance",
                f"{percent(zeros)} of the labels are exactly 0, and the others above.",
                {"power": 1.5},
            ),
            Suggestion("msle", "The same judged by ratio, without a distribution."),
        ]
    for bound, word in ((y.max(), "highest"), (lowest, "lowest")):
        pile = float((y == bound).mean())
        if pile >= 0.05 and len(np.unique(y)) > 20:
            return _clipped(y, bound, word, pile)
    sigma = _sigma(y)
    skew = float(np.mean(((y - y.mean()) / y.std()) ** 3))
    if lowest > SMALLEST_AMOUNT and skew > 1 and y.max() / lowest > 10:
        return _amounts(y, skew)
    outliers = _outliers(y)
    delta = short(1.345 * sigma)
    if outliers > 0.02:
        return [
            Suggestion(
                "huber",
                f"{percent(outliers)} of the labels are outliers (beyond 1.5 quartile "
                f"ranges); delta is 1.345 times the spread of the others, {sigma:.3g}.",
                {"delta": delta},
            ),
            Suggestion(
                "cauchy",
                "If they are errors: the further out a label, the less it pulls.",
                {"scale": short(2.385 * sigma)},
            ),
            Suggestion("mae", "The median, with nothing to tune."),
        ]
    return [
        Suggestion(
            "mse",
            f"{percent(outliers)} of the labels are outliers, and the skew is "
            f"{skew:.1f}: the one to begin with.",
        ),
        Suggestion(
            "huber",
            f"If outliers come; delta is 1.345 times the spread, {sigma:.3g}.",
            {"delta": delta},
        ),
        Suggestion(
            "gaussian_nll",
            "If answers need their uncertainty; the model gives two numbers a target.",
            {"min_variance": short(max((1e-3 * sigma) ** 2, 1e-30))},
        ),
    ]


def boxes(labels: Labels) -> list[Suggestion]:
    """Advise on corners of boxes.

    Raises:
        ValueError: not (batch, …, 4), or corners in the wrong order.
    """
    y = labels.values
    if y.ndim < 2 or y.shape[-1] != 4:
        raise ValueError(f"Boxes must be (batch, …, 4); got shape {y.shape}.")
    wrong = int((y[..., 2:] < y[..., :2]).any(axis=-1).sum())
    if wrong:
        raise ValueError(
            f"{wrong:,} boxes end before they begin: boxes are two corners, low before "
            "high, no centres and sizes."
        )
    return [
        Suggestion("ciou", "Overlap, distance and the ratio of the sides together."),
        Suggestion("giou", "Overlap, with a slope for boxes that do not touch."),
    ]


def distillation(labels: Labels) -> list[Suggestion]:
    """Advise on a teacher's logits.

    Raises:
        ValueError: not (batch, classes), or probabilities.
    """
    z = labels.values
    if z.ndim != 2 or z.shape[1] < 2:
        raise ValueError(f"A teacher's logits are (batch, classes); got {z.shape}.")
    if z.min() >= 0 and np.allclose(z.sum(axis=1), 1, atol=1e-3):
        raise ValueError("These are probabilities; a teacher's logits are needed.")
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    sure = float(np.mean(1 / powers.sum(axis=1)))
    return [
        Suggestion(
            "distillation",
            f"The teacher gives its best class {percent(sure)} on average; the "
            "temperature shows the student more of the others.",
            {"temperature": 4.0},
        ),
        Suggestion("dist_distillation", "If the teacher is much the stronger."),
    ]


def _counts(y: np.ndarray) -> list[Suggestion]:
    spread = float(y.var() / y.mean())
    facts = f"Counts whose variance is {spread:.3g} times their mean"
    poisson = Suggestion("poisson", f"{facts}; it takes them for equal.")
    negative = Suggestion(
        "negative_binomial", f"{facts}; the model gives a mean and a dispersion."
    )
    return [negative, poisson] if spread > 1.5 else [poisson, negative]


def _clipped(y, bound, word: str, pile: float) -> list[Suggestion]:
    return [
        Suggestion(
            "mae",
            f"{percent(pile)} of the labels are the {word}, {bound:.4g}, as if "
            "clipped; a median is not moved by that while they are fewer than half.",
        ),
        Suggestion(
            "mse",
            f"If {bound:.4g} is what was really there.",
        ),
    ]


def _amounts(y, skew: float) -> list[Suggestion]:
    facts = f"{y.min():,.4g} to {y.max():,.4g}, all above 0, with a skew of {skew:.1f}"
    by_ratio = Suggestion("msle", "The same without a distribution; labels from 1 up.")
    robust = Suggestion(
        "mae", "The median in the target's own unit; totals come out too low."
    )
    return [
        Suggestion("gamma_deviance", f"Amounts from {facts}, judged by their ratio."),
        by_ratio if np.median(y) > 1 else robust,
    ]


def _outliers(y: np.ndarray) -> float:
    """Return the share of labels beyond 1.5 quartile ranges, target by target."""
    low, high = np.percentile(y, [25, 75], axis=0)
    far = 1.5 * (high - low)
    return float(((y < low - far) | (y > high + far)).mean())


def _sigma(y: np.ndarray) -> float:
    """Return the usual spread of a target, which outliers do not widen."""
    deviation = np.median(abs(y - np.median(y, axis=0)), axis=0) * TO_SIGMA
    # Where more than half of the labels are equal their median says nothing.
    return float(np.median(np.maximum(deviation, 0.01 * y.std())))
