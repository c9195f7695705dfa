"""What is suggested for labels of every kind, and that each suggestion works."""

import re
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from workplace import execute

from kerazoo import losses
from kerazoo.losses._labels import Labels, look
from kerazoo.losses._suggestion import Suggestion

RNG = np.random.default_rng(0)
LONG_TAIL = np.repeat(np.arange(5), [1000, 300, 90, 30, 9])
WORDS = np.repeat(["cat", "dog", "eel"], [60, 30, 15])
PADDED = np.where(np.arange(8) < [[3], [8], [5]], RNG.integers(1, 9, (3, 8)), 0)
BLOB = np.zeros((4, 16, 16), int)
BLOB[:3, 4:8, 4:8] = 1
BLOB[3, 0, 0] = 1
NORMAL = RNG.normal(5.0, 2.0, 500)
TAILS = np.concatenate([NORMAL, [60.0, 70, 80, -50, -60, 90, 100, -40] * 5])
DELTA = pytest.approx(
    1.345 * 1.4826 * np.median(abs(TAILS - np.median(TAILS))), rel=0.01
)
CORNERS = np.array([[0.1, 0.1, 0.4, 0.5], [0.2, 0.3, 0.6, 0.9]])


TABLE = {
    "even binary": ([0, 1] * 20, None, "binary_cross_entropy", {}),
    "rare ones": (
        [0] * 95 + [1] * 5,
        None,
        "binary_cross_entropy",
        {"pos_weight": 19.0},
    ),
    "rare zeros": (
        [1.0] * 90 + [0.0] * 10,
        None,
        "binary_cross_entropy",
        {"pos_weight": 0.111},
    ),
    "booleans": ([True, False, False], None, "binary_cross_entropy", {}),
    "a column": ([[0], [1], [1]], None, "binary_cross_entropy", {}),
    "signs": ([-1, 1, 1], None, "hinge", {}),
    "even classes": (np.arange(100) % 10, None, "cross_entropy", {}),
    "one-hot": (np.eye(4)[np.arange(40) % 4], None, "cross_entropy", {}),
    "long tail": (
        LONG_TAIL,
        None,
        "logit_adjusted",
        {"class_counts": [1000, 300, 90, 30, 9]},
    ),
    "one-hot tail": (
        np.eye(2)[np.repeat([0, 1], [50, 2])],
        None,
        "logit_adjusted",
        {"class_counts": [50, 2]},
    ),
    "words": (WORDS, None, "weighted_cross_entropy", {"class_counts": [60, 30, 15]}),
    "objects": (
        np.array(["a", "b"] * 9, object),
        None,
        "cross_entropy",
        {},
    ),
    "a missing class": (
        [0, 1, 2, 3, 4, 6] * 5,
        "classification",
        "weighted_cross_entropy",
        {"class_counts": [5, 5, 5, 5, 5, 1, 5]},
    ),
    "from 1 up": ([1, 2, 3, 4, 5] * 9, None, "cross_entropy", {}),
    "told imbalance": (
        [0] * 20 + [1] * 10 + [2] * 10,
        "imbalance",
        "weighted_cross_entropy",
        {"class_counts": [20, 10, 10]},
    ),
    "signs by count": (
        [-1] * 20 + [1],
        "imbalance",
        "logit_adjusted",
        {"class_counts": [20, 1]},
    ),
    "noisy": (np.arange(30) % 3, "noisy labels", "generalized_cross_entropy", {}),
    "noisy, many": (
        np.arange(300) % 100,
        "noisy labels",
        "symmetric_cross_entropy",
        {"alpha": 6.0},
    ),
    "ranks": ([1, 2, 3, 4, 5] * 9, "ordinal", "coral", {}),
    "many ranks": (np.arange(500) % 5, "ordinal", "corn", {}),
    "retrieval": (np.arange(60) % 6, "metric learning", "multi_similarity", {}),
    "many labels": (
        (RNG.random((50, 6)) < 0.5).astype(int),
        None,
        "binary_cross_entropy",
        {},
    ),
    "few of many": ((np.eye(40)[:, :7] > 0).astype(int), None, "asymmetric", {}),
    "some missing": (
        [[1, 0, -1], [0, 1, 1], [1, 1, 0]],
        None,
        "binary_cross_entropy",
        {"ignore_index": -1},
    ),
    "shares": ([[0.35, 0.15, 0.5], [1, 0, 0]], None, "cross_entropy", {}),
    "tokens": (PADDED, None, "token_cross_entropy", {"ignore_index": 0}),
    "no padding": (
        RNG.integers(0, 9, (5, 7)),
        None,
        "token_cross_entropy",
        {"ignore_index": None},
    ),
    "padded with -1": (
        PADDED - 1,
        "sequence",
        "token_cross_entropy",
        {"ignore_index": -1},
    ),
    "small regions": (BLOB, None, "dice", {}),
    "empty maps": (BLOB[[0, 3]] * [[[1]], [[0]]], None, "binary_cross_entropy", {}),
    "segmentation": (RNG.integers(0, 4, (3, 8, 8)), None, "cross_entropy", {}),
    "void pixels": (
        np.where(BLOB[:3] == 1, 255, RNG.integers(0, 3, (3, 16, 16))),
        None,
        "cross_entropy",
        {"ignore_index": 255},
    ),
    "normal": (NORMAL, None, "mse", {}),
    "pictures": (RNG.integers(0, 256, (3, 8, 8)), None, "mse", {}),
    "two targets": (RNG.normal(size=(99, 2)), None, "mse", {}),
    "outliers": (TAILS, None, "huber", {"delta": DELTA}),
    "counts": (RNG.poisson(4, 300), "regression", "poisson", {}),
    "wild counts": (
        RNG.poisson(RNG.gamma(0.5, 8, 300)),
        "regression",
        "negative_binomial",
        {},
    ),
    "amounts": (RNG.lognormal(3, 1, 300), None, "gamma_deviance", {}),
    "claims": (
        np.where(np.arange(99) % 3, 0, RNG.gamma(2, 3, 99)),
        None,
        "tweedie_deviance",
        {"power": 1.5},
    ),
    "clipped": (np.minimum(NORMAL, 7.0), None, "mae", {}),
    "boxes": (CORNERS, "boxes", "ciou", {}),
    "a teacher": (RNG.normal(size=(9, 4)), "distillation", "distillation", {}),
}
NEEDS = {"coral": -1, "corn": -1}  # scores, beside one a class
PROBABILITIES = {"kl_divergence"}
ONE_MAP = {"dice", "focal_tversky", "binary_cross_entropy"}


def answers(suggestion: Suggestion, labels: Labels) -> np.ndarray:
    """Predictions of the shape that a loss wants for labels."""
    name, y = suggestion.name, labels.values
    num_classes = len(labels.counts)
    if labels.kind in ("binary", "classes"):
        width = num_classes + NEEDS.get(name, 0)
        one = labels.kind == "binary" and name.startswith("binary")
        shape = y.shape if one else (len(y), width)
    elif labels.kind == "tokens":
        shape = (*y.shape, max(num_classes, 2))
    elif labels.kind == "maps":
        shape = (*y.shape, 1 if num_classes == 2 and name in ONE_MAP else num_classes)
    elif name in ("gaussian_nll", "negative_binomial"):
        shape = (len(y), 2 * y[0].size)
    else:
        shape = y.shape
    scores = np.random.default_rng(1).normal(size=shape)
    if name in PROBABILITIES:
        scores = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return scores


def value(suggestion: Suggestion, labels: Labels) -> float:
    y = labels.values
    if suggestion.name in ("gaussian_nll", "negative_binomial"):
        y = y.reshape(len(y), -1)
    loss = losses.get(suggestion.name, **suggestion.arguments)
    return float(loss(y, answers(suggestion, labels).astype("float32")))


@pytest.mark.parametrize("case", TABLE)
def test_labels_get_the_loss_that_suits_them(case):
    y, task, name, arguments = TABLE[case]
    found = losses.suggest(y, task)
    assert 2 <= len(found) <= 3
    assert len({s.name for s in found}) == len(found)
    assert found[0].name == name
    assert found[0].arguments | arguments == found[0].arguments
    labels = look(y, task)
    for suggestion in found:
        assert np.isfinite(value(suggestion, labels)), suggestion
        assert re.fullmatch(r"[A-Z0-9].{15,160}\.", suggestion.reason)


def test_a_suggestion_reads_well():
    first = losses.suggest(LONG_TAIL)[0]
    assert str(first) == (
        "logit_adjusted  class_counts=[1000, 300, 90, 30, 9]\n"
        "    As the most frequent of 5 classes has 1,000 samples, the rarest 9 "
        "(111 : 1), it takes frequencies out, so that classes count the same."
    )
    with pytest.raises(AttributeError):
        first.name = "other"


def test_what_was_seen_is_said():
    assert look(PADDED).seen == (
        "3 sequences of 8 token ids, up to 8; 33% are 0, taken for padding"
    )
    assert "number them 0 to 4" in look([1, 2, 3, 4, 5]).seen
    assert "say task regression" in look([0, 1, 2, 3]).seen
    assert "say task" not in look(["a", "b"]).seen


def test_alpha_and_beta_follow_the_counts():
    by_name = {s.name: s.arguments for s in losses.suggest(LONG_TAIL)}
    mean = 1429 / 5
    expected = [min(mean / n, 10) for n in (1000, 300, 90, 30, 9)]
    np.testing.assert_allclose(by_name["focal"]["alpha"], expected, rtol=0.01)
    assert by_name["class_balanced"]["beta"] == 0.999


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        ([], None, "no labels"),
        (np.zeros((0, 3)), None, "no labels"),
        (3.0, None, "no labels"),
        ([1.0, np.nan, np.inf], None, "2 of 3 labels are NaN or infinite"),
        ([None, 1], None, "got dtype object"),
        ([[1, 2], [3]], None, "differ in shape"),
        (np.array(["2020-01-01"], "datetime64[D]"), None, "datetime64"),
        ([2, 2, 2], None, "All labels are 2"),
        (["a"], None, "All labels are 'a'"),
        ([[0, 1], [0, 1]], None, "one class"),
        ([f"id {i}" for i in range(99)], None, "99 of 99 labels are different"),
        ([["a", "b"], ["b", "a"]], None, "one a sample"),
        ([0.5, 1.0], "ordinal", "whole numbers or strings; got 0.5"),
        ([0, 1], "ordnal", "Did you mean 'ordinal'"),
        ([0, 1], "sequence", "several labels a sample"),
        (["a", "b"], "regression", "needs numbers; got 'a'"),
        ([[0.5, 2.0]], "sequence", "whole numbers; got 0.5"),
        ([[-2, -1, 3]], "sequence", "one value, padding; got -2, -1"),
        ([[0, 2], [-1, 3]], "overlap", "got -1"),
        ([[1, 2], [3, 4]], "ordinal", "one class a sample"),
        ([1e20, 1.0], None, "scale them"),
        ([1e9, 1e9 + 1], "regression", "shift and scale"),
        ([[0.5, 0.5, 0.1, 0.1]], "boxes", "end before they begin"),
        ([1.0, 2.0], "boxes", r"\(batch, …, 4\)"),
        ([1.0, 2.0], "distillation", r"\(batch, classes\)"),
        ([[0.5, 0.5], [0.1, 0.9]], "distillation", "probabilities"),
        ([[-1, 1], [1, -1]], "imbalance", "All known labels are 1"),
    ],
)
def test_labels_that_cannot_be_used_are_told(y, task, message):
    with pytest.raises(ValueError, match=message):
        losses.suggest(y, task)


SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5)
SMALL = st.integers(-2, 4)
ANY_LABELS = st.one_of(
    arrays.arrays(int, SHAPES, elements=SMALL),
    arrays.arrays("uint8", SHAPES, elements=st.integers(0, 255)),
    arrays.arrays(int, SHAPES, elements=st.integers(-(2**40), 2**40)),
    arrays.arrays(bool, SHAPES),
    arrays.arrays(float, SHAPES, elements=st.floats(allow_nan=True)),
    arrays.arrays(float, SHAPES, elements=st.floats(-1e3, 1e3)),
    arrays.arrays(float, SHAPES, elements=SMALL.map(float)),
    arrays.arrays("U3", SHAPES, elements=st.sampled_from(["", "a", "b", "cat"])),
    st.lists(st.one_of(SMALL, st.text(max_size=2), st.none()), max_size=5),
    arrays.arrays(int, 30, elements=st.integers(0, 2)),
    arrays.arrays(float, 40, elements=st.floats(0, 1e6, width=32)),
)


@settings(
    max_examples=400,
    deadline=None,  # nor a look at the time otherwise: machines may be busy
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
@given(ANY_LABELS, st.sampled_from([None, *losses.TASKS]))
def test_whatever_the_labels_there_is_an_error_or_a_loss_that_works(y, task):
    try:
        found = losses.suggest(y, task)
    except ValueError as error:
        assert 15 < len(str(error)) < 300
        return
    labels = look(y, task)
    for suggestion in found:
        assert np.isfinite(value(suggestion, labels)), (suggestion, labels)


def test_keras_is_not_needed(tmp_path):
    code = (
        "import sys; from kerazoo import losses; losses.suggest([0, 1, 1]); "
        "sys.exit('keras' in sys.modules)"
    )
    execute(sys.executable, "-c", code, cwd=tmp_path)


def test_the_package_has_no_other_late_names():
    assert losses.suggest is losses.suggest
    with pytest.raises(AttributeError, match="no attribute 'sugest'"):
        _ = losses.sugest
