"""The losses for numbers against other libraries, and what sets them apart."""

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.special
import scipy.stats
import sklearn.metrics
from keras import ops

from kerazoo import losses

torch = pytest.importorskip("torch")

ACTUAL = np.array([67, 50, 36, 74, 84, 84, 64, 34, 23, 72, 62, 42])
FORECAST = np.array([70, 49, 38, 76, 83, 80, 67, 30, 20, 75, 60, 38])
N = 7
RNG = np.random.default_rng(0)
Y = RNG.normal(size=(N, 3))
X = RNG.normal(size=(N, 3))
R = Y - X
LOG_VARIANCE = RNG.normal(size=(N, 3))
HEAD = np.concatenate([X, LOG_VARIANCE], axis=-1)
SIGMA = np.exp(LOG_VARIANCE / 2)
AMOUNT = RNG.gamma(2.0, size=(N, 3)) + 0.1
MEAN = RNG.gamma(2.0, size=(N, 3)) + 0.1
COUNT = RNG.poisson(2.0, (N, 3))
N_OF = np.exp(-LOG_VARIANCE)  # read as a log-dispersion
MEANS = {"log_mean": False}

functional = torch.nn.functional


def as_torch(*arrays):
    return [torch.tensor(array) for array in arrays]


def least_squares_cost(rho, scale):
    """The cost that scipy.optimize.least_squares gives to the residuals."""

    def fixed(x):
        return R.ravel() + 0 * x[0]

    start = {"x0": [0.0], "loss": rho, "f_scale": scale, "max_nfev": 1}
    return scipy.optimize.least_squares(fixed, **start).cost / R.size


def sklearn_pinball(levels):
    pinball = sklearn.metrics.mean_pinball_loss
    return np.mean([pinball(Y[:, 0], X[:, i], alpha=q) for i, q in enumerate(levels)])


def mixture():
    """Two components over one target."""
    logits, means, log_variances = X[:, :2], Y[:, 1:], LOG_VARIANCE[:, :2]
    density = scipy.stats.norm.pdf(Y[:, :1], means, np.exp(log_variances / 2))
    p = scipy.special.softmax(logits, -1)
    predictions = np.concatenate([logits, means, log_variances], -1)
    return predictions, -np.log((p * density).sum(-1)).mean()


def crps_by_integral(y, mean, sigma):
    """The integral that the score is defined by."""
    normal = scipy.stats.norm(mean, sigma)
    low, high = mean - 12 * sigma, mean + 12 * sigma
    below = scipy.integrate.quad(lambda x: normal.cdf(x) ** 2, min(low, y), y)
    above = scipy.integrate.quad(lambda x: normal.sf(x) ** 2, y, max(high, y))
    return below[0] + above[0]


# name of ours, its arguments, labels, predictions, and the other library's mean.
TABLE = {
    "sklearn mean_squared_error": (
        ("mse", {}, Y, X),
        lambda: sklearn.metrics.mean_squared_error(Y, X),
    ),
    "sklearn mean_absolute_error": (
        ("mae", {}, Y, X),
        lambda: sklearn.metrics.mean_absolute_error(Y, X),
    ),
    "sklearn root_mean_squared_error": (
        ("rmse", {}, Y[:, 0], X[:, 0]),
        lambda: sklearn.metrics.root_mean_squared_error(Y[:, 0], X[:, 0]),
    ),
    "sklearn mean_absolute_percentage_error": (
        ("mape", {}, AMOUNT, X),
        lambda: 100 * sklearn.metrics.mean_absolute_percentage_error(AMOUNT, X),
    ),
    "sklearn mean_squared_log_error": (
        ("msle", {}, AMOUNT, MEAN),
        lambda: sklearn.metrics.mean_squared_log_error(AMOUNT, MEAN),
    ),
    "sklearn root_mean_squared_log_error": (
        ("rmsle", {}, AMOUNT[:, 0], MEAN[:, 0]),
        lambda: sklearn.metrics.root_mean_squared_log_error(AMOUNT[:, 0], MEAN[:, 0]),
    ),
    "sklearn mean_pinball_loss": (
        ("pinball", {"quantile": [0.1, 0.5, 0.9]}, Y[:, 0], X),
        lambda: sklearn_pinball([0.1, 0.5, 0.9]),
    ),
    "sklearn mean_gamma_deviance": (
        ("gamma_deviance", MEANS, AMOUNT[:, 0], MEAN[:, 0]),
        lambda: sklearn.metrics.mean_gamma_deviance(AMOUNT[:, 0], MEAN[:, 0]),
    ),
    "sklearn mean_gamma_deviance, of logs": (
        ("gamma_deviance", {}, AMOUNT[:, 0], np.log(MEAN[:, 0])),
        lambda: sklearn.metrics.mean_gamma_deviance(AMOUNT[:, 0], MEAN[:, 0]),
    ),
    "sklearn mean_tweedie_deviance": (
        ("tweedie_deviance", {"power": 1.4, **MEANS}, COUNT[:, 0], MEAN[:, 0]),
        lambda: sklearn.metrics.mean_tweedie_deviance(
            COUNT[:, 0], MEAN[:, 0], power=1.4
        ),
    ),
    "scipy huber": (
        ("huber", {"delta": 0.7}, Y, X),
        lambda: scipy.special.huber(0.7, R).mean(),
    ),
    "scipy pseudo_huber, Charbonnier": (
        ("charbonnier", {"epsilon": 0.7}, Y, X),
        lambda: scipy.special.pseudo_huber(0.7, R).mean() / 0.7 + 0.7,
    ),
    "scipy pseudo_huber, general robust": (
        ("general_robust", {"alpha": 1.0, "scale": 0.7}, Y, X),
        lambda: scipy.special.pseudo_huber(0.7, R).mean() / 0.7**2,
    ),
    "scipy least_squares, Cauchy": (
        ("cauchy", {"scale": 0.7}, Y, X),
        lambda: least_squares_cost("cauchy", 0.7),
    ),
    "scipy norm": (
        ("gaussian_nll", {}, Y, HEAD),
        lambda: -scipy.stats.norm.logpdf(Y, X, SIGMA).mean(),
    ),
    "scipy t": (
        ("student_t_nll", {"degrees_of_freedom": 3}, Y, HEAD),
        lambda: -scipy.stats.t.logpdf(Y, 3, X, SIGMA).mean(),
    ),
    "scipy norm, mixed": (
        ("mixture_density", {}, Y[:, 0], mixture()[0]),
        lambda: mixture()[1],
    ),
    "scipy nbinom": (
        ("negative_binomial", {}, COUNT, HEAD),
        lambda: (
            -scipy.stats.nbinom.logpmf(COUNT, N_OF, N_OF / (N_OF + np.exp(X))).mean()
        ),
    ),
    "scipy norm, integrated": (
        ("gaussian_crps", {}, Y, HEAD),
        lambda: np.mean(
            [crps_by_integral(*x) for x in zip(Y.flat, X.flat, SIGMA.flat, strict=True)]
        ),
    ),
    "torch gaussian_nll_loss": (
        ("gaussian_nll", {}, Y, HEAD),
        lambda: functional.gaussian_nll_loss(*as_torch(X, Y, SIGMA**2), full=True),
    ),
    "torch poisson_nll_loss": (
        ("poisson", {}, COUNT, X),
        lambda: functional.poisson_nll_loss(*as_torch(X, COUNT)),
    ),
    "torch huber_loss": (
        ("huber", {"delta": 0.7}, Y, X),
        lambda: functional.huber_loss(*as_torch(X, Y), delta=0.7),
    ),
    "torch smooth_l1_loss": (
        ("quantile_huber", {"quantile": 0.5, "delta": 0.7}, Y, X),
        lambda: functional.smooth_l1_loss(*as_torch(X, Y), beta=0.7) / 2,
    ),
    "torch mse_loss, expectile": (
        ("expectile", {"expectile": 0.5}, Y, X),
        lambda: functional.mse_loss(*as_torch(X, Y)) / 2,
    ),
    "torch cross_entropy, balanced": (
        ("balanced_mse", {"noise_scale": 1.5}, Y[:, 0], X[:, 0]),
        lambda: (
            4.5
            * functional.cross_entropy(
                torch.tensor(-((X[:, :1] - Y[:, 0]) ** 2) / 4.5), torch.arange(N)
            )
        ),
    ),
    "Keras MeanSquaredError": (
        ("mse", {}, Y, X),
        lambda: keras.losses.MeanSquaredError()(Y, X),
    ),
    "Keras MeanAbsolutePercentageError": (
        ("mape", {}, AMOUNT, X),
        lambda: keras.losses.MeanAbsolutePercentageError()(AMOUNT, X),
    ),
    "Keras MeanSquaredLogarithmicError": (
        ("msle", {}, AMOUNT, MEAN),
        lambda: keras.losses.MeanSquaredLogarithmicError()(AMOUNT, MEAN),
    ),
    "Keras LogCosh": (("log_cosh", {}, Y, X), lambda: keras.losses.LogCosh()(Y, X)),
    "Keras Poisson": (
        ("poisson", MEANS, COUNT, MEAN),
        lambda: keras.losses.Poisson()(COUNT, MEAN),
    ),
    "NumPy corrcoef and Lin's factor": (
        ("concordance", {}, Y[:, 0], X[:, 0]),
        lambda: (
            1
            - 2
            * np.corrcoef(Y[:, 0], X[:, 0])[0, 1]
            * Y[:, 0].std()
            * X[:, 0].std()
            / (Y[:, 0].var() + X[:, 0].var() + (Y[:, 0].mean() - X[:, 0].mean()) ** 2)
        ),
    ),
}


@pytest.mark.parametrize("other", TABLE)
def test_same_mean(other):
    (name, arguments, y_true, y_pred), theirs = TABLE[other]
    ours = losses.get(name, dtype="float64", **arguments)(y_true, y_pred)
    np.testing.assert_allclose(float(ours), float(theirs()), rtol=2e-6)


@pytest.mark.parametrize("name", ["mse", "mae", "rmse"])
def test_twelve_months(name):
    expected = {"mse": 98 / 12, "mae": 32 / 12, "rmse": (98 / 12) ** 0.5}[name]
    for y_true in (ACTUAL, ACTUAL[:, None]):
        for y_pred in (FORECAST, FORECAST[:, None]):
            value = float(losses.get(name)(y_true, y_pred))
            np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_rmse_weighs_its_samples():
    y_true, y_pred, weight = np.array([3.0, 4.0]), np.array([2.0, -3.0]), [1.0, 0.0]
    values = losses.get("rmse", reduction="none")(y_true, y_pred)
    np.testing.assert_allclose(values, [1 / 5, 49 / 5], rtol=1e-6)
    mean = losses.get("rmse")(y_true, y_pred, sample_weight=weight)
    np.testing.assert_allclose(mean, 1 / 5 / 2, rtol=1e-6)


HEADS = {
    "gaussian_nll": 2,
    "beta_nll": 2,
    "student_t_nll": 2,
    "gaussian_crps": 2,
    "negative_binomial": 2,
    "evidential": 4,
    "ensemble_crps": 5,
    "mixture_density": 9,
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_take_vectors_columns_and_sequences(name):
    rng = np.random.default_rng(1)
    y_true = rng.poisson(2.0, 6).astype("float64")
    y_pred = rng.normal(size=(6, HEADS[name]))
    loss = losses.get(name, reduction="none", dtype="float64")
    values = np.asarray(loss(y_true, y_pred))
    assert values.shape == (6,)
    np.testing.assert_allclose(loss(y_true[:, None], y_pred), values)
    in_time = y_pred.reshape(2, 3, -1)
    for labels in (y_true.reshape(2, 3), y_true.reshape(2, 3, 1)):
        np.testing.assert_allclose(loss(labels, in_time), values.reshape(2, 3))


def test_one_quantile_takes_a_vector_and_a_column():
    for name in ("pinball", "quantile_huber"):
        loss = losses.get(name, quantile=0.3, reduction="none")
        values = np.asarray(loss(ACTUAL, FORECAST))
        assert values.shape == (12,)
        np.testing.assert_allclose(loss(ACTUAL[:, None], FORECAST), values)
        np.testing.assert_allclose(loss(ACTUAL, FORECAST[:, None]), values)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("mse", {}, np.mean),
        ("mae", {}, np.median),
        ("pinball", {"quantile": 0.8}, lambda y: np.quantile(y, 0.8)),
        ("expectile", {"expectile": 0.9}, lambda y: scipy.stats.expectile(y, 0.9)),
        ("poisson", {}, lambda y: np.log(y.mean())),
        ("gamma_deviance", {}, lambda y: np.log(y.mean())),
        ("tweedie_deviance", {}, lambda y: np.log(y.mean())),
    ],
)
def test_the_best_constant_is_what_the_loss_is_for(name, arguments, expected):
    y_true = np.random.default_rng(2).gamma(2.0, size=401)
    constants = np.linspace(-1.0, 6.0, 7001)
    loss = losses.get(name, reduction="none", dtype="float64", **arguments)
    values = ops.convert_to_numpy(
        loss(*np.broadcast_arrays(y_true, constants[:, None]))
    )
    best = constants[values.argmin()]
    np.testing.assert_allclose(best, expected(y_true), atol=2e-3)


@pytest.mark.parametrize(
    ("alpha", "near"), [(2, 2 - 1e-5), (0, 1e-5), (0, -1e-5), (-np.inf, -1e5)]
)
def test_general_robust_is_continuous_at_its_limits(alpha, near):
    values = [losses.get("general_robust", alpha=a)(Y, X) for a in (alpha, near)]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "arguments", "width"),
    [
        ("rmse", {}, 1),
        ("pinball", {"quantile": [0.1, 0.9]}, 2),
        *((name, {}, width) for name, width in HEADS.items()),
    ],
)
def test_a_model_trains_on_a_vector_of_labels(name, arguments, width):
    y_true = np.random.default_rng(3).poisson(2.0, 16)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width)])
    model.compile("sgd", losses.get(name, **arguments))
    x, weight = np.ones((16, 2), "float32"), np.linspace(0.0, 1.0, 16)
    history = model.fit(x, y_true, 16, epochs=2, verbose=0, sample_weight=weight)
    assert np.isfinite(history.history["loss"]).all()
    assert history.history["loss"][1] < history.history["loss"][0]


def test_log_gamma():
    from kerazoo.losses._regression import log_gamma

    x = np.array([1e-4, 0.03, 0.5, 1.0, 1.5, 2.0, 3.3, 20.0, 1e3, 1e5])
    ours = ops.convert_to_numpy(log_gamma(ops.convert_to_tensor(x, "float64")))
    np.testing.assert_allclose(ours, scipy.special.gammaln(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [0, 3, 1e3, 1e6, 4e9])
@pytest.mark.parametrize("dispersion", [4e-4, 0.1, 1.0, 50.0])
def test_counts_of_any_size_cost_their_likelihood(count, dispersion):
    mean = 1.3 * count + 0.5
    y_true = ops.convert_to_tensor([[count]], "float32")
    y_pred = ops.log(ops.convert_to_tensor([[mean, dispersion]], "float32"))
    cost = float(losses.get("negative_binomial")(y_true, y_pred))
    n = 1 / dispersion
    exact = -scipy.stats.nbinom.logpmf(count, n, n / (n + mean))
    np.testing.assert_allclose(cost, exact, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("huber", {"delta": 0}, "delta must be a finite number above 0; got 0"),
        ("pinball", {"quantile": 1.0}, "strictly between 0 and 1"),
        ("pinball", {"quantile": [0.9, 0.1]}, "ascending"),
        ("pinball", {"quantile": []}, "quantile"),
        ("pinball", {"crossing_penalty": -1}, "crossing_penalty"),
        ("quantile_huber", {"delta": -1}, "delta"),
        ("expectile", {"expectile": 0}, "expectile"),
        ("gaussian_nll", {"min_variance": 0}, "min_variance"),
        ("beta_nll", {"beta": 2}, "beta must be in"),
        ("student_t_nll", {"degrees_of_freedom": 0}, "degrees_of_freedom"),
        ("evidential", {"coefficient": -1}, "coefficient"),
        ("tweedie_deviance", {"power": 2}, "gamma_deviance"),
        ("charbonnier", {"epsilon": 0}, "epsilon"),
        ("cauchy", {"scale": np.nan}, "scale"),
        ("tukey", {"c": 0}, "c must be"),
        ("wing", {"curvature": 0}, "curvature"),
        ("general_robust", {"alpha": 3}, "at most 2; got 3"),
        ("balanced_mse", {"noise_scale": 0}, "noise_scale"),
    ],
)
def test_arguments_out_of_bounds(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "y_true", "y_pred", "message"),
    [
        ("msle", {}, [-1.0], [1.0], r"y_true must be 0 or more; got \[-1.0\]"),
        ("rmsle", {}, [-1.0], [1.0], "y_true"),
        ("poisson", {}, [-1], [1.0], "0 or more"),
        ("poisson", MEANS, [1], [-1.0], "log_mean is False"),
        ("gamma_deviance", {}, [0.0], [1.0], "above 0"),
        ("negative_binomial", {}, [-1], [[1.0, 1.0]], "0 or more"),
        ("gaussian_nll", {}, [1.0], [[1.0]], "2 numbers a target"),
        ("pinball", {"quantile": [0.1, 0.9]}, [1.0], [[1.0]], "2 numbers a target"),
        ("ensemble_crps", {"fair": True}, [1.0], [[1.0]], "two members"),
        ("mixture_density", {}, [1.0], [[1.0, 2.0]], "numbers a component"),
    ],
)
def test_labels_and_predictions_that_cannot_be_meant(
    name, arguments, y_true, y_pred, message
):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **arguments)(np.array(y_true), np.array(y_pred))
