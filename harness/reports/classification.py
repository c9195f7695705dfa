"""Plots and tables that a person looks at to judge a classifier."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from kerazoo.harness.data import Data, class_indices
from kerazoo.harness.export.exam import ACCURACY, Metric
from kerazoo.harness.reports.common import BLUE, GREY, Report, plain

if TYPE_CHECKING:
    import keras

NUM_BINS = 15  # of confidence, of one width


def evaluate(model: "keras.Model", data: Data) -> Report:
    """Measure a classifier on the test split.

    Args:
        model: compiled, with logits as output.
        data: only `test` is used.
    """
    from scipy.special import softmax

    scores = model.evaluate(data.test, return_dict=True, verbose=0)
    targets, logits, mistaken = answers(model, data.test)
    probabilities = softmax(logits.astype("float64"), axis=-1)
    report = classification(targets, probabilities, data.labels, mistaken)
    return replace(report, scores={**scores, **report.scores})


def metric(data: Data) -> Metric:
    """Return the score that exports may not worsen."""
    del data
    return ACCURACY


def headline(data: Data) -> tuple[str, ...]:
    """Return the scores to name first."""
    del data
    return ("accuracy", "loss")


def score(model: "keras.Model", data: Data) -> dict[str, float]:
    """Measure a model that answers with probabilities on the test split."""
    targets, outputs, _ = answers(model, data.test)
    return measure(targets, outputs)


def answers(
    model: "keras.Model", batches: Iterable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Let a classifier answer every batch.

    Inputs are kept only where the answer is wrong: a large test split need not fit
    into memory.

    Returns:
        (samples,) class indices; (samples, classes) outputs; (mistakes, …) inputs that
        were answered wrongly, in their order.
    """
    targets, outputs, mistaken = [], [], []
    for x, y in batches:
        x = np.asarray(x)  # a tensor of TensorFlow is nothing to other backends
        targets.append(class_indices(y))
        outputs.append(np.asarray(model.predict_on_batch(x)))
        wrong = outputs[-1].argmax(axis=-1) != targets[-1]
        mistaken.append(x[wrong])
    return tuple(map(np.concatenate, (targets, outputs, mistaken)))


def classification(
    y_true: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    mistaken: np.ndarray,
) -> Report:
    """Report on a classifier.

    Args:
        y_true: (samples,), class indices.
        probabilities: (samples, classes).
        labels: class names, by index.
        mistaken: (mistakes, …), the inputs that were answered wrongly, in their order;
            shown if they are images.
    """
    figures = {
        "confusion_matrix": confusion_matrix(y_true, probabilities, labels),
        "reliability": reliability_diagram(y_true, probabilities),
    }
    if mistaken.ndim == 4 and len(mistaken):
        wrong = probabilities.argmax(axis=-1) != y_true
        shown = confident_mistakes(
            mistaken, y_true[wrong], probabilities[wrong], labels
        )
        figures["confident_mistakes"] = shown
    scores = measure(y_true, probabilities)
    return Report(
        f"**{scores['accuracy']:.4f} test accuracy**",
        scores,
        figures,
        {"per_class": class_table(y_true, probabilities, labels)},
    )


def measure(y_true: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Measure a classifier.

    Args:
        y_true: (samples,), class indices.
        probabilities: (samples, classes).

    Returns:
        `accuracy`, `balanced_accuracy` (mean recall of the classes), `macro_f1`, and
        `calibration_error`: the expected gap between confidence and accuracy over bins
        of equal width (Guo et al. 2017, arXiv:1706.04599).
    """
    from sklearn.metrics import f1_score, recall_score

    y_pred = probabilities.argmax(axis=-1)
    centres, accuracies, shares = _reliability(y_true, probabilities)
    # A small split may lack a class, which has no recall then.
    recall = recall_score(y_true, y_pred, labels=np.unique(y_true), average="macro")
    return {
        "accuracy": float((y_pred == y_true).mean()),
        "balanced_accuracy": float(recall),
        "macro_f1": float(f1_score(y_true, y_pred, average="macro", zero_division=0)),
        "calibration_error": float(np.sum(shares * np.abs(accuracies - centres))),
    }


def class_table(
    y_true: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]
) -> dict[str, list]:
    """Return precision, recall, F1 and number of samples per class, as columns."""
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, support = precision_recall_fscore_support(
        y_true,
        probabilities.argmax(axis=-1),
        labels=range(len(labels)),
        zero_division=0,
    )
    return {
        "class": list(labels),
        "precision": precision.round(4).tolist(),
        "recall": recall.round(4).tolist(),
        "f1": f1.round(4).tolist(),
        "samples": support.tolist(),
    }


def confusion_matrix(
    y_true: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]
) -> Figure:
    """Draw which class was taken for which, as counts coloured by share of the row."""
    from sklearn.metrics import confusion_matrix as count

    counts = count(y_true, probabilities.argmax(axis=-1), labels=range(len(labels)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.0 + 0.45 * len(labels), 16)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    if len(labels) <= 40:
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axes.set_yticks(range(len(labels)), labels)
    if len(labels) <= 20:
        for row, column in zip(*np.nonzero(counts), strict=True):
            shade = "white" if shares[row, column] > 0.5 else "black"
            text = str(counts[row, column])
            axes.text(column, row, text, ha="center", va="center", color=shade, size=8)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix, test split")
    return figure


def reliability_diagram(y_true: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Draw accuracy against confidence: on the diagonal, 80 % sure is 80 % right."""
    centres, accuracies, shares = _reliability(y_true, probabilities)
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    top, bottom = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]}
    )
    seen = shares > 0
    top.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1, label="perfectly calibrated")
    top.plot(centres[seen], accuracies[seen], BLUE, marker="o", label="this model")
    top.set(ylabel="accuracy", title="Reliability, test split", xlim=(0, 1))
    top.legend(frameon=False)
    bottom.bar(centres, shares, width=0.9 / NUM_BINS, color=BLUE)
    bottom.set(xlabel="confidence", ylabel="share")
    plain(top)
    plain(bottom)
    return figure


def confident_mistakes(
    images: np.ndarray,
    y_true: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    most: int = 24,
) -> Figure:
    """Show the wrong answers that the model was surest of.

    Args:
        images: (mistakes, height, width, channels), pixels 0 to 255.
        y_true: (mistakes,), class indices.
        probabilities: (mistakes, classes).
        labels: class names, by index.
        most: the largest number of images.
    """
    y_pred, sure = probabilities.argmax(axis=-1), probabilities.max(axis=-1)
    surest = np.argsort(-sure)[:most]
    rows = -(-len(surest) // 6)
    figure = Figure(figsize=(9, 1.85 * rows + 0.5), layout="constrained")
    figure.suptitle("Most confident mistakes, test split")
    grid = figure.subplots(rows, 6, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, i in zip(grid.flat, surest, strict=False):
        axes.imshow(images[i].squeeze().astype("uint8"), cmap="gray", vmin=0, vmax=255)
        title = f"{labels[y_pred[i]]} {sure[i]:.0%}\ntrue: {labels[y_true[i]]}"
        axes.set_title(title, size=8)
    return figure


def _reliability(y_true, probabilities):
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == y_true
    index = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    counts = np.bincount(index, minlength=NUM_BINS)
    divisor = np.maximum(counts, 1)
    centres = np.bincount(index, confidence, NUM_BINS) / divisor
    accuracies = np.bincount(index, right, NUM_BINS) / divisor
    return centres, accuracies, counts / len(y_true)
