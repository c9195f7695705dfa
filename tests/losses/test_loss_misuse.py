"""What a loss is told wrongly is said early and plainly; what counts is what counts."""

import keras
import numpy as np
import pytest

from kerazoo import losses

LOGITS = np.array([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0], [0.0, 0.0, 3.0]])
INDEX = np.array([0, 1, 2])
PROXIES = {"num_classes": 3, "features": 3}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cross_entropy", {"label_smoothing": 1.0}, r"in \[0, 1\); got 1.0"),
        ("cross_entropy", {"class_weight": [1, -1]}, "none below 0"),
        ("cross_entropy", {"class_weight": 2.0}, "a list of numbers"),
        ("focal", {"gamma": -1}, "gamma must be at least 0; got -1"),
        ("binary_focal", {"alpha": 2}, "alpha"),
        ("binary_cross_entropy", {"pos_weight": -1}, "pos_weight"),
        ("multiclass_binary_cross_entropy", {"target_threshold": 1}, "threshold"),
        ("asymmetric", {"clip": 1}, "clip"),
        ("asymmetric_single_label", {"gamma_neg": -1}, "gamma_neg"),
        ("poly", {"epsilon": -2}, "at least -1"),
        ("entmax", {"from_logits": False}, "needs scores"),
        ("jensen_shannon", {"alpha": -1}, "alpha"),
        ("ohem_cross_entropy", {"keep": 0}, r"in \(0, 1\]"),
        ("weighted_cross_entropy", {}, "one None and one not"),
        ("class_balanced", {"class_counts": [3, 0]}, "each above 0"),
        ("class_balanced", {"class_counts": [3, 1], "beta": 1}, "beta"),
        ("ldam", {"class_counts": [3, 1], "scale": 0}, "scale"),
        ("logit_adjusted", {"class_counts": [3, np.nan]}, "class_counts"),
        ("balanced_softmax", {"class_counts": [[3, 1]]}, "class_counts"),
        ("generalized_cross_entropy", {"q": 0}, "q must be in"),
        ("symmetric_cross_entropy", {"log_zero": 0}, "log_zero"),
        ("taylor_cross_entropy", {"order": 1.5}, "whole number"),
        ("bootstrapping", {"beta": 2}, "beta"),
        ("bi_tempered", {"t2": 0.5}, "t2"),
        ("weighted_kappa", {"num_classes": 3, "weightage": "cubic"}, "weightage"),
        ("dice", {"smooth": -1}, "smooth"),
        ("tversky", {"alpha": -1}, "alpha"),
        ("focal_tversky", {"gamma": 0}, "gamma"),
        ("giou", {"mode": "diou"}, "'giou' or 'iou'"),
        ("distillation", {"temperature": 0}, "temperature"),
        ("decoupled_distillation", {"beta": -1}, "beta"),
        ("dist_distillation", {"gamma": -1}, "gamma"),
        ("coral", {"importance": [1, -1]}, "importance"),
        ("contrastive", {"margin": 0}, "margin must be above 0; got 0"),
        ("triplet_semi_hard", {"margin": -1}, "at least 0; got -1"),
        ("triplet_hard", {"distance_metric": "L1"}, "'angular'.*got 'L1'"),
        ("triplet_batch_all", {"margin": -1}, "margin"),
        ("lifted_struct", {"margin": -1}, "margin"),
        ("multi_similarity", {"alpha": 0}, "alpha"),
        ("multi_similarity", {"beta": 0}, "beta"),
        ("circle", {"margin": 1}, r"in \[0, 1\); got 1"),
        ("circle", {"gamma": 0}, "gamma"),
        ("sup_con", {"temperature": 0}, "temperature"),
        ("nt_xent", {"temperature": 0}, "temperature"),
        ("vicreg", {"invariance": -1}, "invariance"),
        ("vicreg", {"epsilon": 0}, "epsilon"),
        ("barlow_twins", {"redundancy": -1}, "redundancy"),
        ("arc_face", {"num_classes": 1, "features": 2}, "num_classes"),
        ("arc_face", {"num_classes": 2, "features": 0}, "features"),
        ("arc_face", {**PROXIES, "margin": 1.6}, "margin"),
        ("arc_face", {**PROXIES, "scale": 0}, "scale"),
        ("cos_face", {**PROXIES, "margin": 1}, "margin"),
        ("sub_center_arc_face", {**PROXIES, "num_centers": 0}, "num_centers"),
        ("normalized_softmax", {**PROXIES, "temperature": 0}, "temperature"),
        ("proxy_anchor", {**PROXIES, "alpha": 0}, "alpha"),
        ("token_cross_entropy", {"label_smoothing": 1}, r"in \[0, 1\); got 1"),
        ("token_cross_entropy", {"normalizer": 0}, "normalizer must be above 0"),
        (
            "token_cross_entropy",
            {"normalizer": 9, "reduction": "sum"},
            "a mean over the batch, which normalizer divides; got 'sum'",
        ),
        ("token_focal", {"gamma": -1}, "gamma must be at least 0"),
        ("unlikelihood", {"alpha": -1}, "alpha must be at least 0"),
        ("r_drop", {"alpha": -1}, "alpha must be at least 0"),
        ("sequence_distillation", {"alpha": 2}, r"alpha must be in \[0, 1\]"),
        ("sequence_distillation", {"temperature": 0}, "temperature must be above 0"),
        ("ctc", {"blank_index": -1}, "blank_index must be a whole number"),
        ("focal", {"gama": 1}, "Did you mean 'gamma'"),
        ("focol", {}, "Did you mean 'focal'"),
        ("MeanSquaredError", {}, "Did you mean 'mse'"),
        ("sparse_categorical_crossentropy", {}, "Did you mean 'cross_entropy'"),
        ("cross_entropy", {"class_weight": {0: 1.0, 1: 5.0}}, r"one a class.*got \{0"),
        ("logit_adjusted", {"class_counts": "balanced"}, "one a class.*'balanced'"),
        ("focal", {"alpha": "balanced"}, "alpha must be a list.*'balanced'"),
        ("focal", {"alpha": -0.25}, "alpha must be at least 0; got -0.25"),
    ],
)
def test_arguments_out_of_bounds(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "y_true", "y_pred", "message"),
    [
        ("cross_entropy", {}, [0, 1, 3], LOGITS, r"0..2; got \[3"),
        ("cross_entropy", {}, [0, -1, 2], LOGITS, r"0..2; got \[-1"),
        ("cross_entropy", {}, [0, 0.5, 2], LOGITS, "class indices"),
        ("cross_entropy", {"class_weight": [1, 2]}, INDEX, LOGITS, "3 numbers, one a"),
        ("focal", {"alpha": [1, 2]}, INDEX, LOGITS, "alpha must be 3 numbers"),
        ("ldam", {"class_counts": [9, 2]}, INDEX, LOGITS, "3 numbers, one a class"),
        ("cross_entropy", {}, INDEX, LOGITS[:, :1], "binary losses"),
        (
            "cross_entropy",
            {"from_logits": False},
            INDEX,
            LOGITS,
            "from_logits is False",
        ),
        ("binary_cross_entropy", {}, [2, 0, 1], LOGITS[:, 0], r"labels in \[0, 1\]"),
        (
            "binary_cross_entropy",
            {"pos_weight": [1, 2]},
            LOGITS > 0,
            LOGITS,
            "3 number",
        ),
        ("hinge", {}, [2, 0, 1], LOGITS[:, 0], "-1, 0 or 1"),
        ("coral", {}, np.eye(3), LOGITS, "ranks"),
        ("coral", {}, [0, 4, 1], LOGITS, r"0..3.*got \[4"),
        (
            "weighted_kappa",
            {"num_classes": 4},
            INDEX,
            np.eye(3),
            "num_classes must be 3",
        ),
        ("dice", {}, [[3, 0]], LOGITS[None, :2], r"0..2; got \[3\]"),
        (
            "distillation",
            {"hard_weight": 1.0},
            LOGITS,
            LOGITS,
            "index of the true class",
        ),
        ("decoupled_distillation", {}, LOGITS, LOGITS, "index of the true class"),
        ("lovasz", {"from_logits": False}, [[0, 1]], [[[0.5], [0.5]]], "from_logits"),
        ("jensen_shannon", {}, INDEX, LOGITS, "views"),
        ("token_cross_entropy", {}, [[0, 1, 3]], LOGITS[None], r"0..2; got \[3"),
        (
            "token_cross_entropy",
            {},
            [[0, 1]],
            LOGITS[None],
            r"token ids of shape \(1, 3",
        ),
        ("token_cross_entropy", {}, INDEX, LOGITS, "batch, time, vocabulary"),
        ("r_drop", {}, [[0, 1, 2]], LOGITS[None], "of two passes"),
        (
            "sequence_distillation",
            {},
            LOGITS[None],
            LOGITS[None],
            "true token and the teacher",
        ),
        ("ctc", {}, [[1, 3]], LOGITS[None], r"classes in 0..2; got \[3"),
        ("ctc", {}, [[0, 1]], LOGITS[None], "labels, and then blanks"),
        ("ctc", {}, [[1, 1, 2]], LOGITS[None], "no longer than its .3.* frames allow"),
        ("ctc", {"blank_index": 3}, [[1]], LOGITS[None], "below 3"),
        ("ctc", {}, [1], LOGITS[None], r"of shape \(batch, labels\)"),
        ("crf", {}, [[2]], LOGITS[None, :, :2], r"tags in 0..1; got \[2"),
        ("crf", {}, [[-1, 1]], np.zeros((1, 4, 2)), "tags, and then padding"),
        ("crf", {}, [[0, 1]], LOGITS[None], r"time \+ tags"),
        ("crf", {}, [[0, 1]], LOGITS[None, :, :2], r"of shape \(1, 1\)"),
        ("contrastive", {}, [0, 1, 2], [0.0, 0.5, 2.0], r"in \[0, 1\]; got \[2"),
        ("contrastive", {}, [0, 1, 1], [0.0, 0.5, -2.0], "none below 0; got"),
        ("triplet_hard", {}, [0, 1, 0.5], LOGITS, r"whole numbers.*got \[0.5\]"),
        ("triplet_hard", {"dtype": "float16"}, [0, 1, 4096], LOGITS, "float16 can"),
        ("triplet_hard", {}, np.eye(3), LOGITS, "class indices"),
        ("multi_similarity", {}, INDEX, LOGITS[None], r"\(batch, features\)"),
        ("sup_con", {}, INDEX, LOGITS[0], r"\(batch, views, features\)"),
        ("npairs", {}, INDEX, LOGITS[:, :2], r"similarities of shape \(batch, batch"),
        ("npairs", {}, np.eye(3), LOGITS, "class indices"),
        ("npairs_multilabel", {}, INDEX, LOGITS, "1 for each class"),
        ("nt_xent", {}, INDEX, LOGITS, "two views or more"),
        ("vicreg", {}, INDEX, LOGITS, r"\(batch, 2, features\)"),
        ("barlow_twins", {}, INDEX, np.zeros((3, 3, 2)), r"\(batch, 2, features\)"),
        ("arc_face", PROXIES, [0, 1, 3], LOGITS, r"0..2; got \[3"),
        ("arc_face", PROXIES, INDEX, LOGITS[:, :2], "features says"),
        ("proxy_anchor", PROXIES, [0, 1, -1], LOGITS, r"0..2; got \[-1"),
    ],
)
def test_labels_and_predictions_that_cannot_be_meant(
    name, arguments, y_true, y_pred, message
):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **arguments)(y_true, y_pred)


def test_class_indices_that_a_dtype_cannot_hold():
    y_pred = np.zeros((1, 300), "float32")
    with pytest.raises(ValueError, match="float32 for so many classes"):
        losses.get("cross_entropy", dtype="bfloat16")(np.array([257]), y_pred)


def test_probabilities_for_logits_are_warned_of_once():
    loss = losses.get("cross_entropy")
    with pytest.warns(UserWarning, match="from_logits=False"):
        loss(INDEX, np.full((3, 3), 1 / 3))
    loss(INDEX, np.full((3, 3), 1 / 3))
    with pytest.warns(UserWarning, match="sigmoid"):
        losses.get("binary_cross_entropy")(np.zeros((8, 4)), np.full((8, 4), 0.5))


def test_an_index_out_of_range_is_nan_in_a_compiled_step():
    model = keras.Sequential([keras.layers.Identity()])
    model.compile(loss=losses.get("cross_entropy"))
    assert np.isfinite(model.test_on_batch(LOGITS, INDEX))
    assert np.isnan(model.test_on_batch(LOGITS, np.array([0, 1, 7])))


@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_with_sample_weight"])
@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 0.5])])
def test_ignored_samples_do_not_count(reduction, weight):
    loss = losses.get("cross_entropy", ignore_index=-1, reduction=reduction)
    kept = [0, 2]
    shown = None if weight is None else weight[kept]
    expected = loss(INDEX[kept], LOGITS[kept], sample_weight=shown)
    value = loss(np.array([0, -1, 2]), LOGITS, sample_weight=weight)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    column = None if weight is None else weight[:, None]
    value = loss(np.array([[0], [-1], [2]]), LOGITS, sample_weight=column)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_missing_labels_do_not_count():
    loss = losses.get("binary_cross_entropy", ignore_index=-1, reduction="none")
    y_true = np.array([[1, -1, 0], [1, 1, 0], [-1, -1, -1]])
    values = loss(y_true, LOGITS)
    first = losses.get("binary_cross_entropy")(y_true[:1, [0, 2]], LOGITS[:1, [0, 2]])
    np.testing.assert_allclose(values[0], first, rtol=1e-6)
    assert values[2] == 0
    mean = losses.get("binary_cross_entropy", ignore_index=-1)(y_true, LOGITS)
    np.testing.assert_allclose(mean, np.mean(values[:2]), rtol=1e-6)
