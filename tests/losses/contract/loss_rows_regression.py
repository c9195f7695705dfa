"""Rows of the losses for numbers; each oracle is a plain loop."""

from itertools import pairwise
from math import erf, exp, expm1, gamma, log, log1p, pi, sqrt

from loss_kinds_regression import (
    COUNTS,
    FOUR_BELIEFS,
    LOG_MEANS,
    MEAN_AND_LOG_VARIANCE,
    MEMBERS,
    MIXTURES,
    NUM_TARGETS,
    POSITIVES,
    SPREAD_COUNTS,
    TARGETS,
    THREE_QUANTILES,
)
from loss_row import Row


def averaged(cost):
    """Turn cost(y, *numbers) of one target into an oracle, whatever a head holds."""

    def oracle(y_true, y_pred):
        values = []
        for labels, numbers in zip(y_true, y_pred, strict=True):
            n = len(labels)
            costs = [cost(labels[t], *numbers[t::n]) for t in range(n)]
            values.append(sum(costs) / n)
        return values

    return oracle


def shares_of_root(error):
    def oracle(y_true, y_pred):
        squares = [
            [error(a, b) ** 2 for a, b in zip(y, x, strict=True)]
            for y, x in zip(y_true, y_pred, strict=True)
        ]
        root = sqrt(sum(map(sum, squares)) / sum(map(len, squares)))
        return [sum(s) / len(s) / root for s in squares]

    return oracle


def huber(r, delta):
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


def over_quantiles(cost):
    def one(y, *predictions):
        value = 0.0
        for q, x in zip(QUANTILES, predictions, strict=True):
            value += cost(y - x, q) / len(QUANTILES)
        for low, high in pairwise(predictions):
            if low > high:
                value += 0.5 * (low - high) / (len(QUANTILES) - 1)
        return value

    return averaged(one)


def quantile_huber(r, q):
    return (1 - q if r < 0 else q) * huber(r, 0.7) / 0.7


def gaussian_nll(y, mean, log_variance):
    variance = exp(log_variance)
    return log(2 * pi * variance) / 2 + (y - mean) ** 2 / (2 * variance)


def beta_nll(y_true, y_pred, constant_at=None):
    values = []
    held = y_pred if constant_at is None else constant_at
    for labels, numbers, fixed in zip(y_true, y_pred, held, strict=True):
        value = 0.0
        for t in range(len(labels)):
            mean, variance = numbers[t], exp(numbers[t + len(labels)])
            cost = (log(variance) + (labels[t] - mean) ** 2 / variance) / 2
            value += exp(fixed[t + len(labels)]) ** 0.3 * cost
        values.append(value / len(labels))
    return values


def tweedie(y, z):
    m, p = exp(z), 1.3
    least = y ** (2 - p) / ((1 - p) * (2 - p))
    return 2 * (least - y * m ** (1 - p) / (1 - p) + m ** (2 - p) / (2 - p))


def wing(r):
    if abs(r) < 1.5:
        return 1.5 * log1p(abs(r) / 0.5)
    return abs(r) - 1.5 + 1.5 * log1p(1.5 / 0.5)


def tukey(r):
    return 9 / 6 * (1 - (1 - (r / 3) ** 2) ** 3) if abs(r) < 3 else 9 / 6


def gaussian_crps(y, mean, log_variance):
    s = exp(log_variance) ** 0.5
    z = (y - mean) / s
    below = (1 + erf(z / sqrt(2))) / 2
    density = exp(-z * z / 2) / sqrt(2 * pi)
    return s * (z * (2 * below - 1) + 2 * density - 1 / sqrt(pi))


def ensemble_crps(y, *members):
    m, value = len(members), 0.0
    for a in members:
        value += abs(a - y) / m
        for b in members:
            value -= abs(a - b) / (2 * m * (m - 1))
    return value


def student_t(y, mean, log_variance):
    n, s = 3.0, exp(log_variance / 2)
    density = gamma((n + 1) / 2) / (gamma(n / 2) * sqrt(n * pi) * s)
    return -log(density * (1 + ((y - mean) / s) ** 2 / n) ** (-(n + 1) / 2))


def concordance(y_true, y_pred):
    n, num_targets = y_true.shape
    value = 0.0
    for t in range(num_targets):
        y, x = y_true[:, t], y_pred[:, t]
        a, b = sum(y) / n, sum(x) / n
        apart = sum((y[i] - a) ** 2 + (x[i] - b) ** 2 for i in range(n)) / n
        shared = sum((y[i] - a) * (x[i] - b) for i in range(n)) / n
        value += (1 - 2 * shared / (apart + (a - b) ** 2)) / num_targets
    return [value] * n


def balanced_mse(y_true, y_pred):
    values = []
    for i, x in enumerate(y_pred):
        near = []
        for y in y_true:
            near.append(
                exp(
                    -sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * 1.2**2)
                )
            )
        values.append(-2 * 1.2**2 * log(near[i] / sum(near)))
    return values


def mixture_density(y_true, y_pred):
    values = []
    for y, x in zip(y_true, y_pred, strict=True):
        total = sum(exp(x[k]) for k in range(3))
        density = 0.0
        for k in range(3):
            part = exp(x[k]) / total
            for t in range(NUM_TARGETS):
                mean = x[3 + k * NUM_TARGETS + t]
                log_variance = x[3 + (3 + k) * NUM_TARGETS + t]
                part *= exp(-gaussian_nll(y[t], mean, log_variance))
            density += part
        values.append(-log(density))
    return values


def evidential(y, mean, *raw):
    v, a, b = (log1p(exp(x)) + 1e-6 for x in raw)
    a += 1
    w, r = 2 * b * (1 + v), abs(y - mean)
    density = gamma(a + 0.5) / gamma(a) * sqrt(v / pi) * w**a
    density /= (v * r**2 + w) ** (a + 0.5)
    return -log(density) + 0.2 * r * (2 * v + a)


def negative_binomial(y, log_mean, log_dispersion):
    m, n = exp(log_mean), exp(-log_dispersion)
    p = 1.0
    for k in range(int(y)):  # the chance of y, one failure after the other
        p *= (n + k) / (k + 1) * m / (n + m)
    return -log(p * (n / (n + m)) ** n)


QUANTILES = [0.1, 0.5, 0.8]
SEVERAL = {"quantile": QUANTILES, "crossing_penalty": 0.5}
ACTUAL = [67, 50, 36, 74, 84, 84, 64, 34, 23, 72, 62, 42]
FORECAST = [70, 49, 38, 76, 83, 80, 67, 30, 20, 75, 60, 38]
MONTHS = (ACTUAL, FORECAST)  # errors of 1, 2, 3 and 4: two, three, four and three

ROWS = {
    "mse": Row(TARGETS, averaged(lambda y, x: (y - x) ** 2), hand=(*MONTHS, 98 / 12)),
    "mae": Row(TARGETS, averaged(lambda y, x: abs(y - x)), hand=(*MONTHS, 32 / 12)),
    "rmse": Row(
        TARGETS,
        shares_of_root(lambda y, x: y - x),
        hand=(*MONTHS, sqrt(98 / 12)),
        batchwise=True,
    ),
    "huber": Row(
        TARGETS,
        averaged(lambda y, x: huber(y - x, 1.5)),
        arguments={"delta": 1.5},
        # Halves of 1 and 4, then 2 * (3 - 1) and 2 * (4 - 1).
        hand=(*MONTHS, (2 * 0.5 + 3 * 2 + 4 * 4 + 3 * 6) / 12),
        hand_arguments={"delta": 2.0},
    ),
    "log_cosh": Row(
        TARGETS,
        averaged(lambda y, x: log((exp(y - x) + exp(x - y)) / 2)),
        hand=([0], [[log(2)]], log(5 / 4)),
    ),
    "pinball": Row(
        THREE_QUANTILES,
        over_quantiles(lambda r, q: q * r if r > 0 else (q - 1) * r),
        arguments=SEVERAL,
        # 0.75 * 2 below and 0.75 * 2 above; the two are in the wrong order by 4.
        hand=([10.0], [[12.0, 8.0]], 1.5 + 2 * 4),
        hand_arguments={"quantile": [0.25, 0.75], "crossing_penalty": 2.0},
    ),
    "gaussian_nll": Row(
        MEAN_AND_LOG_VARIANCE,
        averaged(gaussian_nll),
        hand=([3.0], [[1.0, log(4)]], log(2 * pi) / 2 + log(2) + 0.5),
    ),
    "beta_nll": Row(
        MEAN_AND_LOG_VARIANCE,
        beta_nll,
        arguments={"beta": 0.3},
        hand=([3.0], [[1.0, log(4)]], log(4) + 1),  # twice half of it
        holds_constants=True,
    ),
    "quantile_huber": Row(
        THREE_QUANTILES,
        over_quantiles(quantile_huber),
        arguments={"delta": 0.7, **SEVERAL},
        hand=([[10.0]], [[8.0]], 0.75 * 2 / 2),
        hand_arguments={"quantile": 0.75, "delta": 2.0},
    ),
    "expectile": Row(
        TARGETS,
        averaged(lambda y, x: (0.8 if y > x else 0.2) * (y - x) ** 2),
        arguments={"expectile": 0.8},
        hand=([10.0, 10.0], [8.0, 12.0], (0.75 * 4 + 0.25 * 4) / 2),
        hand_arguments={"expectile": 0.75},
    ),
    "mape": Row(
        POSITIVES,
        averaged(lambda y, x: 100 * abs(y - x) / y),
        hand=([4.0, 10.0], [[5.0], [10.0]], 12.5),
    ),
    "msle": Row(
        POSITIVES,
        averaged(lambda y, x: (log1p(y) - log1p(x)) ** 2),
        hand=([1, 7], [[3], [7]], log(2) ** 2 / 2),
    ),
    "rmsle": Row(
        POSITIVES,
        shares_of_root(lambda y, x: log1p(y) - log1p(x)),
        hand=([1, 7], [3, 3], log(2)),
        batchwise=True,
    ),
    "poisson": Row(
        COUNTS,
        averaged(lambda y, z: exp(z) - y * z),
        hand=([2], [[3.0]], 3 - 2 * log(3)),
        hand_arguments={"log_mean": False},
    ),
    "gamma_deviance": Row(
        LOG_MEANS,
        averaged(lambda y, z: 2 * (log(exp(z) / y) + y / exp(z) - 1)),
        hand=([1.0], [[2.0]], 2 * (log(2) + 0.5 - 1)),
        hand_arguments={"log_mean": False},
        half_tolerance=0.05,
    ),
    "tweedie_deviance": Row(
        COUNTS,
        averaged(tweedie),
        arguments={"power": 1.3},
        # 2 * (-4 * 2 + 2 * 4 / 1 + 2 * 1)
        hand=([4.0], [[1.0]], 4.0),
        hand_arguments={"log_mean": False},
        half_tolerance=0.1,
    ),
    "charbonnier": Row(
        TARGETS,
        averaged(lambda y, x: sqrt((y - x) ** 2 + 0.25)),
        arguments={"epsilon": 0.5},
        hand=([3.0], [[0.0]], 5.0),
        hand_arguments={"epsilon": 4.0},
    ),
    "cauchy": Row(
        TARGETS,
        averaged(lambda y, x: 2.25 / 2 * log1p(((y - x) / 1.5) ** 2)),
        arguments={"scale": 1.5},
        hand=([2.0], [[0.0]], 2 * log(2)),
        hand_arguments={"scale": 2.0},
    ),
    "general_robust": Row(
        TARGETS,
        averaged(lambda y, x: 3 / -1 * expm1(-log1p(((y - x) / 2) ** 2 / 3) / 2)),
        arguments={"alpha": -1.0, "scale": 2.0},
        hand=([sqrt(8)], [[0.0]], 2.0),  # sqrt(8 + 1) - 1
    ),
    "gaussian_crps": Row(
        MEAN_AND_LOG_VARIANCE,
        averaged(gaussian_crps),
        hand=([3.0], [[3.0, log(4)]], 2 * (sqrt(2) - 1) / sqrt(pi)),
    ),
    "ensemble_crps": Row(
        MEMBERS,
        averaged(ensemble_crps),
        arguments={"fair": True},
        hand=([0.0], [[1.0, 3.0]], 1.5),  # 2 - (2 + 2) / 8
    ),
    "student_t_nll": Row(
        MEAN_AND_LOG_VARIANCE,
        averaged(student_t),
        arguments={"degrees_of_freedom": 3.0},
        hand=([3.0], [[2.0, 0.0]], log(pi) + log(2)),
        hand_arguments={"degrees_of_freedom": 1.0},
    ),
    "tukey": Row(
        TARGETS,
        averaged(lambda y, x: tukey(y - x)),
        arguments={"c": 3.0},
        hand=([6.0], [[0.0]], 4 / 6),
        hand_arguments={"c": 2.0},
    ),
    "wing": Row(
        TARGETS,
        averaged(lambda y, x: wing(y - x)),
        arguments={"width": 1.5, "curvature": 0.5},
        hand=([2.0, 6.0], [0.0, 0.0], (4 * log(2) + 2 + 4 * log(3)) / 2),
        hand_arguments={"width": 4.0, "curvature": 2.0},
    ),
    "concordance": Row(
        TARGETS,
        concordance,
        hand=([0.0, 2.0], [2.0, 4.0], 1 - 2 / (1 + 1 + 4)),
        batchwise=True,
    ),
    "balanced_mse": Row(
        TARGETS,
        balanced_mse,
        arguments={"noise_scale": 1.2},
        hand=([0.0, 2.0], [1.0, 1.0], 2 * log(2)),
        batchwise=True,
    ),
    "mixture_density": Row(
        MIXTURES,
        mixture_density,
        # Half of a density at its mean, half of one out of reach.
        hand=([3.0], [[0.0, 0.0, 3.0, 99.0, 0.0, 0.0]], log(2 * pi) / 2 + log(2)),
    ),
    "evidential": Row(
        FOUR_BELIEFS,
        averaged(evidential),
        arguments={"coefficient": 0.2},
        # Student's t with v = b = 1 and a = 2, at its centre: gamma(2.5) = 1.329340.
        hand=(
            [3.0],
            [[3.0, *[log(exp(1 - 1e-6) - 1)] * 3]],
            log(sqrt(pi) * sqrt(4) / gamma(2.5)),
        ),
    ),
    "negative_binomial": Row(
        SPREAD_COUNTS,
        averaged(negative_binomial),
        hand=([2], [[0.0, 0.0]], 3 * log(2)),  # geometric: 1 / 2 ** 3
    ),
}
