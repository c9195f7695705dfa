"""The image template, copied out and run as a user would; then MLflow is read back."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image
from workplace import ROOT, SMOKE, execute

from kerazoo.harness.config import flatten

TEMPLATE = ROOT / "templates" / "image_classification"
RNG = np.random.default_rng(0)


# ------------------------------------------------------------------------ a copy is run


def test_a_copy_has_all_that_a_project_needs(trained):
    files = {file.name for file in trained.folder.iterdir()}
    assert files >= {file.name for file in TEMPLATE.glob("*.*")}
    assert files >= {"requirements.txt", ".gitignore", "mlflow.db", "runs"}
    own, *pins = (trained.folder / "requirements.txt").read_text().splitlines()
    assert re.fullmatch(r"kerazoo( @ file:///.+|==[\w.]+)", own)
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in pins)
    assert {pin.split("==")[0] for pin in pins} >= {"tensorflow", "keras", "mlflow"}


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_trains_what_is_exported(backend, new_project):
    project = new_project().train(*SMOKE, KERAS_BACKEND=backend)
    tags = project.run.data.tags
    assert project.run.info.status == "FINISHED" and tags["backend"] == backend
    assert "3 of 3 exports verified" in tags["mlflow.note.content"]


def test_the_output_of_a_file_is_plain_lines(trained):
    lines = trained.done.stdout.splitlines()
    assert "\x1b" not in trained.done.stdout and "\r" not in trained.done.stdout
    assert re.match(r"run    cnn-digits: http://127\.0\.0\.1:5000/#/experi", lines[0])
    assert lines[1] == "data   digits: 160 train, 160 validation, 160 test; 10 classes"
    assert lines[2].startswith("model  cnn: ") and lines[2].endswith(" parameters")
    score = r"accuracy \d\.\d{4}  loss \d+\.\d{4}  val_accuracy .*  val_loss .*"
    for epoch, line in enumerate(lines[3:5], 1):
        assert re.fullmatch(rf"epoch {epoch}/2 +\d+\.\d s  {score}", line)
    scores = trained.run.data.metrics
    assert lines[5] == (
        f"test   test_accuracy {scores['test_accuracy']:.4f}  "
        f"test_loss {scores['test_loss']:.4f}"
    )
    assert lines[6].startswith("format ")
    assert all(line.rstrip().endswith("yes") for line in lines[7:10])
    assert re.fullmatch(r"files  runs/cnn-digits-\w{8}/exports", lines[10])
    assert len(lines) == 11


def test_the_run_is_finished_with_its_scores(trained):
    run = trained.run
    assert run.info.status == "FINISHED" and run.info.run_name == "cnn-digits"
    names = {
        *("loss", "accuracy", "val_loss", "val_accuracy", "best_epoch"),
        *("learning_rate", "samples_per_second", "epoch_seconds", "total_minutes"),
        *("test_loss", "test_accuracy", "test_balanced_accuracy", "test_macro_f1"),
        *("test_calibration_error", "exports_verified"),
    }
    assert names <= set(run.data.metrics)
    assert run.data.metrics["exports_verified"] == 3
    assert run.data.metrics["exports_failed"] == 0
    history = {
        name: [m.step for m in trained.client.get_metric_history(run.info.run_id, name)]
        for name in ("loss", "val_loss", "val_accuracy", "learning_rate")
    }
    assert set(map(tuple, history.values())) == {(1, 2)}


def test_the_parameters_are_the_whole_config(trained, template, make_config):
    config = make_config(
        epochs=2,
        limit=160,
        batch_size=32,
        export=("saved_model", "tflite", "tflite-int8"),
        export_tolerance=0.2,
        augment=("shift",),
    )
    config = replace(
        config, model=replace(config.model, arguments={"filters": [8, 16]})
    )
    wanted = {key: str(value) for key, value in flatten(config).items()}
    wanted["num_params"] = wanted["num_layers"] = None
    found = dict(trained.run.data.params)
    assert int(found["num_params"]) > 0 and int(found["num_layers"]) > 5
    assert {**found, "num_params": None, "num_layers": None} == wanted


def test_data_code_and_environment_are_recorded(trained, template, make_config):
    (found,) = trained.run.inputs.dataset_inputs
    data = template["data"].load_data(make_config(limit=160))
    assert (found.dataset.name, found.dataset.digest) == ("digits", data.digest)
    stored = trained.artifacts()
    for file in trained.folder.glob("*.py"):
        assert (stored / "code" / file.name).read_text() == file.read_text()
    facts = json.loads((stored / "data.json").read_text())
    assert facts["labels"] == list("0123456789") and facts["sizes"]["train"] == 160
    assert "Total params" in (stored / "model_summary.txt").read_text()
    assert "git.commit" not in trained.run.data.tags  # the copy is no checkout


def test_what_a_person_looks_at_is_there(trained):
    stored = trained.artifacts()
    plots = {"learning_curves", "confusion_matrix", "reliability", "confident_mistakes"}
    assert {file.stem for file in (stored / "plots").iterdir()} == plots
    for file in (stored / "plots").iterdir():
        with Image.open(file) as image:
            assert image.width > 300
    table = json.loads((stored / "tables" / "per_class.json").read_text())
    assert len(table["data"]) == 10
    assert sum(row[-1] for row in table["data"]) == 160
    exports = json.loads((stored / "tables" / "exports.json").read_text())
    assert [row[0] for row in exports["data"]] == [
        "saved_model",
        "tflite",
        "tflite-int8",
    ]


def test_the_note_says_what_how_good_and_how_to_repeat_it(trained):
    note = trained.run.data.tags["mlflow.note.content"]
    accuracy = trained.run.data.metrics["test_accuracy"]
    lines = [line.strip() for line in note.splitlines()]
    assert len(lines) <= 10
    assert lines[0] == f"**{accuracy:.4f} test accuracy**, 3 of 3 exports verified"
    assert re.match(r"`cnn` \([\d,]+ parameters\) on `digits`", lines[1])
    assert lines[2].startswith("2 of 2 epochs in ")
    assert "python train.py --epochs 2 --data.limit 160" in note
    assert f"kerazoo export {trained.run.info.run_id[:8]}" in note


def test_the_exported_files_are_stored_and_verified(trained):
    stored = trained.artifacts() / "exports"
    assert {file.name for file in stored.iterdir()} == {
        *("saved_model", "model.tflite", "model_int8.tflite"),
        *("model.keras", "model.json", "sample.json", "verification.md"),
    }
    facts = json.loads((stored / "model.json").read_text())
    assert [file["gpu"] for file in facts["files"]] == ["", "yes", "yes"]
    assert facts["labels"] == list("0123456789")
    assert facts["pixels"] == "0 to 255, grey, not scaled"
    (pixels,) = facts["files"][-1]["inputs"].values()
    assert (pixels["scale"], pixels["zero_point"]) == (1, 0)
    for verdict in facts["files"]:
        assert verdict["failure"] == "" and verdict["agreement"] > 0.8
        # Compared on the validation split, where the training measured it too.
        assert verdict["keras_metric"] == pytest.approx(
            max(
                m.value
                for m in trained.client.get_metric_history(
                    trained.run.info.run_id, "val_accuracy"
                )
            )
        )


def test_the_lines_of_the_readme_run_the_file(trained):
    shown = trained.run_code_on_exports("print(*probabilities[0])").split()
    assert len(shown) == 10 and sum(map(float, shown)) == pytest.approx(1, abs=1e-5)


STRANGER = """
import glob, sys
sys.modules["kerazoo"] = None
import mlflow, numpy as np
(folder,) = glob.glob("mlruns/models/*/artifacts")
model = mlflow.pyfunc.load_model(folder)
pixels = np.load(sys.argv[1])
np.save(sys.argv[2], model.predict(pixels))
"""


@pytest.mark.slow
def test_the_search_of_the_readme_passes_over_a_trial_that_fails(new_project):
    project = new_project()
    code = project.code_of_page("import optuna").replace("n_trials=5", "n_trials=2")
    rate = "learning_rate=rate if trial.number else 1e30"
    code = code.replace("learning_rate=rate", rate)
    (project.folder / "sweep.py").write_text(code)
    shown = execute(sys.executable, "sweep.py", cwd=project.folder).stdout
    assert shown.splitlines()[-1].startswith("{'learning_rate': 0.0")
    status = {run.info.run_name: run.info.status for run in project.runs}
    assert status == {"sweep-0": "FAILED", "sweep-1": "FINISHED"}


def test_the_model_loads_where_kerazoo_is_unknown(trained, tmp_path):
    pixels = RNG.integers(0, 256, (5, 8, 8, 1)).astype("float32")
    files = tmp_path / "in.npy", tmp_path / "out.npy"
    np.save(files[0], pixels)
    execute(sys.executable, "-c", STRANGER, *files, cwd=trained.folder)
    (file,) = trained.folder.glob("runs/*/exports/model.keras")
    ours = keras.saving.load_model(file).predict(pixels, verbose=0)
    theirs = np.load(files[1])
    np.testing.assert_allclose(theirs, ours, atol=1e-6)
    np.testing.assert_allclose(theirs.sum(axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_its_own_test_passes_in_a_copy(trained, tmp_path):
    before = sorted(os.listdir(trained.folder))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = execute(*command, "test_train.py", cwd=trained.folder)
    assert re.search(r"^2 passed", done.stdout, re.MULTILINE)
    left = {name for name in os.listdir(trained.folder) if name not in before}
    assert left <= {"__pycache__"}, "a test of the user's leaves nothing behind"
    assert len(trained.runs) == 1


@pytest.fixture(scope="module")
def killed(new_project):
    """Two long trainings at once, each ended by a signal in its third epoch or so."""

    def heed_interrupts():
        # Under a shell's `&` the tests inherit that SIGINT is ignored.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    projects = {}
    for name in ("SIGINT", "SIGTERM"):
        project = new_project()
        with open(project.folder / "log.txt", "w") as log:
            process = subprocess.Popen(
                [sys.executable, "train.py", *SMOKE, "--epochs", "100000"],
                cwd=project.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=heed_interrupts,
            )
        projects[name] = project, process
    for name, (project, process) in projects.items():
        end = time.monotonic() + 300
        while "epoch      2/" not in (project.folder / "log.txt").read_text():
            assert process.poll() is None and time.monotonic() < end, name
            time.sleep(0.2)
        process.send_signal(getattr(signal, name))
        process.wait(120)
    return projects


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_run_as_killed_with_all_so_far(name, killed):
    project, process = killed[name]
    log = (project.folder / "log.txt").read_text()
    assert process.returncode == 1
    assert "Traceback" not in log
    assert log.splitlines()[-1].startswith("interrupted; what was logged is at http")
    run = project.run
    assert run.info.status == "KILLED" and run.info.end_time
    assert run.data.tags["mlflow.note.content"].startswith("**killed**: interrupted")
    history = project.client.get_metric_history(run.info.run_id, "val_loss")
    assert [m.step for m in history[:2]] == [1, 2]
    checkpoints = project.artifacts() / "checkpoints"
    kept = keras.saving.load_model(checkpoints / "best.keras", compile=False)
    assert kept.output_shape == (None, 10)


def test_weights_can_be_measured_and_exported_as_they_are(
    trained, new_project, inside, call
):
    """Also once they are gone from where they were."""
    (best,) = trained.folder.glob("runs/*/best.keras")
    project = new_project()
    for name in (best.name, "data.json"):
        (project.folder / name).write_bytes(best.with_name(name).read_bytes())
    weights = project.folder / best.name
    project.train(*SMOKE, "--epochs", "0", "--model.weights", weights)
    found, wanted = (run.data.metrics for run in (project.run, trained.run))
    for name in ("test_accuracy", "test_loss", "best_val_accuracy"):
        assert found[name] == wanted[name]
    assert found["exports_verified"] == 3 and "loss" not in found
    assert (
        f"not trained: the weights `{weights}` as they are"
        in project.run.data.tags["mlflow.note.content"]
    )
    weights.unlink()
    inside(project)
    status, output, _ = call("evaluate", "last")
    assert status == 0 and f"{wanted['test_accuracy']:.4f}" in output
    assert call("export", "last", "--formats", "tflite")[0] == 0


def test_no_epochs_without_weights_are_refused(call):
    status, _, errors = call("train", "image_classification", "--epochs", "0")
    assert status == 2 and "epochs must be at least 1; got 0" in errors
