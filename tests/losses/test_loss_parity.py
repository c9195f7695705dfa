"""Where another library has the same loss, ours gives the same numbers."""

import importlib.util

import keras
import numpy as np
import pytest
import sklearn.metrics
from scipy.special import rel_entr, softmax

from kerazoo import losses

torch = pytest.importorskip("torch")

N, C = 7, 5
RNG = np.random.default_rng(0)
INDEX = RNG.integers(0, C, N)
HOT = np.eye(C)[INDEX]
LOGITS = 2 * RNG.normal(size=(N, C))
TEACHER = 2 * RNG.normal(size=(N, C))
P = softmax(LOGITS, axis=-1)
BINARY = RNG.integers(0, 2, (N, 3)).astype("float64")
SCORES = 2 * RNG.normal(size=(N, 3))
SIGMOID = 1 / (1 + np.exp(-SCORES))
SIDES = 2 * BINARY[:, 0] - 1
WEIGHT = np.array([0.5, 1.0, 2.0, 0.25, 3.0])
LOW = RNG.uniform(0, 0.5, (2, N, 2))
BOXES, BOXES_PRED = np.concatenate([LOW, LOW + RNG.uniform(0.2, 0.6, (2, N, 2))], -1)
MASK = RNG.integers(0, 2, (1, 4, 4, 1)).astype("float64")
MASK_PRED = RNG.uniform(0.01, 0.99, (1, 4, 4, 1))

functional = torch.nn.functional


def as_torch(*arrays):
    return [torch.tensor(array) for array in arrays]


def torch_distillation(temperature):
    student, teacher = as_torch(LOGITS / temperature, TEACHER / temperature)
    student, teacher = (functional.log_softmax(z, -1) for z in (student, teacher))
    divergence = functional.kl_div(
        student, teacher, reduction="batchmean", log_target=True
    )
    return temperature**2 * divergence


# name of ours, its arguments, labels, predictions, and the other library's mean.
TABLE = {
    "sklearn log_loss": (
        ("cross_entropy", {}, INDEX, LOGITS),
        lambda: sklearn.metrics.log_loss(INDEX, P, labels=range(C)),
    ),
    "sklearn log_loss, binary": (
        ("binary_cross_entropy", {}, BINARY[:, 0], SCORES[:, 0]),
        lambda: sklearn.metrics.log_loss(BINARY[:, 0], SIGMOID[:, 0]),
    ),
    "sklearn hinge_loss": (
        ("hinge", {}, SIDES, SCORES[:, 0]),
        lambda: sklearn.metrics.hinge_loss(SIDES, SCORES[:, 0]),
    ),
    "sklearn hinge_loss, several classes": (
        # Scores above 0, as ours and Keras's compare the others with 0 as well.
        ("categorical_hinge", {}, INDEX, LOGITS + 20),
        lambda: sklearn.metrics.hinge_loss(INDEX, LOGITS + 20, labels=range(C)),
    ),
    "scipy rel_entr": (
        ("kl_divergence", {}, softmax(TEACHER, axis=-1), P),
        lambda: rel_entr(softmax(TEACHER, axis=-1), P).sum(-1).mean(),
    ),
    "torch cross_entropy, smoothed": (
        ("cross_entropy", {"label_smoothing": 0.1}, INDEX, LOGITS),
        lambda: functional.cross_entropy(*as_torch(LOGITS, INDEX), label_smoothing=0.1),
    ),
    "torch cross_entropy, soft targets": (
        ("cross_entropy", {}, softmax(TEACHER, axis=-1), LOGITS),
        lambda: functional.cross_entropy(*as_torch(LOGITS, softmax(TEACHER, axis=-1))),
    ),
    "torch cross_entropy, ignore_index": (
        ("cross_entropy", {"ignore_index": 2}, INDEX, LOGITS),
        lambda: functional.cross_entropy(*as_torch(LOGITS, INDEX), ignore_index=2),
    ),
    "torch cross_entropy, weighted": (
        ("weighted_cross_entropy", {"class_weight": WEIGHT}, INDEX, LOGITS),
        lambda: functional.cross_entropy(*as_torch(LOGITS, INDEX, WEIGHT)),
    ),
    "torch cross_entropy, weighted and ignored": (
        (
            "weighted_cross_entropy",
            {"class_weight": WEIGHT, "ignore_index": 2},
            INDEX,
            LOGITS,
        ),
        lambda: functional.cross_entropy(
            *as_torch(LOGITS, INDEX, WEIGHT), ignore_index=2
        ),
    ),
    "torch cross_entropy of maps": (
        (
            "cross_entropy",
            {},
            np.stack([INDEX, INDEX]),
            np.stack([LOGITS, LOGITS[::-1]]),
        ),
        lambda: functional.cross_entropy(
            *as_torch(
                np.stack([LOGITS, LOGITS[::-1]]).transpose(0, 2, 1),
                np.stack([INDEX, INDEX]),
            )
        ),
    ),
    "torch binary_cross_entropy_with_logits": (
        ("binary_cross_entropy", {"pos_weight": [1.0, 2.0, 0.5]}, BINARY, SCORES),
        lambda: functional.binary_cross_entropy_with_logits(
            *as_torch(SCORES, BINARY), pos_weight=torch.tensor([1.0, 2.0, 0.5])
        ),
    ),
    "torch multilabel_soft_margin_loss": (
        ("multiclass_binary_cross_entropy", {}, INDEX, LOGITS),
        lambda: functional.multilabel_soft_margin_loss(*as_torch(LOGITS, HOT)),
    ),
    "torch kl_div, distillation": (
        ("distillation", {"temperature": 3.0}, TEACHER, LOGITS),
        lambda: torch_distillation(3.0),
    ),
    "Keras SparseCategoricalCrossentropy": (
        ("cross_entropy", {"from_logits": False}, INDEX, P),
        lambda: keras.losses.SparseCategoricalCrossentropy()(INDEX, P),
    ),
    "Keras CategoricalCrossentropy": (
        ("cross_entropy", {"label_smoothing": 0.2}, HOT, LOGITS),
        lambda: keras.losses.CategoricalCrossentropy(True, 0.2)(HOT, LOGITS),
    ),
    "Keras BinaryCrossentropy": (
        ("binary_cross_entropy", {"label_smoothing": 0.2}, BINARY, SCORES),
        lambda: keras.losses.BinaryCrossentropy(True, 0.2)(BINARY, SCORES),
    ),
    "Keras CategoricalFocalCrossentropy": (
        ("focal", {"alpha": 0.25, "from_logits": False}, HOT, P),
        lambda: keras.losses.CategoricalFocalCrossentropy()(HOT, P),
    ),
    "Keras BinaryFocalCrossentropy": (
        ("binary_focal", {"gamma": 1.5, "alpha": 0.3}, BINARY, SCORES),
        lambda: keras.losses.BinaryFocalCrossentropy(
            True, alpha=0.3, gamma=1.5, from_logits=True
        )(BINARY, SCORES),
    ),
    "Keras Hinge": (
        ("hinge", {}, BINARY, SCORES),
        lambda: keras.losses.Hinge()(BINARY, SCORES),
    ),
    "Keras SquaredHinge": (
        ("squared_hinge", {}, BINARY, SCORES),
        lambda: keras.losses.SquaredHinge()(BINARY, SCORES),
    ),
    "Keras CategoricalHinge": (
        ("categorical_hinge", {}, HOT, LOGITS),
        lambda: keras.losses.CategoricalHinge()(HOT, LOGITS),
    ),
    "Keras CategoricalGeneralizedCrossEntropy": (
        ("generalized_cross_entropy", {"q": 0.5, "from_logits": False}, INDEX, P),
        lambda: keras.losses.CategoricalGeneralizedCrossEntropy()(INDEX, P),
    ),
    "Keras KLDivergence": (
        ("kl_divergence", {}, softmax(TEACHER, axis=-1), P),
        lambda: keras.losses.KLDivergence()(softmax(TEACHER, axis=-1), P),
    ),
    "Keras Dice": (
        ("dice", {"smooth": 0.0, "from_logits": False}, MASK, MASK_PRED),
        lambda: keras.losses.Dice()(MASK, MASK_PRED),
    ),
    "Keras Tversky": (
        (
            "tversky",
            {"alpha": 0.3, "beta": 0.6, "smooth": 0.0, "from_logits": False},
            MASK,
            MASK_PRED,
        ),
        # Keras multiplies the misses by what it calls the weight of false positives.
        lambda: keras.losses.Tversky(alpha=0.6, beta=0.3)(MASK, MASK_PRED),
    ),
}


@pytest.mark.parametrize("other", TABLE)
def test_same_mean(other):
    (name, arguments, y_true, y_pred), theirs = TABLE[other]
    ours = losses.get(name, dtype="float64", **arguments)(y_true, y_pred)
    np.testing.assert_allclose(float(ours), float(theirs()), rtol=2e-6)


def slope(loss, y_true, y_pred):
    import tensorflow as tf

    y_pred = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = tf.reduce_mean(loss(tf.constant(y_true), y_pred))
    return value.numpy(), tape.gradient(value, y_pred).numpy()


FLOAT32 = [HOT, LOGITS, P, BINARY, SCORES, SIGMOID, BOXES, BOXES_PRED]
FLOAT32 = [array.astype("float32") for array in FLOAT32]
hot, logits, p, binary, scores, sigmoid, boxes, boxes_pred = FLOAT32

index, similar = INDEX.astype("float32"), logits @ logits[::-1].T
several = np.concatenate([np.ones((N, 1)), BINARY], axis=1).astype("float32")


def triplet_rows(theirs, ours):
    """A triplet loss with each of its distances, and with one of the caller's."""
    return {
        f"{theirs}, {getattr(metric, '__name__', metric)}": (
            (ours, {"margin": 0.8, "distance_metric": metric}, index, logits),
            (theirs, {"margin": 0.8, "distance_metric": metric}),
        )
        for metric in ("L2", "squared-L2", "angular", manhattan)
    }


def manhattan(x):
    return keras.ops.sum(keras.ops.abs(x[:, None] - x[None, :]), axis=-1)


ADDONS_TABLE = {
    "SigmoidFocalCrossEntropy": (
        ("sigmoid_focal_cross_entropy", {}, binary, sigmoid),
        ("SigmoidFocalCrossEntropy", {}),
    ),
    "SigmoidFocalCrossEntropy, from logits": (
        ("sigmoid_focal_cross_entropy", {"from_logits": True}, binary, scores),
        ("SigmoidFocalCrossEntropy", {"from_logits": True}),
    ),
    "SparsemaxLoss": (
        ("sparsemax", {}, hot, logits),
        ("SparsemaxLoss", {}),
    ),
    "GIoULoss": (("giou", {}, boxes, boxes_pred), ("GIoULoss", {})),
    "GIoULoss, iou": (
        ("giou", {"mode": "iou"}, boxes, boxes_pred),
        ("GIoULoss", {"mode": "iou"}),
    ),
    "WeightedKappaLoss": (
        ("weighted_kappa", {"num_classes": C}, hot, p),
        ("WeightedKappaLoss", {"num_classes": C}),
    ),
    "ContrastiveLoss": (
        ("contrastive", {"margin": 1.5}, index % 2, sigmoid[:, 0]),
        ("ContrastiveLoss", {"margin": 1.5}),
    ),
    **triplet_rows("TripletSemiHardLoss", "triplet_semi_hard"),
    **triplet_rows("TripletHardLoss", "triplet_hard"),
    "TripletHardLoss, soft": (
        ("triplet_hard", {"soft": True}, index, logits),
        ("TripletHardLoss", {"soft": True}),
    ),
    "LiftedStructLoss": (
        ("lifted_struct", {}, index, logits),
        ("LiftedStructLoss", {}),
    ),
    "LiftedStructLoss, margin": (
        ("lifted_struct", {"margin": 4.0}, index, logits),
        ("LiftedStructLoss", {"margin": 4.0}),
    ),
    "NpairsLoss": (("npairs", {}, index, similar), ("NpairsLoss", {})),
    "NpairsMultilabelLoss": (
        ("npairs_multilabel", {}, several, similar),
        ("NpairsMultilabelLoss", {}),
    ),
    "WeightedKappaLoss, linear": (
        ("weighted_kappa", {"num_classes": C, "weightage": "linear"}, hot, p),
        ("WeightedKappaLoss", {"num_classes": C, "weightage": "linear"}),
    ),
}


@pytest.mark.parametrize("other", ADDONS_TABLE)
@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_addons") is None
    or keras.backend.backend() != "tensorflow",
    reason="tensorflow-addons needs Python 3.11 and TensorFlow",
)
def test_same_value_and_gradient_as_tensorflow_addons(other):
    (name, arguments, y_true, y_pred), (original, theirs) = ADDONS_TABLE[other]
    value, gradient = slope(losses.get(name, **arguments), y_true, y_pred)
    loss = losses.addons.load(original, reduction="none", **theirs)
    their_value, their_gradient = slope(loss, y_true, y_pred)
    np.testing.assert_allclose(value, their_value, rtol=1e-5)
    np.testing.assert_allclose(gradient, their_gradient, rtol=1e-4, atol=1e-6)
