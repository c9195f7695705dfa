"""A tracked run: how it ends, and what it leaves behind."""

import hashlib
import importlib
import signal
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from mlflow.exceptions import MlflowException
from workplace import ROOT, execute

from kerazoo import losses
from kerazoo.harness import (
    DataError,
    build_optimizer,
    environment,
    note,
    run,
    tracked_run,
)
from kerazoo.harness.errors import UserError
from kerazoo.harness.export.exam import Verdict
from kerazoo.harness.own_code import imported_from
from kerazoo.harness.run import collect
from kerazoo.harness.tracking import mlflow_store


@pytest.fixture
def template(tmp_path):
    """The image template's files, imported from a copy that is under git."""
    folder = tmp_path / "code"
    folder.mkdir()
    for file in (ROOT / "templates" / "image_classification").glob("*.py"):
        (folder / file.name).write_bytes(file.read_bytes())
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        execute(*git, *command, cwd=folder)
    with imported_from(folder):
        yield folder


@pytest.fixture
def config(store, template):
    found = importlib.import_module("config").Config()
    return replace(
        found,
        epochs=3,
        batch_size=32,
        model=replace(found.model, arguments={"filters": [4, 4]}),
        data=replace(found.data, limit=96),
        export=(),
    )


@pytest.mark.parametrize(
    ("error", "left_with", "status", "note"),
    [
        (None, "", "FINISHED", "**Reproduce**"),
        (DataError("no cats"), "error: no cats", "FAILED", "**failed**: no cats"),
        (UserError("no file"), "error: no file", "FAILED", "**failed**: no file"),
        (KeyboardInterrupt(), "interrupted; what", "KILLED", "**killed**: interrupted"),
        # With a traceback, as nobody foresaw them:
        (RuntimeError("oh"), RuntimeError, "FAILED", "**failed**: RuntimeError: oh"),
        (SystemExit(3), SystemExit, "FAILED", "**failed**: SystemExit: 3"),
    ],
)
def test_a_run_ends_as_its_block_does(error, left_with, status, note, config, store):
    handler = signal.getsignal(signal.SIGTERM)
    foreseen = isinstance(left_with, str)

    def block():
        with tracked_run(config) as run:
            assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
            run.tracker.metrics({"loss": 1.0}, step=1)
            if error:
                raise error

    if error:
        with pytest.raises(SystemExit if foreseen else left_with) as end:
            block()
        assert not foreseen or str(end.value).startswith(left_with)
    else:
        block()
    assert store.run.info.status == status
    assert store.run.data.metrics["loss"] == 1.0
    assert store.run.data.tags["mlflow.note.content"].startswith(note)
    assert (store.artifacts() / "traceback.txt").exists() != foreseen
    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.parametrize(
    ("error", "left_with", "begin"),
    [
        (None, SystemExit, "error: the store of runs did not take the end of it: gone"),
        (KeyboardInterrupt(), SystemExit, "interrupted; the store of runs did not"),
        (DataError("no cats"), SystemExit, "error: no cats; the store of runs did not"),
        (MlflowException("gone"), SystemExit, "error: the store of runs did not take"),
        (RuntimeError("oh"), RuntimeError, "oh"),
    ],
)
def test_a_store_that_is_away_at_the_end_hides_neither_error_nor_weights(
    error, left_with, begin, config, store, monkeypatch
):
    def away(*arguments):
        raise MlflowException("gone")

    monkeypatch.setattr(mlflow_store.Tracker, "text", away)
    monkeypatch.setattr(mlflow_store.Tracker, "note", away)
    monkeypatch.setattr(run, "_record_origin", lambda run: None)

    def block():
        with tracked_run(config) as opened:
            (opened.folder / "best.keras").write_text("weights")
            if error:
                raise error

    with pytest.raises(left_with) as end:
        block()
    assert str(end.value).startswith(begin)
    (best,) = store.folder.glob("runs/*/best.keras")
    told = "\n".join([str(end.value), *getattr(end.value, "__notes__", [])])
    assert f"--epochs 0 --model.weights {best.relative_to(store.folder)} mea" in told
    # What could still be told has been: nobody waits for a run that has ended.
    assert store.run.info.status != "RUNNING"


def test_a_run_that_trains_nothing_keeps_what_it_wrote(config, store):
    with tracked_run(config) as run:
        (run.folder / "a.txt").write_text("a")
    assert (run.folder / "a.txt").exists() and store.run.info.status == "FINISHED"


def test_an_export_that_failed_fails_the_process_and_not_the_run(config, store):
    def block():
        with tracked_run(config) as run:
            run.verdicts = [
                Verdict("tflite", failure="differs"),
                Verdict("saved_model"),
            ]

    with pytest.raises(SystemExit, match=r"do not use: tflite$"):
        block()
    assert store.run.info.status == "FINISHED"
    assert "failed: tflite: differs" in store.run.data.tags["mlflow.note.content"]


def test_exports_that_failed_are_counted_once_over_all_parts(
    config, store, monkeypatch
):
    verdicts = {
        "": [Verdict("tflite", failure="differs"), Verdict("saved_model")],
        "steps": [Verdict("tflite")],
    }

    def write(found):
        return lambda folder, *_: found

    made = [
        SimpleNamespace(folder=folder, write=write(found))
        for folder, found in verdicts.items()
    ]
    monkeypatch.setattr(run, "parts", lambda *_: made)
    monkeypatch.setattr(mlflow_store.Tracker, "model", lambda *_: None)
    monkeypatch.setattr(mlflow_store.Tracker, "files", lambda *_: None)
    data = importlib.import_module("data").load_data(config)
    with pytest.raises(SystemExit), tracked_run(config) as opened:
        opened.export(None, data)
    client, run_id = store.client, store.run.info.run_id
    for name, count in (("exports_verified", 2), ("exports_failed", 1)):
        history = client.get_metric_history(run_id, name)
        assert [point.value for point in history] == [count]


def test_a_run_records_where_it_came_from(config, template, store, monkeypatch):
    with open(template / "loss.py", "a") as file:
        file.write("# a change\n")
    for folder in ("mine", "unused", "venv/site-packages/bought"):
        (template / folder).mkdir(parents=True)
        (template / folder / "__init__.py").write_text("")
        (template / folder / "half.py").write_text("value = 0.5\n")
    monkeypatch.syspath_prepend(template / "venv" / "site-packages")
    for name in ("mine.half", "bought.half"):
        importlib.import_module(name)
    with tracked_run(config):
        pass
    run, stored = store.run, store.artifacts()
    head = execute("git", "rev-parse", "HEAD", cwd=template).stdout.strip()
    assert run.data.tags["git.commit"] == head and run.data.tags["git.dirty"] == "true"
    assert run.data.tags["mlflow.source.git.commit"] == head
    assert "+# a change" in (stored / "code" / "uncommitted.diff").read_text()
    assert (stored / "code" / "loss.py").read_text().endswith("# a change\n")
    assert (stored / "code" / "mine" / "half.py").read_text() == "value = 0.5\n"
    kept = {folder.name for folder in (stored / "code").iterdir() if folder.is_dir()}
    assert kept == {"mine"}
    assert "tensorflow==" in (stored / "environment.txt").read_text()
    known = yaml.safe_load((stored / "config.yaml").read_text())
    assert known["data"]["limit"] == 96 and run.data.params["data.limit"] == "96"
    assert run.data.params["model.arguments.filters"] == "[4, 4]"


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (losses.get("cross_entropy"), "cross_entropy"),  # the config's
        (keras.losses.CategoricalHinge(name="my_hinge"), "my_hinge"),
        ("mse", "mse"),
    ],
)
def test_a_loss_of_the_users_own_is_named(loss, name):
    model = SimpleNamespace(loss=loss)
    config = SimpleNamespace(loss="cross_entropy")
    assert note.loss_name(SimpleNamespace(model=model, config=config)) == name


def test_a_metric_of_the_users_own_stands_on_the_line_of_the_test(
    config, store, capsys
):
    data = importlib.import_module("data").load_data(config)
    loss = importlib.import_module("loss").build_loss(config, data)
    top_two = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top_two")
    with tracked_run(replace(config, epochs=1)) as run:
        model = importlib.import_module("model").build_model(config, data)
        model.compile("sgd", loss, metrics=["accuracy", top_two])
        run.fit(model, data)
        run.evaluate(model, data)
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x[:5] == "test "]
    names = [word for word in line.split() if word.startswith("test_")]
    assert names == ["test_accuracy", "test_loss", "test_top_two"]


def test_a_run_records_which_weights_it_began_with(config, store, tmp_path):
    data = importlib.import_module("data").load_data(config)
    build_model = importlib.import_module("model").build_model
    loss = importlib.import_module("loss").build_loss(config, data)
    file = tmp_path / "runs" / "cnn-0123abcd" / "first.weights.h5"
    file.parent.mkdir(parents=True)
    build_model(config, data).save_weights(file)
    began = replace(config, epochs=1, model=replace(config.model, weights=str(file)))
    with tracked_run(began) as run:
        model = build_model(began, data)
        model.compile(build_optimizer(began, data), loss, metrics=["accuracy"])
        run.fit(model, data)
    assert store.run.data.tags["weights.run"] == "0123abcd"
    assert store.run.data.tags["loss"] == config.loss
    known = store.run.data.params["model.weights_sha256"]
    assert known == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_run_that_cannot_record_its_code_is_a_failed_one(config, store, monkeypatch):
    def broken(folder):
        raise RuntimeError("no git")

    monkeypatch.setattr(environment, "git_state", broken)
    with pytest.raises(RuntimeError), tracked_run(config):
        pytest.fail("the block must not start")
    assert store.run.info.status == "FAILED"


def test_a_run_without_a_place_for_its_files_is_a_failed_one(config, store):
    (store.folder / "runs").write_text("no folder")
    with pytest.raises(OSError), tracked_run(config):
        pytest.fail("the block must not start")
    assert store.run.info.status == "FAILED"


def test_a_run_in_another_thread_needs_no_signals(config, store):
    failures = []

    def block():
        try:
            with tracked_run(config) as run:
                run.tracker.metrics({"top@5": 0.5, "loss": 1.0})
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert not failures and store.run.info.status == "FINISHED"
    # MLflow has no "@", and would take none of the scores.
    assert store.run.data.metrics.items() >= {"top_5": 0.5, "loss": 1.0}.items()


def test_a_deleted_experiment_is_no_place_for_a_run(config, store):
    found = store.client.create_experiment(config.experiment)
    store.client.delete_experiment(found)
    told = rf"^error: .* restore -x {found}` brings it"
    with pytest.raises(SystemExit, match=told), tracked_run(config):
        pytest.fail("the block must not start")
    assert not store.runs


def test_a_loss_that_is_no_number_fails_the_run_and_keeps_the_best_epoch(config, store):
    """The second epoch's second batch is poisoned."""
    data = importlib.import_module("data").load_data(config)
    rounds = []

    def batches():
        rounds.append(1)
        for number, (pixels, targets) in enumerate(data.train):
            bad = len(rounds) == 2 and number == 1
            yield tf.cast(pixels, "float32") * (np.nan if bad else 1.0), targets

    spec = (tf.TensorSpec((None, 8, 8, 1)), data.train.element_spec[1])
    train = tf.data.Dataset.from_generator(batches, output_signature=spec)
    train = train.apply(tf.data.experimental.assert_cardinality(3))
    build_model = importlib.import_module("model").build_model
    loss = importlib.import_module("loss").build_loss(config, data)

    def block():
        with tracked_run(config) as run:
            model = build_model(config, data)
            model.compile(build_optimizer(config, data), loss, metrics=["accuracy"])
            run.fit(model, replace(data, train=train))

    with pytest.raises(SystemExit, match="error: The loss became nan in epoch 2, step"):
        block()
    run, stored = store.run, store.artifacts()
    assert run.info.status == "FAILED"
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("**failed**: The loss became nan in epoch 2, step 2, at a")
    assert "lower --learning_rate" in note and "1 of 3 epochs" in note
    history = store.client.get_metric_history(run.info.run_id, "loss")
    assert [m.step for m in history] == [1] and np.isfinite(history[0].value)
    assert run.data.metrics["best_val_loss"] == run.data.metrics["val_loss"]
    assert (stored / "checkpoints" / "best.keras").is_file()
    assert "**Get it back**: `checkpoints/best.keras`" in note
    assert not (stored / "traceback.txt").exists()


def test_a_run_that_fails_in_its_first_epoch_promises_no_checkpoint(config, store):
    def no_number(targets, outputs):
        return outputs[:, 0] * np.nan

    data = importlib.import_module("data").load_data(config)
    with pytest.raises(SystemExit, match="nan in epoch 1"), tracked_run(config) as run:
        model = importlib.import_module("model").build_model(config, data)
        model.compile("sgd", no_number, metrics=["accuracy"])
        run.fit(model, data)
    note = store.run.data.tags["mlflow.note.content"]
    assert "**Reproduce**" in note and "**Get it back**" not in note
    assert "not trained" not in note
    assert not (store.artifacts() / "checkpoints").exists()


@pytest.mark.parametrize(("most", "expected"), [(None, 7), (7, 7), (5, 5), (3, 3)])
def test_samples_are_collected_from_batches(most, expected):
    pixels = np.arange(14).reshape(7, 2)
    batches = [(pixels[:4], np.arange(4)), (pixels[4:], np.eye(7)[4:])]
    inputs, targets = collect(batches, most)
    np.testing.assert_array_equal(inputs, pixels[:expected])
    assert targets.tolist() == list(range(expected))


def test_files_of_a_template_are_imported_for_the_block_only(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.py").write_text("value = 1")
    (mine / "parts").mkdir()
    (mine / "parts" / "half.py").write_text("value = 2")
    with imported_from(mine):
        assert importlib.import_module("config").value == 1
        assert importlib.import_module("parts.half").value == 2
    assert "config" not in sys.modules and str(mine) not in sys.path
    assert "parts.half" not in sys.modules
