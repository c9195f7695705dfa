"""What the losses over numbers share: residuals, quantiles, heads of distributions."""

from itertools import pairwise
from math import log, pi

import keras
import numpy as np
from keras import ops

from kerazoo.losses._base import AlignedLoss, BaseLoss, align, require, seen

HALF_LOG_2PI = 0.5 * log(2 * pi)


def positive(name: str, value) -> None:
    """Raise a ValueError where an argument is not a finite number above 0."""
    require(np.isfinite(value) and value > 0, name, "a finite number above 0", value)


def check_labels(y_true, lowest: float, rule: str, above: bool = False) -> None:
    """Raise a ValueError where a visible label is below (or at) the lowest allowed."""
    labels = seen(y_true)
    if labels is not None:
        wrong = labels[labels <= lowest if above else labels < lowest]
        require(not wrong.size, "y_true", rule, wrong[:1].tolist())


def safe_exp(x, dtype: str):
    """Return exp(x), continued as a straight line where it nears the dtype's end.

    A slope is left everywhere, and 1e4 gives a finite number in float32.
    """
    end = 5.0 if dtype == "float16" else 40.0
    return ops.exp(ops.minimum(x, end)) * (1.0 + ops.maximum(x - end, 0.0))


def log_gamma(x):
    """Return log(gamma(x)) of numbers above 0, in float32 or finer.

    Stirling's series at x + 8, where four terms are right to ten digits.
    """
    if keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16"):
        x = ops.cast(x, "float32")
    z = x + 8.0
    below = ops.log(x * (x + 1.0) * (x + 2.0) * (x + 3.0))
    below += ops.log((x + 4.0) * (x + 5.0) * (x + 6.0) * (x + 7.0))
    return (z - 0.5) * ops.log(z) - z + HALF_LOG_2PI + stirling_rest(z) - below


def stirling_rest(z):
    """Return what Stirling's formula lacks of log(gamma(z)), for z from 8 on."""
    square = ops.square(z)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / z


class ResidualLoss(AlignedLoss):
    """Charge every target by its residual alone: `per_residual(y_true - y_pred)`."""

    def per_target(self, y_true, y_pred):
        return self.per_residual(y_true - y_pred)

    def per_residual(self, r):
        """Return the cost of every residual, in its shape."""
        raise NotImplementedError


class PositiveLoss(AlignedLoss):
    """An aligned loss for labels that may not be below 0."""

    def check(self, y_true, y_pred):
        check_labels(y_true, 0, "0 or more")


class HeadLoss(BaseLoss):
    """Compare each target with several numbers that the model gives for it.

    y_pred holds them one after the other on its last axis: the first number of every
    target, then the second of every target, and so on. A subclass gives
    `per_target(y_true, *numbers)`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, numbers * targets).
        before reduction: (batch, …).
    """

    num_numbers = 2

    def call(self, y_true, y_pred):
        y_true, numbers = self.split(y_true, y_pred, self.num_numbers)
        return ops.mean(self.per_target(y_true, *numbers), axis=-1)

    def split(self, y_true, y_pred, num_numbers=None):
        """Return labels (…, targets) and a list of as many arrays of that shape.

        Raises:
            ValueError: y_pred has not as many numbers a target; None takes any.
        """
        if num_numbers == 1:
            y_true, y_pred = align(y_true, y_pred)
        labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
        if len(labels) == len(predictions) - 1:
            y_true = ops.expand_dims(y_true, -1)
        num_targets, width = y_true.shape[-1], predictions[-1]
        if num_targets is None:
            num_targets = width // (num_numbers or width)
        if num_numbers is None:
            num_numbers = width // num_targets
        fits = width == num_numbers * num_targets and width > 0
        same = len(y_true.shape) == len(predictions) and all(
            a == b or a is None or b is None
            for a, b in zip(y_true.shape[:-1], predictions[:-1], strict=True)
        )
        if not (fits and same):
            raise ValueError(
                f"Predictions of shape {predictions} do not fit labels of shape "
                f"{labels}: the last axis must hold {num_numbers} numbers a target."
            )
        return y_true, [
            y_pred[..., i * num_targets : (i + 1) * num_targets]
            for i in range(num_numbers)
        ]

    def per_target(self, y_true, *numbers):
        """Return the cost of every target, in the shape of y_true."""
        raise NotImplementedError


class VarianceLoss(HeadLoss):
    """A loss over a centre and the log of a squared scale for each target.

    Args:
        min_variance: squared scales are not taken below it, above 0, in the target's
            unit squared: a model that is sure of itself cannot divide by 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.
    """

    def __init__(self, min_variance=1e-6, **kwargs):
        super().__init__(**kwargs)
        positive("min_variance", min_variance)
        self.min_variance = min_variance

    def per_target(self, y_true, mean, log_variance):
        bounded = ops.maximum(log_variance, log(self.min_variance))
        return self.per_bounded(y_true - mean, bounded)

    def per_bounded(self, r, log_variance):
        """Return the cost of residuals under a log-variance that is not too low."""
        raise NotImplementedError


class QuantileLoss(HeadLoss):
    """Compare each target with one prediction per quantile.

    Args:
        quantile: q, strictly between 0 and 1, or an ascending list of such numbers.
        crossing_penalty: the weight of quantiles in the wrong order, at least 0: the
            mean over neighbours of max(lower - upper, 0). 0 lets them cross.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.
    """

    def __init__(self, quantile=0.5, crossing_penalty=0.0, **kwargs):
        super().__init__(**kwargs)
        levels = np.asarray(quantile, "float64").reshape(-1)
        good = levels.size and ((levels > 0) & (levels < 1)).all()
        rule = "strictly between 0 and 1, lists ascending"
        require(good and (np.diff(levels) > 0).all(), "quantile", rule, quantile)
        require(
            crossing_penalty >= 0, "crossing_penalty", "at least 0", crossing_penalty
        )
        self.quantile = quantile if isinstance(quantile, float) else levels.tolist()
        self.crossing_penalty = crossing_penalty

    @property
    def num_numbers(self):
        return 1 if isinstance(self.quantile, float) else len(self.quantile)

    def per_target(self, y_true, *numbers):
        levels = np.asarray(self.quantile).reshape(-1).tolist()
        costs = [
            self.per_level(y_true - x, q) for x, q in zip(numbers, levels, strict=True)
        ]
        value = sum(costs) / len(costs)
        if self.crossing_penalty and len(numbers) > 1:
            pairs = pairwise(numbers)
            crossed = sum(ops.maximum(low - high, 0.0) for low, high in pairs)
            value += self.crossing_penalty * crossed / (len(numbers) - 1)
        return value

    def per_level(self, r, q):
        """Return the cost of the residuals of one quantile."""
        raise NotImplementedError


class MeanLoss(AlignedLoss):
    """Compare labels with their predicted means, which are above 0.

    Args:
        log_mean: True where y_pred is the log of the mean, any number, from a model
            without a last activation; False where it is the mean itself, above 0.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.
    """

    lowest, above, labels = 0, False, "0 or more"

    def __init__(self, log_mean=True, **kwargs):
        super().__init__(**kwargs)
        self.log_mean = log_mean

    def per_target(self, y_true, y_pred):
        if not self.log_mean:
            y_pred = ops.log(ops.maximum(y_pred, keras.config.epsilon()))
        return self.per_log_mean(y_true, y_pred)

    def per_log_mean(self, y_true, log_mean):
        """Return the cost of every target, in the shape of both arguments."""
        raise NotImplementedError

    def exp(self, x):
        """Return exp(x), finite where x is far too large."""
        return safe_exp(x, self.dtype)

    def check(self, y_true, y_pred):
        check_labels(y_true, self.lowest, self.labels, self.above)
        means = None if self.log_mean else seen(y_pred)
        if means is not None:
            rule = "means of 0 or more, as log_mean is False"
            wrong = means[means < 0]
            require(not wrong.size, "y_pred", rule, wrong[:1].tolist())
