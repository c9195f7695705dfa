"""Writing a run to MLflow, and finding it again."""

import http.server
import json
import subprocess
import sys
import threading
import warnings
from types import SimpleNamespace

import keras
import mlflow
import numpy as np
import pytest
from matplotlib.figure import Figure

from kerazoo.harness.tracking import mlflow_store, runs


def history(client, run_id, name):
    return [(m.step, m.value) for m in client.get_metric_history(run_id, name)]


def test_a_run_holds_what_was_logged(tracker, store, tmp_path):
    tracker.params({"epochs": 3, "data.path": "", "export": ("tflite",)})
    tracker.tags({"model": "cnn"})
    tracker.metrics({"loss": 2.0, "val_loss": 2.5}, step=1)
    tracker.metrics({"loss": 1.0, "val_loss": np.float32(1.5)}, step=2)
    tracker.text("two\nlines", "notes/a.txt")
    tracker.figure(Figure(figsize=(2, 1)), "plots/empty.png")
    tracker.table({"class": ["a", "b"], "recall": [0.5, 1.0]}, "tables/a.json")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "b.txt").write_text("b")
    tracker.files(tmp_path / "files", "more")
    tracker.note("**good**")
    tracker.end("FINISHED")

    run = store.run
    assert run.info.status == "FINISHED" and run.info.run_name == "my-run"
    assert run.data.params == {
        "epochs": "3",
        "data.path": "",
        "export": "('tflite',)",
    }
    assert run.data.tags["model"] == "cnn"
    assert run.data.tags["mlflow.note.content"] == "**good**"
    # Training and validation stand on one x axis.
    assert history(store.client, tracker.run_id, "loss") == [(1, 2.0), (2, 1.0)]
    assert history(store.client, tracker.run_id, "val_loss") == [(1, 2.5), (2, 1.5)]
    stored = store.artifacts()
    assert (stored / "notes" / "a.txt").read_text() == "two\nlines"
    assert (stored / "plots" / "empty.png").read_bytes()[:4] == b"\x89PNG"
    table = json.loads((stored / "tables" / "a.json").read_text())
    assert table == {"columns": ["class", "recall"], "data": [["a", 0.5], ["b", 1.0]]}
    assert (stored / "more" / "b.txt").read_text() == "b"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_a_run_ends_as_it_is_told(status, tracker, store):
    tracker.end(status)
    assert store.run.info.status == status and store.run.info.end_time
    assert mlflow.active_run() is None


def test_artifacts_lie_beside_the_store_wherever_one_works(
    store, tmp_path, monkeypatch
):
    mlflow_store.start("trials", "first").end("FINISHED")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    second = mlflow_store.start("trials", "second")
    second.text("a", "a.txt")
    second.end("FINISHED")
    assert {store.artifacts(run).parents[1] for run in store.runs} == {
        tmp_path / "mlruns"
    }
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_without_an_address_the_store_is_in_the_working_folder(
    store, tmp_path, monkeypatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    found = mlflow_store.connect().get_tracking_uri()
    assert found == f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_a_run_on_a_server_does_not_end_with_the_address_it_began_with(
    store, monkeypatch
):
    silent = mlflow.environment_variables.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT
    monkeypatch.delenv(silent.name, raising=False)
    mlflow_store.connect()
    assert silent.get()


def test_the_data_set_is_recorded_with_its_digest_and_the_runs_own_sizes(store):
    for size in (7, 8):  # the same samples, split in another way
        facts = {"name": "toys", "digest": "0123456789ab"}
        data = SimpleNamespace(**facts, sizes={"train": size})
        tracker = mlflow_store.start("trials", f"of {size}")
        tracker.dataset(data)
        tracker.end("FINISHED")
        run = store.client.get_run(tracker.run_id)
        (found,) = run.inputs.dataset_inputs
        assert (found.dataset.name, found.dataset.digest) == ("toys", "0123456789ab")
        tags = {tag.key: tag.value for tag in found.tags}
        assert tags == {"mlflow.data.context": "training", "samples.train": str(size)}


def test_a_run_that_mlflow_has_opened_is_used(store, monkeypatch):
    """As under `mlflow run`, which also logs the parameters in its own spelling."""
    opened = store.client.create_run("0")
    store.client.log_param(opened.info.run_id, "learning_rate", "2e-3")
    monkeypatch.setenv("MLFLOW_RUN_ID", opened.info.run_id)
    tracker = mlflow_store.start("trials", "")
    assert tracker.run_id == opened.info.run_id
    tracker.params({"learning_rate": 0.002, "epochs": 3})
    tracker.end("FINISHED")
    assert store.run.data.params == {"learning_rate": "2e-3", "epochs": "3"}


def test_a_run_inside_an_open_one_is_its_child(tracker, store):
    child = mlflow_store.start("trials", "child")
    child.end("FINISHED")
    tracker.end("FINISHED")
    parents = {
        r.info.run_name: r.data.tags.get("mlflow.parentRunId") for r in store.runs
    }
    assert parents == {"child": tracker.run_id, "my-run": None}
    with pytest.raises(ValueError, match=r"is of the runs inside it: .* as child\."):
        runs.read_text(tracker.run_id, "config.yaml")


# ----------------------------------------------------------------- a store that is away


class FakeServer:
    """Takes MLflow's `log-batch`, or refuses it."""

    def __init__(self):
        self.up, self.received = True, []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if fake.up:
                    fake.received += json.loads(content)["metrics"]
                self.send_response(200 if fake.up else 503)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                """Keep the terminal clean."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def server(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    fake = FakeServer()
    mlflow.set_tracking_uri(fake.uri)
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def test_metrics_wait_for_a_store_that_is_away(server, capsys):
    info = SimpleNamespace(run_id="a1", run_name="my-run", experiment_id="7")
    tracker = mlflow_store.Tracker(mlflow, SimpleNamespace(info=info))
    assert tracker.url.startswith(f"{server.uri}/#/experiments/7/runs/a1?")
    tracker.metrics({"loss": 3.0}, step=1)
    server.up = False
    tracker.metrics({"loss": 2.0}, step=2)
    tracker.metrics({"loss": 1.0}, step=3)
    assert [m["step"] for m in server.received] == [1]
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 2
    assert all(w.startswith("warning: the store was not reached: ") for w in warnings)
    server.up = True
    tracker.metrics({"loss": 0.5}, step=4)
    assert [(m["step"], m["value"]) for m in server.received] == [
        *((1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5))
    ]
    times = [m["timestamp"] for m in server.received]
    assert times == sorted(times)


@pytest.mark.parametrize("command", [["predict", "last", "a"], ["train", "regression"]])
def test_a_server_that_is_away_is_named(command, server, call):
    server.server.server_close()  # nothing listens there any more
    status, _, errors = call(*command)
    away = f"the server {server.uri} (MLFLOW_TRACKING_URI) does not answer"
    assert status != 0 and errors.endswith(f"{away}\n") and errors.count("\n") == 1


def test_a_table_of_an_epoch_does_not_end_the_run_if_the_store_is_away(server, capsys):
    info = SimpleNamespace(run_id="a1", run_name="my-run", experiment_id="7")
    tracker = mlflow_store.Tracker(mlflow, SimpleNamespace(info=info))
    server.up = False
    tracker.table({"epoch": [1]}, "tables/samples.json", needed=False)
    assert capsys.readouterr().err.startswith("warning: the store was not reached: ")
    with pytest.raises(mlflow.MlflowException):
        tracker.table({"epoch": [1]}, "tables/samples.json")


def test_a_parameter_may_be_named_after_a_column(tracker, store):
    tracker.params({"data.kinds.price ($)": "number"})
    assert store.run.data.params == {"data.kinds.price ___": "number"}


def test_letters_that_the_font_lacks_are_no_warning_each(tracker):
    figure = Figure()
    figure.subplots().set_title("猫 看书")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        tracker.figure(figure, "plots/cat.png")


def test_a_plot_is_drawn_with_the_east_asian_fonts_that_there_are(
    tracker, tmp_path, monkeypatch
):
    (tmp_path / "zen.ttc").touch()
    fonts = {"WenQuanYi Zen Hei": "zen.ttc", "Yu Gothic": "gone.ttc", "Odd": "zen.ttc"}
    found = [
        SimpleNamespace(name=name, fname=tmp_path / file)
        for name, file in fonts.items()
    ]
    mlflow_store._fonts.cache_clear()
    with monkeypatch.context() as change:
        change.setattr("matplotlib.font_manager.fontManager.ttflist", found)
        assert mlflow_store._fonts() == ["DejaVu Sans", "WenQuanYi Zen Hei"]
    mlflow_store._fonts.cache_clear()
    figure = Figure()
    title = figure.subplots().set_title("猫 看书")
    tracker.figure(figure, "plots/cat.png")
    assert title.get_fontfamily() == mlflow_store._fonts()


def test_a_dollar_in_a_plot_is_no_mathematics(tracker, store):
    figure = Figure()
    axes = figure.subplots()
    axes.set_xticks(range(3), ["$", "$$", "$50k_$"])
    axes.set_title("$$ of $50k_$")
    tracker.figure(figure, "plots/prices.png")
    assert (store.artifacts() / "plots" / "prices.png").is_file()
    texts = [axes.title, *axes.get_xticklabels()]
    assert [text.get_text() for text in texts] == ["$$ of $50k_$", "$", "$$", "$50k_$"]
    assert not any(text.get_parse_math() for text in texts)


def test_files_go_beside_a_store_that_is_named_from_here(store, monkeypatch):
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow_store.start("an-experiment-of-its-own", "my-run").end("FINISHED")
    found = mlflow.get_experiment_by_name("an-experiment-of-its-own")
    assert found.artifact_location.startswith((store.folder / "mlruns").as_uri())


def test_metrics_that_still_wait_are_sent_at_the_end(server, monkeypatch):
    info = SimpleNamespace(run_id="a1", run_name="my-run", experiment_id="7")
    tracker = mlflow_store.Tracker(mlflow, SimpleNamespace(info=info))
    monkeypatch.setattr(mlflow, "end_run", lambda status: None)
    server.up = False
    tracker.metrics({"loss": 2.0}, step=2)
    server.up = True
    tracker.end("FINISHED")
    assert [m["step"] for m in server.received] == [2]


def test_first_runs_at_once_share_a_new_store(tmp_path):
    program = (
        "from kerazoo.harness.tracking import mlflow_store;"
        "mlflow_store.start('a', '').end('FAILED')"
    )
    command = [sys.executable, "-c", program]
    started = [subprocess.Popen(command, cwd=tmp_path) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]


# ------------------------------------------------------------------------------- pages


def test_pages_are_those_of_training_runs(tracker, store, monkeypatch):
    tracker.end("FINISHED")
    identity = store.run.info.experiment_id
    assert tracker.url == (
        f"http://127.0.0.1:5000/#/experiments/{identity}/runs/{tracker.run_id}"
        "?workflowType=machine_learning"
    )
    assert mlflow_store.ui_address("http://here:1") == (
        f"http://here:1/#/experiments/{identity}/runs"
        "?workflowType=machine_learning&compareRunsMode=CHART"
    )
    assert not mlflow_store.is_remote()
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "true")
    command = mlflow_store.server_command("here", 7)
    assert command[command.index("--backend-store-uri") + 1].endswith("/mlflow.db")
    assert command[-6:] == ["--host", "here", "--port", "7", "--workers", "1"]


def test_the_page_is_that_of_the_newest_run(store):
    """Not of the experiment that was made last."""
    for experiment in ("pictures", "tables", "pictures"):
        tracker = mlflow_store.start(experiment, "run")
        tracker.end("FINISHED")
    wanted = store.client.get_experiment_by_name("pictures").experiment_id
    address = mlflow_store.ui_address("http://here:1")
    assert address.startswith(f"http://here:1/#/experiments/{wanted}/runs?")


# ------------------------------------------------------------------------------ models


def test_a_run_without_a_model_says_so(tracker):
    def told():
        with pytest.raises(ValueError, match="has no model: it ") as error:
            runs.load_model(tracker.run_id)
        return str(error.value)

    assert not tracker.has_model
    assert told().startswith(f"The run {tracker.run_id[:8]} has no model: it has not e")
    tracker.end("FAILED")
    assert told().endswith("it ended before its first epoch did.")
    mlflow.MlflowClient().log_text(tracker.run_id, "a", "checkpoints/best.keras")
    assert "it was stored. --model.weights begins a new" in told()


@keras.saving.register_keras_serializable(package="test_tracking")
class Doubled(keras.layers.Layer):
    """A layer of the user's own."""

    def call(self, inputs):
        return 2 * inputs


@keras.saving.register_keras_serializable(package="test_tracking")
class Unused(keras.losses.Loss):
    """What a process that loads the model may not have."""


def test_a_model_keeps_its_signature_and_its_own_layers_only(tracker, store):
    inputs = keras.Input((4, 3), name="signal")
    model = keras.Model(inputs, Doubled()(keras.layers.Dense(2)(inputs)))
    registered = dict(keras.saving.get_custom_objects())
    example = np.ones((2, 4, 3), "float64")
    tracker.model(model, example)
    tracker.end("FINISHED")
    assert dict(keras.saving.get_custom_objects()) == registered

    (found,) = store.run.outputs.model_outputs
    info = mlflow.models.get_model_info(f"models:/{found.model_id}")
    (given,), (returned,) = info.signature.inputs.inputs, info.signature.outputs.inputs
    assert (given.shape, str(given.type)) == ((-1, 4, 3), "float32")
    assert (returned.shape, str(returned.type)) == ((-1, 4, 2), "float32")
    folder = next(store.folder.glob("mlruns/models/*/artifacts"))
    pickled = (folder / "data/global_custom_objects.cloudpickle").read_bytes()
    assert b"Doubled" in pickled and b"Unused" not in pickled
    needs = (folder / "requirements.txt").read_text().split()
    named = {line.split("==")[0] for line in needs}
    assert named == {"mlflow", "tensorflow", "keras", "numpy"}
    again = runs.load_model(tracker.run_id)
    np.testing.assert_allclose(
        again.predict(example, verbose=0), model.predict(example, verbose=0)
    )
