"""Several losses are trained alike, under one parent run, and compared."""

import importlib
import math
import re

import mlflow
import numpy as np
import pytest
from workplace import ROOT, SMOKE, kerazoo

from kerazoo.harness.loss_lab import comparison, lab
from kerazoo.harness.loss_lab.comparison import Result
from kerazoo.harness.own_code import imported_from

LOSSES = "cross_entropy,focal:gamma=3,giou"  # the last one cannot be trained here


@pytest.fixture(scope="module")
def config():
    with imported_from(ROOT / "templates" / "image_classification"):
        yield importlib.import_module("config").Config(seed=5)


def test_every_loss_gets_the_same_seeds(config):
    trials = lab.plan(config, "mse, focal:gamma=3:alpha=0.5", num_seeds=2)
    assert [(t.config.loss, t.config.seed) for t in trials] == [
        *(("mse", 5), ("focal", 5)),
        *(("mse", 6), ("focal", 6)),
    ]
    assert trials[1].config.loss_arguments == {"gamma": 3, "alpha": 0.5}
    assert trials[1].label == "focal:gamma=3:alpha=0.5"
    for trial in trials:
        assert trial.config.export == () and trial.config.data == config.data


def test_an_argument_of_a_loss_may_be_a_list(config):
    trials = lab.plan(config, "focal:alpha=[0.2,0.8], mse", num_seeds=1)
    assert [trial.config.loss for trial in trials] == ["focal", "mse"]
    assert trials[0].config.loss_arguments == {"alpha": [0.2, 0.8]}


@pytest.mark.parametrize(
    ("chosen", "seeds", "message"),
    [
        ("focal", 1, "two or more"),
        ("focal,focal", 1, "different"),
        ("focal,mse", 0, "--seeds must be at least 1"),
        ("focal,msee", 1, "'msee' is not known"),
        ("focal:gama=1,mse", 1, "Did you mean 'gamma'"),
        ("focal:gamma,mse", 1, "name=value"),
        ("focal:gamma=[2,mse", 1, r"'gamma=\[2' of a loss is not YAML"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(chosen, seeds, message, config):
    with pytest.raises(ValueError, match=message):
        lab.plan(config, chosen, seeds)


RESULTS = [
    Result("a", 0, {"test_loss": 9, "test_x": 0.5}, [0.1, 0.2], {"cat": 1.0}),
    Result("b", 0, {"test_loss": 9, "test_x": 0.1}, [0.3, 0.2], {"cat": 0.0}),
    Result("a", 1, {"test_loss": 9, "test_x": 0.7}, [0.3], {"cat": 0.5}),
]


def test_baselines_are_the_same_for_every_loss_and_not_shown():
    scores = {"test_rmse": 2.0, "test_mean_rmse": 5.0, "test_gradient_boosting_r2": 0.5}
    columns = comparison.table([Result("a", 0, scores, [], {})])
    assert columns == {"loss": ["a"], "rmse": ["2.0000"], "runs": ["1"]}


def test_the_table_has_means_and_standard_deviations():
    columns = comparison.table(RESULTS)
    assert columns == {
        "loss": ["a", "b"],
        "x": [f"0.6000 ± {math.sqrt(0.02):.4f}", "0.1000"],
        "runs": ["2", "1"],
    }
    assert comparison.means(RESULTS) == {
        "a": {"test_x": pytest.approx(0.6)},
        "b": {"test_x": 0.1},
    }


def test_the_figures_show_the_means():
    drawn = comparison.figures(RESULTS, "val_x")
    assert set(drawn) == {"scores", "convergence", "recall"}
    (axes,) = drawn["convergence"].axes
    shown = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert shown["a"] == pytest.approx([0.2]) and shown["b"].tolist() == [0.3, 0.2]
    image = drawn["recall"].axes[0].images[0].get_array()
    np.testing.assert_allclose(image, [[0.75], [0.0]])


@pytest.fixture(scope="module")
def compared(new_project):
    project = new_project()
    chosen = ["--losses", LOSSES, "--seeds", "2", "--label-noise", "0.3"]
    flags = SMOKE[: SMOKE.index("--export")]  # a comparison exports nothing
    command = ("compare-losses", ".", *chosen, *flags)
    project.done = kerazoo(*command, cwd=project.folder, status=1)
    return project


def test_one_parent_run_holds_the_comparison(compared):
    *children, parent = compared.runs  # the newest first
    assert parent.info.run_name == "compare-losses"
    assert parent.info.status == "FINISHED"
    assert parent.data.params["losses"] == LOSSES
    assert parent.data.params["data.label_noise"] == "0.3"
    assert "loss" not in parent.data.params
    for child in children:
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.params["data.label_noise"] == "0.3"
        failed = child.info.run_name.startswith("giou")
        assert child.info.status == ("FAILED" if failed else "FINISHED")
    assert len(children) == 6
    scores = [
        child.data.metrics["test_accuracy"]
        for child in children
        if child.info.run_name.startswith("focal:gamma=3")
    ]
    mean = parent.data.metrics["focal/gamma 3/test_accuracy"]
    assert len(scores) == 2 and mean == pytest.approx(np.mean(scores))
    note = parent.data.tags["mlflow.note.content"]
    assert "| focal:gamma=3 |" in note and "**no run finished** of giou\n" in note
    assert "**Reproduce**: `" in note and f"compare-losses . --losses {LOSSES} " in note


def test_the_comparison_is_told_in_plain_lines(compared):
    lines = compared.done.stdout.splitlines()
    assert lines[0].startswith("run    compare-losses: http://")
    for number, line in enumerate(lines[1:7], 1):
        assert line.startswith(f"  {number}/6  ")
    trained = r"  1/6  cross_entropy seed 0  best_val_accuracy \d\.\d{4}  \(\d+ s\)"
    assert re.fullmatch(trained, lines[1])
    assert "giou seed 0  error: " in lines[3]
    assert lines[7].split()[:2] == ["loss", "accuracy"]
    assert [line.split()[0] for line in lines[8:]] == ["cross_entropy", "focal:gamma=3"]
    end = compared.done.stderr.splitlines()[-1]
    assert end == "error: no training run of giou finished"


@pytest.mark.parametrize("error", [SystemExit("error: no data"), TypeError("no data")])
def test_nothing_to_compare_is_a_failure(error, store, config, capsys):
    trials = lab.plan(config, "mse,mae", num_seeds=1)

    def main(config):
        raise error

    with pytest.raises(SystemExit, match="no training run finished"):
        lab.compare(trials, main)
    assert store.run.info.status == "FAILED"
    assert capsys.readouterr().out.count("error: no data") == 2


@pytest.mark.parametrize("finished", [0, 3])
def test_ctrl_c_ends_the_comparison(finished, store, config):
    """What finished before it is compared."""
    begun = []

    def main(config):
        begun.append(config.seed)
        try:
            if len(begun) > finished:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit("interrupted") from None
        with mlflow.start_run(nested=True):
            mlflow.log_metric(config.monitor, 0.5)
        return {"test_accuracy": len(begun) / 10}

    with pytest.raises(SystemExit, match="interrupted; see http"):
        lab.compare(lab.plan(config, "mse,mae", num_seeds=3), main)
    *children, parent = store.runs
    assert len(children) == finished and len(begun) == finished + 1
    assert parent.info.status == "KILLED"
    table = store.artifacts(parent) / "losses.md"
    assert table.is_file() == bool(finished)
    if finished:
        mse, mae = table.read_text().splitlines()[2:]
        assert mse.startswith("| mse | 0.2000 ± 0.1414 |") and mse.endswith("| 2 |")
        assert mae == "| mae | 0.2000 | 1 |"
