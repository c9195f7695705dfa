"""The regression template, copied out and run as a user would; MLflow is read back."""

import importlib
import io
import json
import sys

import numpy as np
import pandas as pd
import pytest
from house_table import houses
from workplace import ROOT, execute

from kerazoo.harness.data import collect
from kerazoo.harness.export.export import answers
from kerazoo.harness.own_code import imported_from

SMALL = ("--epochs", "3", "--model.arguments.width", "16", "--batch_size", "32")


@pytest.fixture(scope="module")
def diabetes(new_project):
    """A copy that was trained on the embedded data set."""
    project = new_project("regression")
    return project.train(*SMALL, "--export", "[saved_model,tflite]")


@pytest.fixture(scope="module")
def priced(new_project):
    """A copy with two models of a table of the user's own, and with intervals."""
    project = new_project("regression")
    houses().to_csv(project.folder / "houses.csv", index=False)
    return project.train(
        *("--data.path", "houses.csv", "--data.target", "price", *SMALL),
        *("--data.target_transform", "log", "--head", "quantiles"),
        *("--loss", "pinball", "--ensemble", "2"),
        *("--export", "[tflite,tflite-int8-dynamic,tflite-int8]"),
    )


def test_the_run_is_finished_with_scores_in_the_unit_of_the_target(diabetes):
    run = diabetes.run
    assert run.info.status == "FINISHED" and run.info.run_name == "mlp-diabetes"
    scores = run.data.metrics
    names = ("rmse", "mae", "r2", "mape", "bias", "median_error")
    rivals = ("mean", "ridge", "gradient_boosting")
    assert {f"test_{n}" for n in names} <= {*scores}
    assert {f"test_{rival}_{n}" for rival in rivals for n in names} <= {*scores}
    # Of a progression from 25 to 346, not of a scaled one.
    assert 30 < scores["test_ridge_rmse"] < scores["test_mean_rmse"] < 120
    assert 30 < scores["best_val_rmse"] < 250 and 30 < scores["test_rmse"] < 250
    assert scores["exports_verified"] == 3


def test_what_a_person_looks_at_is_there(diabetes):
    stored = diabetes.artifacts()
    plots = {file.stem for file in (stored / "plots").iterdir()}
    assert plots == {
        *("learning_curves", "predicted_and_actual", "residuals", "error_by_decile"),
        *("residuals_by_column", "importance", "partial_dependence"),
    }
    table = json.loads((stored / "tables" / "baselines.json").read_text())
    assert [row[0] for row in table["data"]] == [
        *("this model", "mean", "ridge", "gradient_boosting")
    ]
    note = diabetes.run.data.tags["mlflow.note.content"].splitlines()
    assert "test RMSE**" in note[0] and "the best baseline" in note[0]
    assert note[3].startswith("By its targets kerazoo would keep `--loss mse`: ")
    lines = diabetes.done.stdout.splitlines()
    assert lines[0].startswith("run    mlp-diabetes: http://")
    assert lines[1] == "diabetes: 442 rows, 10 features; target progression 25 to 346"
    assert any(line.startswith("data   diabetes: 309 train, 67 val") for line in lines)
    (beside,) = [line for line in lines if line.startswith("beside ")]
    for rival in ("mean", "ridge", "gradient_boosting"):
        rmse = diabetes.run.data.metrics[f"test_{rival}_rmse"]
        assert f"{rival}_rmse {rmse:.4f}" in beside


@pytest.mark.slow
def test_the_copys_own_test_passes(diabetes):
    command = (sys.executable, "-m", "pytest", "-q", "test_train.py")
    assert "2 passed" in execute(*command, cwd=diabetes.folder).stdout


def test_an_odd_table_ends_as_a_verified_file(priced):
    run, stored = priced.run, priced.artifacts()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["exports_verified"] == 5
    assert 0 <= run.data.metrics["test_coverage"] <= 1
    plots = {file.stem for file in (stored / "plots").iterdir()}
    assert {"intervals", "calibration"} <= plots
    note = run.data.tags["mlflow.note.content"]
    assert f"hold {run.data.metrics['test_coverage']:.1%} of targets" in note
    assert "constant" in (stored / "data_notes.txt").read_text()
    facts = json.loads((stored / "exports" / "model.json").read_text())
    assert set(facts["inputs"]) == {"size_m", "town", "garden", "built"}
    assert facts["outputs"] == {"prediction": {"shape": [1, 3]}}
    assert facts["interval"] == 0.9
    towns = next(c for c in facts["encoding"]["columns"] if c["name"] == "town")
    assert set(towns["vocabulary"]) == {"Köln", "Ulm", "Aue", ""}


def test_members_are_trained_apart_and_logged_side_by_side(priced):
    run, client = priced.run, priced.client
    for name in ("val_rmse", "loss", "learning_rate"):
        first, second = (
            client.get_metric_history(run.info.run_id, f"{prefix}{name}")
            for prefix in ("", "member2_")
        )
        assert [m.step for m in first] == [m.step for m in second] == [1, 2, 3]
    scores = run.data.metrics
    assert scores["best_val_rmse"] >= 1000  # with a comma, in the output and the note
    assert f"{scores['best_val_rmse']:,.1f}" in priced.done.stdout
    best = [scores["best_val_loss"], scores["member2_best_val_loss"]]
    assert best[0] != best[1], "the same seed"
    note = run.data.tags["mlflow.note.content"]
    assert "2 × `mlp`" in note
    assert "`val_loss` {:.4f}, {:.4f}".format(*best) in note
    (folder,) = (priced.folder / "runs").iterdir()
    for place in (folder, folder / "member2"):
        assert {"best.keras", "last.keras"} <= {file.name for file in place.iterdir()}
    curves = {"learning_curves.png", "learning_curves_2.png"}
    assert curves <= {file.name for file in (priced.artifacts() / "plots").iterdir()}
    shown = priced.done.stdout.splitlines()
    assert [x for x in shown if "/2, seed" in x] == [
        "member 1/2, seed 0",
        "member 2/2, seed 1000",
    ]


def test_the_lines_of_the_readme_run_the_file(diabetes):
    ((prediction,),) = json.loads(diabetes.run_code_on_exports())
    assert 25 < prediction < 346


def test_full_int8_is_written_for_the_network_alone(priced):
    exports = priced.artifacts() / "exports"
    assert not (exports / "model_int8.tflite").exists()
    assert (exports / "encoded" / "model_int8.tflite").exists()
    (told,) = [
        x
        for x in priced.done.stdout.splitlines()
        if x.startswith("no tflite-int8 of the whole model")
    ]
    assert "missing values" in told
    facts = json.loads((exports / "encoded" / "model.json").read_text())
    (int8,) = [file for file in facts["files"] if file["format"] == "tflite-int8"]
    kinds = {name: spec["dtype"] for name, spec in int8["inputs"].items()}
    assert kinds == {"numbers": "uint8", "categories": "int32"}


def test_the_answer_of_an_ensemble_is_the_mixture_of_its_members():
    with imported_from(ROOT / "templates" / "regression"):
        parts = importlib.import_module("model")
        config = importlib.import_module("config").Config(
            head="mean_variance", loss="gaussian_nll"
        )
        data = importlib.import_module("data").load_data(config)
        members = [parts.build_model(config, data) for _ in range(3)]
        assert parts.join_models(config, members[:1]) is members[0]
        product = parts.build_product(config, parts.join_models(config, members), data)
    encoded, _ = collect(data.validation)
    each = np.stack([model.predict(encoded, verbose=0) for model in members])
    mean = each[..., 0].mean(axis=0)
    variance = np.exp(each[..., 1]).mean(axis=0) + each[..., 0].var(axis=0)
    far = 1.6448536 * np.sqrt(variance)
    target = data.metadata["encoding"]["target"]
    expected = np.stack([mean, mean - far, mean + far], axis=1)
    columns, _ = collect(data.served.validation)
    found = answers(product, columns)
    expected = expected * target["scale"] + target["center"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-2)


# Only what a server needs: neither Keras nor kerazoo.
SERVE = """
import sys
sys.modules["keras"] = sys.modules["kerazoo"] = None
import mlflow, pandas as pd
mlflow.set_tracking_uri("sqlite:///mlflow.db")
model = mlflow.pyfunc.load_model(f"runs:/{sys.argv[1]}/model")
rows = {"size (m²)": [100.0, None], "town": ["Ulm", "Rom"], "garden": [True, "NO"]}
rows = pd.DataFrame({**rows, "built": ["2000-01-01", None], "owner": "me"})
table = pd.read_csv("houses.csv")
for frame in (rows, table, table.assign(built=pd.to_datetime(table["built"]))):
    model.predict(frame).to_csv(sys.stdout, index=False, lineterminator="\\n")
"""


@pytest.fixture(scope="module")
def served(priced):
    """What MLflow's own loader answers: two rows, and the very table, in two forms."""
    command = (sys.executable, "-c", SERVE, priced.run.info.run_id)
    frames = execute(*command, cwd=priced.folder).stdout.split("prediction,")[1:]
    return [pd.read_csv(io.StringIO(f"prediction,{frame}")) for frame in frames]


# Nothing but NumPy and the interpreter, beside the files that were exported.
DEVICE = """
import json
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from table_encoder import decode, encode

encoding = json.load(open("model.json"))["encoding"]
rows = {"size_m": [100.0, float("nan")], "town": ["Ulm", "Rom"]}
rows |= {"garden": ["yes", "no"], "built": [10957.0, float("nan")]}
predict = Interpreter(model_path="model.tflite").get_signature_runner()
for numbers, categories in zip(*encode(rows, encoding)):
    z = predict(numbers=numbers[None], categories=categories[None])["prediction"]
    print(*decode(z, encoding["target"])[0])
"""


def test_the_network_alone_answers_the_same_with_the_reference_encoder(priced, served):
    folder = priced.artifacts() / "exports" / "encoded"
    shown = execute(sys.executable, "-c", DEVICE, cwd=folder).stdout
    encoded = np.array([line.split() for line in shown.splitlines()], float)
    np.testing.assert_allclose(encoded, served[0].to_numpy(), rtol=1e-4)


def test_rows_are_predicted_with_unknown_and_missing_values(priced, inside, call):
    inside(priced)
    rows = houses().drop(columns="price").head(4)
    rows.loc[0, ["size (m²)", "town"]] = [np.nan, "Rom"]
    rows["owner"] = "me"
    rows.to_csv(priced.folder / "rows.csv", index=False)
    status, shown, errors = call("predict", "last", "rows.csv")
    assert (status, errors) == (0, "not used: constant, owner\n")
    found = pd.read_csv(io.StringIO(shown))
    assert len(found) == 4 and found["owner"].tolist() == ["me"] * 4
    predicted = found[["predicted_price", "lower_price", "upper_price"]]
    assert np.isfinite(predicted.to_numpy()).all() and (predicted > 0).all(axis=None)
    _, told, _ = call("predict", "last", "rows.csv", "--output", "out.csv")
    assert told == "4 rows in out.csv\n"
    assert (priced.folder / "out.csv").read_text() == shown
    status, _, errors = call("predict", "last", "rows.csv", "--json")
    said = "kerazoo: error: --json: the predictions of a table are CSV\n"
    assert (status, errors) == (2, said)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"town": "city"}, "lacks town"),
        ({"built": "town", "town": "built"}, "Column built"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_line(
    change, message, priced, inside, call
):
    inside(priced)
    rows = houses().head(3).rename(columns=change)
    rows.to_csv(priced.folder / "odd.csv", index=False)
    status, _, errors = call("predict", "last", "odd.csv")
    assert status == 2 and errors.count("\n") == 1
    assert errors.startswith("kerazoo: error: ") and message in errors


def test_mlflow_serves_the_very_table_without_keras(served, priced, inside, call):
    inside(priced)
    shown = pd.read_csv(io.StringIO(call("predict", "last", "houses.csv")[1]))
    expected = shown[["predicted_price", "lower_price", "upper_price"]]
    for frame in served:
        assert list(frame) == ["prediction", "lower", "upper"]
        assert np.isfinite(frame.to_numpy()).all()
    for frame in served[1:]:
        np.testing.assert_allclose(frame, expected, rtol=1e-5)


@pytest.mark.slow
def test_a_run_is_measured_and_exported_again(diabetes, inside, call):
    inside(diabetes)
    status, shown, errors = call("evaluate", "last")
    assert (status, errors) == (0, "")
    rmse = diabetes.run.data.metrics["test_rmse"]
    assert f"test_rmse                 {rmse:.4f}" in shown
    (diabetes.folder / "again").mkdir()
    (diabetes.folder / "again" / "left_by_another_run.txt").write_text("")
    export = ("export", "last", "--folder", "again", "--formats")
    status, shown, _ = call(*export, "tflite-fp16")
    head, alone = [x for x in shown.splitlines() if x.startswith("format ")]
    assert alone.split()[:3] == ["format", "size", "rmse"]
    assert status == 0 and head.split()[:3] == ["format", "size", "rmse"]
    assert "tflite-fp16" in shown
    status, shown, _ = call(*export, "tflite-int8")
    assert status == 0 and "no tflite-int8 of the whole model" in shown
    written = {file.name for file in (diabetes.folder / "again" / "encoded").iterdir()}
    assert written >= {"model_fp16.tflite", "model_int8.tflite", "table_encoder.py"}
    stored = diabetes.artifacts() / "exports"
    assert (stored / "encoded" / "model_int8.tflite").exists()
    assert not (stored / "left_by_another_run.txt").exists()
    facts = json.loads((stored / "encoded" / "model.json").read_text())
    assert facts["head"] == "mean" and "interval" not in facts
    told = [known["format"] for known in facts["files"]]
    assert told == ["tflite", "tflite-fp16", "tflite-int8"]  # the run's own is first
    table = (stored / "encoded" / "verification.md").read_text().splitlines()
    assert [row.split(" | ")[0] for row in table[2:5]] == [f"| {name}" for name in told]
    units = {"": "in the unit of progression", "encoded": "of the scaled target"}
    for place, unit in units.items():
        text = (stored / place / "verification.md").read_text()
        assert f"The rmse and differences are {unit}" in text
    # Without flags: in the run's own formats.
    status, shown, _ = call(*export[:4])
    rows = [x.split() for x in shown.splitlines() if x.rstrip().endswith("yes")]
    assert [row[0] for row in rows] == ["saved_model", "tflite", "tflite"]


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        ("--data.path houses.csv", 2, "--data.target"),
        ("--data.path houses.csv --data.target prize", 1, "Did you mean 'price'"),
        ("--data.path gone.csv --data.target price", 1, "gone.csv"),
        ("--head quantiles", 2, "with --head quantiles take one of pinball, quantile"),
        ("--loss gaussian_nll", 2, "gaussian_nll is for --head mean_variance; with"),
        ("--loss poisson", 2, "poisson fits no scaled target; with --head mean take"),
        ("--ensemble 0", 2, "ensemble must be at least 1"),
        ("--class_weight balanced", 2, "there is no flag --class_weight"),
        ("--batch_size -3", 2, "batch_size must be at least 1; got -3"),
        ("--data.test_share 0.9", 2, "data.validation_share + test_share must be"),
        ("--data.kinds.age colour", 2, "'colour' is not known"),
        ("--data.split time", 2, "needs data.split_column"),
        ("--model.name tabn", 2, "Did you mean 'tabm'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    flags, status, message, priced, inside, call
):
    inside(priced)
    command = ("train", ".", *flags.split(), "--experiment", "mistakes")
    found, _, errors = call(*command)
    last = errors.strip().splitlines()[-1]
    assert found == status and "error: " in last and message in last, errors
    assert "Traceback" not in errors
