"""Scores against hand-worked numbers, and what stands in the figures."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

from kerazoo.harness.reports import classification as classifier, common, regression

# Six samples of three classes; four are right.
Y_TRUE = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.90, 0.05, 0.05],
        [0.80, 0.10, 0.10],
        [0.10, 0.70, 0.20],  # wrong, surest
        [0.30, 0.50, 0.20],
        [0.25, 0.15, 0.60],  # wrong
        [0.10, 0.10, 0.80],
    ]
)
LABELS = ["cat", "dog", "owl"]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_scores_of_a_case_worked_by_hand():
    scores = classifier.measure(Y_TRUE, PROBABILITIES)
    # Recalls 2/3, 1/2, 1; precisions 1, 1/2, 1/2; so F1 = 0.8, 0.5, 2/3.
    assert scores == {
        "accuracy": pytest.approx(4 / 6),
        "balanced_accuracy": pytest.approx((2 / 3 + 1 / 2 + 1) / 3),
        "macro_f1": pytest.approx((0.8 + 0.5 + 2 / 3) / 3),
        # Each bin of a fifteenth: .90 right, two .80 right, .70 wrong, .60 wrong, .50.
        "calibration_error": pytest.approx(
            (0.1 + 2 * 0.2 + 0.7 + 0.6 + 0.5) / 6,
        ),
    }
    assert all(type(score) is float for score in scores.values())


def test_calibration_error_is_that_of_a_plain_loop():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(500, 4)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    y_true = rng.integers(0, 4, 500)
    bins = [[] for _ in range(15)]
    for label, shares in zip(y_true, probabilities, strict=True):
        sure = shares.max()
        bins[min(int(sure * 15), 14)].append((sure, shares.argmax() == label))
    expected = 0.0
    for members in filter(None, bins):
        confidence, right = np.mean(np.array(members, float), axis=0)
        expected += len(members) / 500 * abs(confidence - right)
    found = classifier.measure(y_true, probabilities)["calibration_error"]
    assert found == pytest.approx(expected)


def test_a_perfect_and_certain_model():
    scores = classifier.measure(Y_TRUE, np.eye(3)[Y_TRUE])
    assert scores == {
        **dict.fromkeys(["accuracy", "balanced_accuracy", "macro_f1"], 1.0),
        "calibration_error": 0.0,
    }


@pytest.mark.parametrize("missing", [0, 2])
def test_a_class_without_samples_or_answers_costs_no_warning(missing):
    """A small test split may lack a class; warnings are errors here."""
    kept = missing != Y_TRUE
    scores = classifier.measure(Y_TRUE[kept], PROBABILITIES[kept])
    assert all(np.isfinite(list(scores.values())))
    table = classifier.class_table(Y_TRUE[kept], PROBABILITIES[kept], LABELS)
    assert table["samples"][missing] == 0 and table["recall"][missing] == 0


def test_the_class_table_has_a_row_per_class():
    assert classifier.class_table(Y_TRUE, PROBABILITIES, LABELS) == {
        "class": LABELS,
        "precision": [1.0, 0.5, 0.5],
        "recall": [0.6667, 0.5, 1.0],
        "f1": [0.8, 0.5, 0.6667],
        "samples": [3, 2, 1],
    }


def test_the_confusion_matrix_shows_counts_and_names():
    figure = classifier.confusion_matrix(Y_TRUE, PROBABILITIES, LABELS)
    axes = figure.axes[0]
    found = {
        tuple(map(int, text.get_position()[::-1])): text.get_text()
        for text in axes.texts
    }
    # (true, predicted)
    assert found == {(0, 0): "2", (0, 1): "1", (1, 1): "1", (1, 2): "1", (2, 2): "1"}
    assert [t.get_text() for t in axes.get_xticklabels()] == LABELS
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    np.testing.assert_allclose(axes.images[0].get_array().sum(axis=1), 1)


@pytest.mark.parametrize(("num_classes", "names", "counts"), [(30, 30, 0), (100, 0, 0)])
def test_a_large_confusion_matrix_stays_readable(num_classes, names, counts, tmp_path):
    y_true = np.arange(num_classes)
    labels = [f"class {i}" for i in y_true]
    figure = classifier.confusion_matrix(y_true, np.eye(num_classes), labels)
    axes = figure.axes[0]
    shown = [t.get_text() for t in axes.get_xticklabels()]
    assert len([name for name in shown if name.startswith("class")]) == names
    assert len(axes.texts) == counts
    assert max(figure.get_size_inches()) < 20
    figure.savefig(tmp_path / "figure.png")


def test_learning_curves_show_both_splits_and_the_rate():
    history = [
        {"loss": 2.0, "val_loss": 2.5, "accuracy": 0.1, "val_accuracy": 0.2, "lr": 1},
        {"loss": 1.0, "val_loss": 1.5, "accuracy": 0.3, "val_accuracy": 0.4, "lr": 1},
        {"loss": 0.5, "val_loss": 1.7, "accuracy": 0.5, "val_accuracy": 0.3, "lr": 1},
    ]
    history = [{**h, "learning_rate": 0.1 / i} for i, h in enumerate(history, 1)]
    figure = common.learning_curves(history, best_epoch=2)
    drawn = {axes.get_title(): axes.lines for axes in figure.axes}
    assert list(drawn) == ["loss", "accuracy", "learning rate"]
    train, validation, best = drawn["loss"]
    assert train.get_xydata().tolist() == [[1, 2.0], [2, 1.0], [3, 0.5]]
    assert validation.get_ydata().tolist() == [2.5, 1.5, 1.7]
    assert list(best.get_xdata()) == [2, 2]
    assert len(drawn["learning rate"]) == 1


def test_one_epoch_is_a_curve_too():
    history = [{"loss": 2.0, "val_loss": 2.5, "learning_rate": 0.1}]
    figure = common.learning_curves(history, best_epoch=1)
    drawn = {axes.get_title(): axes.lines for axes in figure.axes}
    assert list(drawn) == ["loss", "learning rate"]
    points = [line.get_xydata().tolist() for line in drawn["loss"][:2]]
    assert points == [[[1, 2.0]], [[1, 2.5]]]
    assert all(line.get_marker() == "o" for line in drawn["loss"][:2])


def test_learning_curves_show_scores_of_the_validation_split_alone():
    kinds = ("loss", "val_loss", "accuracy", "val_accuracy", "val_per", "val_wer")
    history = [dict.fromkeys((*kinds, "learning_rate"), 1 / n) for n in (1, 2)]
    figure = common.learning_curves(history, best_epoch=2)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["loss", "accuracy", "per", "wer", "learning rate"]
    drawn = [line.get_label() for line in figure.axes[2].lines]
    assert drawn == ["validation", "best epoch"]


def test_the_reliability_diagram_leaves_empty_bins_out():
    top, bottom = classifier.reliability_diagram(Y_TRUE, PROBABILITIES).axes
    points = top.lines[1].get_xydata()
    np.testing.assert_allclose(
        points, [[0.5, 1], [0.6, 0], [0.7, 0], [0.8, 1], [0.9, 1]]
    )
    assert sum(bar.get_height() for bar in bottom.patches) == pytest.approx(1)


def test_the_surest_mistakes_come_first():
    images = np.arange(6)[:, None, None, None] * np.full((6, 4, 4, 1), 10)
    wrong = [2, 4]
    mistakes = images[wrong], Y_TRUE[wrong], PROBABILITIES[wrong]
    figure = classifier.confident_mistakes(*mistakes, LABELS)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [
        "dog 70%\ntrue: cat",
        "owl 60%\ntrue: dog",
    ]
    assert [int(axes.images[0].get_array()[0, 0]) for axes in shown] == [20, 40]


@pytest.mark.parametrize(("wrong", "expected"), [(9, 5), (3, 3), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_at_most_so_many_mistakes_are_shown(wrong, expected, channels, tmp_path):
    images = np.zeros((wrong, 4, 4, channels), "float32")
    mistakes = images, np.ones(wrong, int), np.tile([0.9, 0.1], (wrong, 1))
    figure = classifier.confident_mistakes(*mistakes, ["a", "b"], most=5)
    assert sum(bool(axes.images) for axes in figure.axes) == expected
    figure.savefig(tmp_path / "figure.png")


def test_no_mistake_is_no_figure():
    none = np.zeros((0, 4, 4, 1))
    report = classifier.classification(Y_TRUE, np.eye(3)[Y_TRUE], LABELS, none)
    assert set(report.figures) == {"confusion_matrix", "reliability"}


def test_infinite_predictions_are_told_and_not_drawn(capsys):
    a = np.linspace(0, 1, 80, dtype="float32")
    far = np.where(np.arange(80) == 3, np.float32(1000), a)
    x = keras.Input((), name="a")
    model = keras.Model(x, keras.ops.exp(keras.ops.reshape(x, (-1, 1))))
    rows = (a[:, None], np.exp(a))
    column = {"name": "a", "input": "a", "kind": "number"}
    data = SimpleNamespace(
        test=[({"a": far}, np.exp(a))],
        features={"train": rows, "validation": rows, "test": rows},
        target="price",
        metadata={"encoding": {"columns": [column]}},
    )
    report = regression.evaluate(model, data)
    assert "1 of 80 predictions are infinite, not drawn" in capsys.readouterr().out
    assert report.scores["rmse"] == np.inf and report.scores["median_error"] < 1e-5
    for figure in report.figures.values():
        figure.canvas.draw()


def ticks(axis) -> list[str]:
    axis.figure.canvas.draw()
    return [label.get_text() for label in axis.get_ticklabels()]


def test_columns_are_drawn_under_their_own_names_with_dates_and_thousands():
    x = keras.Input((), name="living_area_m")
    model = keras.Model(x, keras.ops.reshape(3000 * x, (-1, 1)))
    area = np.linspace(20, 300, 80, dtype="float32")
    inputs = {
        "living_area_m": area,
        "sold": np.linspace(10957, 18262, 80, dtype="float32"),  # 2000 to 2020
        "town": np.array(["Ulm", "", "Aue", "Ulm"] * 20),
    }
    columns = [
        {"name": "living area (m²)", "input": "living_area_m", "kind": "number"},
        {"name": "sold on", "input": "sold", "kind": "date"},
        {"name": "town", "input": "town", "kind": "category"},
    ]
    targets, predicted = 3000.0 * area, 2900.0 * area
    by_column = regression.residuals_by_column(inputs, columns, targets, predicted)
    assert [axes.get_xlabel() for axes in by_column.axes] == [
        *("living area (m²)", "sold on", "town")
    ]
    assert {"2000", "2010", "2020"} <= set(ticks(by_column.axes[1].xaxis))
    assert ticks(by_column.axes[2].xaxis) == ["Ulm", "(missing)", "Aue"]
    assert {"0", "10,000", "20,000", "30,000"} <= set(ticks(by_column.axes[0].yaxis))
    drawn = regression.partial_dependence(model, inputs, columns[:1], "price")
    assert drawn.axes[0].get_xlabel() == "living area (m²)"
    assert {"0", "200,000", "400,000"} <= set(ticks(drawn.axes[0].yaxis))
    (axes,) = regression.error_by_decile(targets, predicted).axes
    assert ticks(axes.xaxis)[-1] == "900,000"
    (axes,) = regression.predicted_and_actual(targets, predicted).axes
    shown = [text for text in ticks(axes.xaxis) if text]
    assert "500,000" in shown and len(shown) <= 6
    (axes,) = regression.importance_bars(["living area (m²)", "town"], [2e4, 1e4]).axes
    assert ticks(axes.yaxis) == ["living area (m²)", "town"]


@pytest.mark.parametrize(
    ("low", "high", "some"),
    [
        (-0.4, 0.4, {"−0.2", "0", "0.2"}),
        (1990, 2020, {"1990", "2000"}),
        (-9e5, 9e5, {"−500,000", "0", "500,000"}),
        (200_000, 200_001, {"200,000.25", "200,000.5"}),
    ],
)
def test_numbers_of_an_axis_are_written_out(low, high, some):
    axes = Figure().subplots()
    axes.set_xlim(low, high)
    common.numbers(axes.xaxis)
    assert some <= set(ticks(axes.xaxis))
