"""The command `kerazoo`: what it prints, what it refuses, how it ends."""

import json
import re
import shutil
import socket
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from workplace import SMOKE, Project, kerazoo

from kerazoo import losses, zoo
from kerazoo.harness import catalog, commands, commands_predict, environment
from kerazoo.harness.tracking import mlflow_store


@pytest.fixture
def in_project(trained, monkeypatch):
    """Work in the folder of the trained copy, on its store."""
    import mlflow

    uri = f"sqlite:///{trained.folder / 'mlflow.db'}"
    monkeypatch.chdir(trained.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    return trained


# --------------------------------------------------------------------------- list, info


RECORDS = ("model.json", "sample.json", "verification.md")  # of what was exported
TABLES = ["diabetes", "california", "diamonds"]
IMAGES = ["digits", "fashion_mnist", "mnist", "cifar10", "cifar100"]


def test_everything_is_listed(call):
    status, shown, errors = call("list")
    assert (status, errors) == (0, "")
    for name in ("resnet20", "focal", "image_classification", "digits"):
        assert re.search(rf"^{name}\b", shown, re.MULTILINE), name


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("cnn", zoo.list_models(kind="cnn")),
        ("regression", zoo.list_models(kind="regression")),
        ("losses", losses.list_losses()),
        ("seq2seq", zoo.list_models(kind="seq2seq")),
        ("templates", ["image_classification", "regression", "seq2seq"]),
        ("data", [*IMAGES, *TABLES, "cmudict", "pronalsyl"]),
    ],
)
def test_a_kind_is_listed_for_programs(kind, names, call):
    status, shown, _ = call("list", kind, "--json")
    rows = json.loads(shown)
    assert status == 0 and [row["name"] for row in rows] == names
    assert all(all(value is not None for value in row.values()) for row in rows)
    if kind == "losses":
        assert set(rows[0]) == {"name", "task", "for", "not_for", "paper"}
    elif kind in ("templates", "data"):
        assert all(len(row["what"]) > 20 for row in rows)


def test_a_model_is_listed_with_its_facts(call):
    (row,) = json.loads(call("list", "cnn", "resnet20", "--json")[1])
    assert row == {
        "name": "resnet20",
        "params": zoo.model_card("resnet20").params,
        "multiply_adds": zoo.model_card("resnet20").multiply_adds,
        "year": 2016,
        "exports": list(row["exports"]),
        "pretrained": [],
    } | {"year": row["year"]}
    shown = call("list", "cnn", "resnet20")[1]
    assert re.search(r"resnet20 +0\.27 M +\S+ M +201\d +all", shown)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["resnet?0"], {"resnet20", "resnet50"}),
        (
            ["*", "--max-params", "1e5"],
            set(zoo.list_models(kind="cnn", max_params=1e5)),
        ),
        (["nothing*"], set()),
    ],
)
def test_models_are_filtered(arguments, expected, call):
    rows = json.loads(call("list", "cnn", *arguments, "--json")[1])
    assert {row["name"] for row in rows} == expected


def test_a_model_has_a_card(call):
    status, shown, _ = call("info", "resnet20")
    assert status == 0
    card = zoo.model_card("resnet20")
    for text in (card.paper, f"{card.params:,}", "dropout", "activation", "resnet32"):
        assert text in shown
    assert "Total params" not in shown


def test_a_model_is_built_for_its_summary(call):
    assert "Total params" in call("info", "lenet5", "--summary")[1]


@pytest.mark.parametrize("name", ["focal", "image_classification", "digits"])
def test_the_rest_has_a_card_too(name, call):
    status, shown, _ = call("info", name)
    assert status == 0 and len(shown) > 60


# ---------------------------------------------------------------------------------- new


def test_new_copies_what_a_user_edits(tmp_path, call):
    folder = tmp_path / "mine"
    status, shown, _ = call("new", "image_classification", folder)
    assert status == 0 and f"cd {folder}" in shown
    source = catalog.templates_folder() / "image_classification"
    for file in source.glob("*.*"):
        assert (folder / file.name).read_bytes() == file.read_bytes()
    assert "__pycache__" not in {file.name for file in folder.iterdir()}
    assert "mlruns/" in (folder / ".gitignore").read_text().split()
    again = tmp_path / "again"
    assert call("new", folder, again)[0] == 0, "a copy of a copy"
    assert (again / "train.py").is_file()


@pytest.mark.parametrize("kind", ["file", "full", "empty"])
def test_new_overwrites_nothing(kind, tmp_path, call):
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("mine")
    else:
        place.mkdir()
    if kind == "full":
        (place / "train.py").write_text("mine")
    status, _, errors = call("new", "image_classification", place)
    if kind == "empty":
        assert status == 0 and (place / "train.py").is_file()
        return
    assert status == 2
    assert (
        errors == f"kerazoo: error: {place} exists already; nothing is overwritten.\n"
    )
    file = place if kind == "file" else place / "train.py"
    assert file.read_text() == "mine"


# -------------------------------------------------------------------------------- train


def test_train_runs_a_template_without_a_copy(new_project):
    """The config file and the flags go the same way as in a copy."""
    project = new_project()
    (project.folder / "my.yaml").write_text("epochs: 1\nexport: []\n")
    done = kerazoo(
        *("train", "image_classification", *SMOKE[:8], "--config", "my.yaml"),
        *("--run_name", "mine", "--epochs", "2"),
        cwd=project.folder,
    )
    assert done.stderr == "", "not even TensorFlow's greetings"
    assert project.run.info.run_name == "mine"
    assert project.run.data.params["epochs"] == "2"
    assert project.run.data.params["export"] == "()"
    assert "next:" in done.stdout and "kerazoo ui" in done.stdout
    commit = environment.git_state(catalog.templates_folder())
    assert project.run.data.tags.get("git.commit") == (commit and commit[0])


# -------------------------------------------------------- evaluate, predict, export, ui


def test_evaluate_repeats_the_scores_of_the_run(in_project, call):
    status, shown, errors = call("evaluate", "last")
    assert (status, errors) == (0, "")
    assert shown.startswith("cnn-digits, 160 test samples of digits\n")
    metrics = in_project.run.data.metrics
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "calibration_error"):
        value = float(re.search(rf"test_{name} +(\S+)", shown)[1])
        assert value == pytest.approx(metrics[f"test_{name}"], abs=2e-4)


def test_evaluate_takes_other_data(in_project, call):
    run_id = in_project.run.info.run_id
    status, shown, _ = call("evaluate", run_id[:8], "--data.limit", "20")
    assert status == 0 and "20 test samples" in shown


def test_predict_names_the_most_probable_classes(in_project, tmp_path, call):
    files = [tmp_path / "a.png", tmp_path / "b.jpg"]
    for file in files:  # of another size, and in colour
        pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3))
        Image.fromarray(pixels.astype("uint8")).save(file)
    status, shown, errors = call("predict", "cnn-digits", *files, "--top", "2")
    assert (status, errors) == (0, "")
    for file, line in zip(files, shown.splitlines(), strict=True):
        found = re.fullmatch(rf"{re.escape(str(file))}: \d (\S+)%, \d (\S+)%", line)
        assert 10 <= float(found[1]) <= 100 and float(found[2]) <= float(found[1])
    assert call("predict", "cnn-digits", "--top", "2", *files)[1] == shown
    status, shown, _ = call("predict", "last", files[0], "--json", "--top", "10")
    answer = json.loads(shown)
    assert answer["file"] == str(files[0])
    assert set(answer["classes"]) == set("0123456789")
    assert sum(answer["classes"].values()) == pytest.approx(1, abs=1e-4)
    # One that cannot be read is told, and the others are answered.
    (tmp_path / "broken.png").write_bytes(b"no picture")
    status, shown, errors = call("predict", "last", tmp_path / "broken.png", *files)
    assert status == 1 and len(shown.splitlines()) == 2
    assert errors.startswith("error: ") and "broken.png" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(("facts", "corner"), [({}, 255), ({"fit": "pad"}, 0)])
def test_predict_fits_a_picture_as_the_run_did(facts, corner, tmp_path, capsys):
    Image.new("L", (20, 10), 255).save(tmp_path / "wide.png")
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    facts = {"labels": [f"pixel {i}" for i in range(64)], **facts}
    commands_predict._predict_images(model, facts, [tmp_path / "wide.png"], 64, False)
    shown = capsys.readouterr().out
    assert f"pixel 0 {corner:.1%}" in shown and "pixel 36 25500.0%" in shown


def test_export_of_a_run_stores_the_files_with_the_run(trained, tmp_path):
    project = Project(tmp_path / "copy")
    project.folder.mkdir()
    shutil.copy(trained.folder / "mlflow.db", project.folder)
    exports = trained.artifacts() / "exports"
    before = {name: (exports / name).read_bytes() for name in RECORDS}
    done = kerazoo(
        *("export", "last", "--formats", "tflite-int8-dynamic", "--folder", "out"),
        *("--tolerance", "0.5"),
        cwd=project.folder,
    )
    assert "tflite-int8-dynamic" in done.stdout and "files in out/" in done.stdout
    facts = json.loads((project.folder / "out" / "model.json").read_text())
    assert facts["labels"] == list("0123456789")
    # The run's own split and preprocessing, read with the run's own code.
    (verdict,) = facts["files"]
    assert verdict["failure"] == "" and verdict["keras_metric"] == pytest.approx(
        max(
            metric.value
            for metric in trained.client.get_metric_history(
                trained.run.info.run_id, "val_accuracy"
            )
        )
    )
    told = json.loads((exports / "model.json").read_text())["files"]
    assert [file["format"] for file in told] == [
        *("saved_model", "tflite", "tflite-int8-dynamic", "tflite-int8")
    ]
    sample = json.loads((exports / "sample.json").read_text())
    assert {file["file"] for file in told} | {"model.keras"} == {*sample["answers"]}
    (exports / "model_int8_dynamic.tflite").unlink()
    for name, content in before.items():
        (exports / name).write_bytes(content)


@pytest.mark.parametrize("remote", [False, True])
def test_ui_says_where_it_is_and_serves_a_local_store(
    remote, in_project, call, monkeypatch
):
    served = []
    monkeypatch.setattr(commands.subprocess, "call", lambda c: served.append(c) or 0)
    monkeypatch.setattr(mlflow_store, "is_remote", lambda: remote)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, shown, _ = call("ui", "--port", port)
    assert status == 0 and "workflowType=machine_learning" in shown
    assert len(served) == (not remote)
    if served:
        assert served[0][:4] == [sys.executable, "-m", "mlflow", "server"]
        assert str(port) in served[0] and f"http://127.0.0.1:{port}/#/exp" in shown


def test_ui_does_not_send_people_to_what_listens_there_already(in_project, call):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, shown, errors = call("ui", "--port", port)
    assert status == 2 and shown == ""
    assert errors.endswith(
        f"listens on port {port} of 127.0.0.1; try --port {port + 1}.\n"
    )


# ----------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "required: COMMAND"),
        ("trian", "'trian' is not known. Did you mean 'train'?"),
        ("list cn", "'cn' is not known. Did you mean 'cnn'?"),
        ("list cnn --max-params many", "'many'"),
        ("list losses focall", "no entry fits"),
        ("predict last --bem 1 a.png", "unrecognized arguments: --bem"),
        ("predict last .", ". is a folder; give its images"),
        ("train regression --model.name resnet20", "resnet20 is for image_classific"),
        ("train image_classification --model.name linear", "linear is for regression"),
        ("train seq2seq --model.name cnn", "cnn is for image_classification, this is"),
        (
            "compare-losses regression --losses mse,huber --imbalance 50",
            "--imbalance is for classes; regression has none",
        ),
        ("list --jsn", "--jsn"),
        ("info resnet2", "Did you mean 'resnet20'?"),
        ("new image_clasification x", "Did you mean 'image_classification'?"),
        ("train", "required: template"),
        ("train image_clasification", "Did you mean 'image_classification'?"),
        ("train image_classification --epocs 3", "Did you mean --epochs?"),
        ("train image_classification --data.pth x", "Did you mean --data.path?"),
        ("train image_classification --data.name mist", "Did you mean 'mnist'?"),
        ("evaluate nobody", "There is no run 'nobody'"),
        ("evaluate last --epocs 3", "Did you mean --epochs?"),
        ("predict last", "give the files of images"),
        ("predict last gone.png", "There is no file gone.png."),
        ("predict last a.png --beam 2 --top-k 3 --sample", "leave out --beam"),
        (
            "predict last a.png --prefix The --no-repeat-ngram 3",
            "--no-repeat-ngram, --prefix: only runs from texts to texts",
        ),
        ("predict last a.png --beam 2", "--beam: only runs from texts to texts"),
        ("export nobody", "There is no run 'nobody'"),
        ("export last --formats tflite,tflight", "Did you mean 'tflite'?"),
    ],
)
def test_a_mistake_ends_with_status_2_and_says_what_is_right(
    arguments, message, in_project, call
):
    status, _, errors = call(*arguments.split())
    assert status == 2
    assert errors.startswith("kerazoo") and message in errors
    assert "Traceback" not in errors and ": error: " in errors.splitlines()[0]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no"), 2), (OSError("no"), 2)]
)
def test_foreseen_errors_are_one_line(error, status, call, monkeypatch):
    def fail(**options):
        raise error

    monkeypatch.setattr(commands, "ui", fail)
    monkeypatch.setattr(fail, "__name__", "ui", raising=False)
    fail.__doc__ = "Fail."
    assert call("ui") == (status, "", "kerazoo: error: no\n")


def test_an_interrupt_is_no_traceback(call, monkeypatch):
    def interrupt(**options):
        """Be interrupted."""
        raise KeyboardInterrupt

    interrupt.__name__ = "ui"
    monkeypatch.setattr(commands, "ui", interrupt)
    assert call("ui") == (130, "", "")


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "info",
        "suggest-loss",
        "new",
        "train",
        "evaluate",
        "predict",
        "export",
        "ui",
    ],
)
def test_every_command_has_help_with_an_example(command, call):
    status, shown, _ = call(command, "--help")
    assert status == 0 and f"example: kerazoo {command}" in " ".join(shown.split())
    assert re.search(rf"^ +{command}\s", call("--help")[1], re.MULTILINE)
