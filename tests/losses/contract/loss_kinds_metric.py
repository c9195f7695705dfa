"""Labels and embeddings of the metric-learning losses."""

import keras
import numpy as np
from loss_kinds import one_hot
from loss_row import Kind

# Few classes, so that most samples of a batch of six have a partner.
CLASSES = 3
FEATURES = 5


def far_and_equal(z):
    """Embeddings far out, all equal, and all 0."""
    sign = np.where(z > 0, 1e4, -1e4)
    return [sign, -sign, np.full_like(z, 1e4), np.full_like(z, -1.0), np.zeros_like(z)]


def index_twins(y, z):
    """The same classes as floats, as a column, and under other names."""
    return [(y.astype("float32"), z), (y[:, None], z), (1000 - y, z)]


EMBEDDINGS = Kind(
    sample=lambda rng, n: (
        rng.integers(0, CLASSES, n),
        rng.normal(size=(n, FEATURES)),
    ),
    twins=index_twins,
    extremes=far_and_equal,
    perfect=lambda y, z: 200.0 * one_hot(y, FEATURES),
    one_class=np.zeros_like,
    misfits=lambda y, z: [(y, z[:, 0]), (y[1:], z), (one_hot(y), z)],
)

LABELLED_VIEWS = Kind(
    sample=lambda rng, n: (
        rng.integers(0, CLASSES, n),
        rng.normal(size=(n, 2, FEATURES)),
    ),
    twins=index_twins,
    extremes=far_and_equal,
    perfect=lambda y, z: np.repeat(one_hot(y, FEATURES)[:, None], 2, axis=1),
    one_class=np.zeros_like,
    misfits=lambda y, z: [(y, z[:, 0, 0]), (y[1:], z), (one_hot(y), z)],
)


def independent(y, z):
    """Two equal views, whose features have variance 1 and no covariance."""
    view = z[:, 0] - z[:, 0].mean(0)
    view = np.linalg.qr(view)[0] * np.sqrt(len(z) - 1)
    return np.stack([view, view], axis=1)


TWO_VIEWS = Kind(
    sample=lambda rng, n: (np.zeros(n), rng.normal(size=(n, 2, 4))),
    twins=lambda y, z: [(y - 7.5, z), (np.ones((len(y), 3)), z)],
    extremes=far_and_equal,
    perfect=independent,
    misfits=lambda y, z: [(y, z[:, 0]), (y, z[:, :1])],
)

SIMILARITIES = Kind(
    sample=lambda rng, n: (rng.integers(0, CLASSES, n), 2 * rng.normal(size=(n, n))),
    twins=index_twins,
    extremes=far_and_equal,
    perfect=lambda y, z: 200.0 * (y[:, None] == y),
    one_class=np.zeros_like,
    misfits=lambda y, z: [(y, z[:, 1:]), (y[1:], z), (one_hot(y), z)],
)

SHARED_LABELS = Kind(
    sample=lambda rng, n: (rng.integers(0, 2, (n, 4)), 2 * rng.normal(size=(n, n))),
    twins=lambda y, z: [(y.astype("float32"), z), (y.astype(bool), z)],
    extremes=far_and_equal,
    perfect=lambda y, z: np.log(y @ y.T + 1e-9),
    one_class=np.ones_like,
    misfits=lambda y, z: [(y, z[:, 1:]), (y[1:], z), (y[:, 0], z)],
)

NUM_PROXIES = 5
NORMAL = {"class_name": "RandomNormal", "config": {"stddev": 1.0, "seed": 7}}


def proxies(num_centers=1, size=4):
    """The first proxies of the rows below, (classes, centers, features)."""
    first = keras.initializers.get(NORMAL)((NUM_PROXIES * num_centers, size))
    first = keras.ops.convert_to_numpy(first).astype("float64")
    return first.reshape(NUM_PROXIES, num_centers, size)


def near_proxies(num_centers=1):
    """Embeddings of classes that have trained proxies."""
    return Kind(
        sample=lambda rng, n: (
            rng.integers(0, NUM_PROXIES, n),
            rng.normal(size=(n, 4)),
        ),
        twins=lambda y, z: [(y.astype("float32"), z), (y[:, None], z)],
        extremes=far_and_equal,
        perfect=lambda y, z: proxies(num_centers)[y, 0],
        one_class=np.zeros_like,
        misfits=lambda y, z: [(y, z[:, 1:]), (y[1:], z), (one_hot(y), z)],
    )
