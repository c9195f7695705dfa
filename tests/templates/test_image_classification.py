"""The image template, copied out and run as a user would; then MLflow is read back."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace

import keras
import numpy as np
import pytest
from PIL import Image
from workplace import ROOT, SMOKE, execute

from kerazoo.harness import DataError
from kerazoo.harness.config import flatten
from kerazoo.harness.reopen import imported_from

TEMPLATE = ROOT / "templates" / "image_classification"
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def template():
    """The template's modules, by the bare names that they use themselves."""
    with imported_from(TEMPLATE):
        names = ("config", "data", "model", "loss", "train")
        yield {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def make_config(template):
    def make(**changes):
        config = template["config"].Config()
        names = {field.name for field in fields(config.data)}
        inner = {k: changes.pop(k) for k in names & set(changes)}
        return replace(config, data=replace(config.data, **inner), **changes)

    return make


# ------------------------------------------------------------------------ a copy is run


def test_a_copy_has_all_that_a_project_needs(trained):
    files = {file.name for file in trained.folder.iterdir()}
    assert files >= {file.name for file in TEMPLATE.glob("*.*")}
    assert files >= {"requirements.txt", ".gitignore", "mlflow.db", "runs"}
    pins = (trained.folder / "requirements.txt").read_text().split()
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in pins)
    assert {pin.split("==")[0] for pin in pins} >= {"tensorflow", "keras", "mlflow"}


def test_the_output_of_a_file_is_plain_lines(trained):
    lines = trained.done.stdout.splitlines()
    assert "\x1b" not in trained.done.stdout and "\r" not in trained.done.stdout
    assert lines[0] == "data   digits: 160 train, 160 validation, 160 test; 10 classes"
    assert lines[1].startswith("model  cnn: ") and lines[1].endswith(" parameters")
    assert re.match(r"run    cnn-digits: http://127\.0\.0\.1:5000/#/experi", lines[2])
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
    data = template["data"].load_data(make_config())
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
        *("model.keras", "model.json", "verification.md"),
    }
    facts = json.loads((stored / "model.json").read_text())
    assert facts["labels"] == list("0123456789")
    assert facts["pixels"] == "0 to 255, grey, not scaled"
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


# ------------------------------------------------------------------- a folder of images


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Bright and dark pictures, in two formats and several sizes; one is broken."""
    root = tmp_path_factory.mktemp("photos")
    for label, level in (("bright", 200), ("dark", 50)):
        (root / label).mkdir()
        for number in range(24):
            shape = (int(RNG.integers(20, 40)), int(RNG.integers(20, 40)), 3)
            noise = RNG.integers(-40, 40, shape)
            image = Image.fromarray((level + noise).astype("uint8"))
            image.save(root / label / f"{number}.{('png', 'jpg')[number % 2]}")
    (root / "dark" / "broken.png").write_bytes(b"\x89PNG no more")
    return root


def test_a_folder_of_images_is_learnt(photos, new_project):
    project = new_project().train(
        *("--data.path", photos, "--epochs", "12", "--batch_size", "8"),
        *("--data.image_size", "16", "--export", "[]"),
        *("--model.arguments.filters", "[8,8]", "--data.max_broken_share", "0.1"),
    )
    run = project.run
    assert run.info.status == "FINISHED" and run.info.run_name == "cnn-folder"
    assert run.data.metrics["test_accuracy"] == 1
    assert "exports_verified" not in run.data.metrics
    facts = json.loads((project.artifacts() / "data.json").read_text())
    assert facts["labels"] == ["bright", "dark"]
    assert facts["pixels"] == "0 to 255, RGB, not scaled"
    notes = (project.artifacts() / "data_notes.txt").read_text()
    assert "broken.png" in notes and "broken.png" in project.done.stdout


def test_other_pictures_are_measured_in_the_shape_of_the_run(
    photos, new_project, inside, call, tmp_path
):
    project = new_project().train(
        *("--data.path", photos, "--epochs", "1", "--export", "[]"),
        *("--model.arguments.filters", "[8,8]", "--data.max_broken_share", "0.1"),
    )
    for label, level in (("bright", 200), ("dark", 50)):
        (tmp_path / label).mkdir()
        for number in range(12):
            picture = Image.new("L", (50, 90), level + number)
            picture.save(tmp_path / label / f"{number}.png")
    inside(project)
    status, shown, errors = call("evaluate", "last", "--data.path", str(tmp_path))
    assert status == 0 and "test_accuracy" in shown, errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "gone"}, "no folder"),
        ({"name": "folder"}, "--data.name folder needs --data.path."),
        ({"max_broken_share": 0.0}, "broken.png"),
        ({"name": "digits", "augment": ("rand_augment",)}, "needs colour images"),
        ({"name": "digits", "validation_share": 1e-4}, "A share of 0.0001 of 1617"),
    ],
)
def test_data_that_cannot_be_used_is_refused_with_a_reason(
    changes, message, photos, template, make_config
):
    options = {"path": "" if "name" in changes else str(photos), **changes}
    with pytest.raises(DataError) as error:
        template["data"].load_data(make_config(**options))
    assert message in str(error.value)


def test_a_part_of_a_folder_has_images_of_every_class(photos, template, make_config):
    options = {"path": str(photos), "max_broken_share": 0.1, "limit": 12}
    data = template["data"].load_data(make_config(**options))
    assert data.sizes["train"] == 12 and min(data.class_counts) > 2


# --------------------------------------------------------------------------------- data


def everything(batches):
    """Return all pixels and targets of batches, in their order."""
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in batches]
    return tuple(map(np.concatenate, zip(*pairs, strict=True)))


@pytest.mark.parametrize("augment", [(), ("shift", "flip", "erase", "mixup")])
def test_the_order_and_the_augmentation_follow_the_seed(augment, template, make_config):
    def first_epochs(seed):
        config = make_config(limit=100, seed=seed, augment=augment)
        train = template["data"].load_data(config).train
        return [everything(train)[0] for _ in range(2)]

    one, again, other = first_epochs(1), first_epochs(1), first_epochs(2)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one[0] != one[1]).any(), "each epoch has an order of its own"
    assert (one[0] != other[0]).any()


def test_splits_share_no_image_and_have_all_classes_in_proportion(
    template, make_config
):
    data = template["data"].load_data(make_config())
    assert data.sizes == {"train": 1455, "validation": 162, "test": 180}
    counts = {}
    for name in data.sizes:
        _, targets = everything(getattr(data, name))
        assert len(targets) == data.sizes[name]
        counts[name] = np.bincount(targets) / len(targets)
    np.testing.assert_allclose(counts["validation"], counts["train"], atol=0.01)
    np.testing.assert_allclose(counts["test"], counts["train"], atol=0.01)


def test_the_same_pixels_in_training_evaluation_and_export(template, make_config):
    """Nothing is scaled outside of the model: what is read is what is served."""
    data = template["data"].load_data(make_config(limit=64))
    pixels, targets = everything(data.train)
    assert pixels.dtype == np.uint8 and pixels.max() == 255
    known = {p.tobytes(): t for p, t in zip(pixels, targets, strict=True)}
    assert len(known) == 64
    assert all(p.tobytes() in known for p in data.calibration)
    validation, _ = everything(data.validation)
    assert validation.dtype == np.uint8
    assert not any(p.tobytes() in known for p in validation)
    model = template["model"].build_model(make_config(), data)
    product = template["model"].build_product(model)
    logits = model.predict(validation, verbose=0)
    expected = keras.ops.softmax(logits)
    np.testing.assert_allclose(
        product.predict(validation, verbose=0), expected, atol=1e-6
    )


AUGMENTATIONS = ["flip", "shift", "rand_augment", "erase", "mixup", "cutmix"]


def test_every_augmentation_of_the_config_is_tried(template):
    import typing

    hints = typing.get_type_hints(template["config"].DataConfig)
    assert list(typing.get_args(typing.get_args(hints["augment"])[0])) == AUGMENTATIONS


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_changes_pixels_and_keeps_the_sum_of_labels(
    name, photos, template, make_config
):
    options = {"path": str(photos), "image_size": 16, "max_broken_share": 0.1}
    plain = template["data"].load_data(make_config(**options, batch_size=64))
    config = make_config(**options, batch_size=64, augment=(name,))
    changed = template["data"].load_data(config)
    before, labels = everything(plain.train)
    after, targets = everything(changed.train)
    assert after.shape == before.shape and after.dtype == np.float32
    assert np.abs(after - before).max() > 1, "same seed, same order: other pixels"
    assert after.min() >= 0 and after.max() <= 255
    if name in ("mixup", "cutmix"):
        assert targets.shape == (len(labels), 2)
        np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
        assert ((targets > 0.01) & (targets < 0.99)).any()
    else:
        np.testing.assert_array_equal(targets, labels)
    # Only the training split is augmented.
    for split in ("validation", "test"):
        np.testing.assert_array_equal(
            everything(getattr(changed, split))[0], everything(getattr(plain, split))[0]
        )


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"image_size": 16}, (16, 16, 3)),
        ({"image_size": 16, "grey": True}, (16, 16, 1)),
        ({"name": "digits", "path": ""}, (8, 8, 1)),
        ({"name": "digits", "path": "", "image_size": 12}, (12, 12, 1)),
    ],
)
def test_images_have_the_size_that_is_asked_for(
    options, shape, photos, template, make_config
):
    options = {"path": str(photos), "max_broken_share": 0.1, "limit": 20, **options}
    data = template["data"].load_data(make_config(**options))
    assert data.input_shape == shape
    assert everything(data.validation)[0].shape[1:] == shape


def test_class_weights_make_classes_count_the_same(template, make_config):
    weigh = template["data"].class_weight
    counts = np.array([6, 2, 0, 1])
    weights = weigh(make_config(class_weight="balanced"), counts)
    assert {k: v * counts[k] for k, v in weights.items()} == {
        0: pytest.approx(9 / 4),
        1: pytest.approx(9 / 4),
        3: pytest.approx(9 / 4),
    }
    assert weigh(make_config(), counts) is None


def test_label_smoothing_and_arguments_reach_the_loss(template, make_config):
    def build(**changes):
        config = make_config(limit=40, **changes)
        data = template["data"].load_data(config)
        return template["loss"].build_loss(config, data), data

    assert build(label_smoothing=0.1)[0].label_smoothing == 0.1
    assert build(loss="focal", loss_arguments={"gamma": 3.0})[0].gamma == 3.0
    loss, data = build(loss="class_balanced")
    assert loss.class_counts == data.class_counts and sum(data.class_counts) == 40
    given = {"class_counts": [1.0] * 10}
    loss, _ = build(loss="class_balanced", loss_arguments=given)
    assert loss.class_counts == [1] * 10


def test_training_labels_are_made_worse_and_no_others(template, make_config):
    load = template["data"].load_data
    clean, worse = load(make_config()), load(make_config(label_noise=0.4, imbalance=20))

    def labels(split):
        return np.concatenate([y for _, y in split.as_numpy_iterator()])

    for split in ("validation", "test"):
        assert worse.sizes[split] == clean.sizes[split]
        kept = labels(getattr(clean, split))
        np.testing.assert_array_equal(labels(getattr(worse, split)), kept)
    assert sum(worse.class_counts) == worse.sizes["train"] < clean.sizes["train"] / 2
    assert np.bincount(labels(worse.train)).tolist() == worse.class_counts
    assert "40% of its labels are wrong" in worse.notes[-1] and not clean.notes


def test_training_may_start_from_weights_of_another_run(trained, template, make_config):
    (file,) = trained.folder.glob("runs/*/best.keras")
    config = make_config(limit=20)
    filters = {"filters": [8, 16]}
    data = template["data"].load_data(config)
    plain, started = (
        template["model"].build_model(
            replace(
                config,
                model=replace(config.model, arguments=filters, weights=weights),
            ),
            data,
        )
        for weights in ("", str(file))
    )
    kept = keras.saving.load_model(file).get_weights()
    for a, b in zip(started.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(plain.get_weights(), kept, strict=True))
