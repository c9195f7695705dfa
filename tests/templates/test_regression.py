"""The regression template, copied out and run as a user would; MLflow is read back."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest
from workplace import execute, kerazoo

SMALL = ("--epochs", "3", "--model.arguments.width", "16", "--batch_size", "32")
RNG = np.random.default_rng(0)
ROWS = 240


def houses() -> pd.DataFrame:
    """A table with everything that columns may be, and a target that follows them."""
    size = RNG.uniform(30, 200, ROWS)
    town = RNG.choice(["Köln", "Ulm", "Aue"], ROWS)
    days = RNG.integers(0, 9000, ROWS)
    price = 1000 * size + 50_000 * (town == "Köln") + RNG.normal(0, 5000, ROWS)
    frame = pd.DataFrame(
        {
            "size (m²)": np.where(RNG.random(ROWS) < 0.1, np.nan, size.round(1)),
            "town": np.where(RNG.random(ROWS) < 0.1, None, town),
            "garden": RNG.choice(["yes", "no"], ROWS),
            "built": np.datetime64("1990-01-01") + days.astype("timedelta64[D]"),
            "constant": 1,
            "price": price.round(),
        }
    )
    return frame


@pytest.fixture(scope="module")
def diabetes(new_project):
    """A copy that was trained on the embedded data set."""
    project = new_project("regression")
    return project.train(*SMALL, "--export", "[saved_model,tflite]")


@pytest.fixture(scope="module")
def priced(new_project):
    """A copy that was trained on a table of the user's own, with intervals."""
    project = new_project("regression")
    houses().to_csv(project.folder / "houses.csv", index=False)
    return project.train(
        *("--data.path", "houses.csv", "--data.target", "price", *SMALL),
        *("--data.target_transform", "log", "--head", "quantiles"),
        *("--loss", "pinball", "--export", "[tflite,tflite-int8-dynamic]"),
    )


def test_the_run_is_finished_with_scores_in_the_unit_of_the_target(diabetes):
    run = diabetes.run
    assert run.info.status == "FINISHED" and run.info.run_name == "mlp-diabetes"
    scores = run.data.metrics
    names = ("rmse", "mae", "r2", "mape", "bias", "median_error")
    rivals = ("mean", "ridge", "gradient_boosting")
    assert {f"test_{n}" for n in names} | {f"test_{n}_rmse" for n in rivals} <= {
        *scores
    }
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
    lines = diabetes.done.stdout.splitlines()
    assert lines[0] == "diabetes: 442 rows, 10 features; target progression 25 to 346"
    assert any(line.startswith("data   diabetes: 309 train, 67 val") for line in lines)


def test_the_copys_own_test_passes(diabetes):
    command = (sys.executable, "-m", "pytest", "-q", "test_train.py")
    assert "2 passed" in execute(*command, cwd=diabetes.folder).stdout


def test_an_odd_table_ends_as_a_verified_file(priced):
    run, stored = priced.run, priced.artifacts()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["exports_verified"] == 4
    assert 0 <= run.data.metrics["test_coverage"] <= 1
    assert (stored / "plots" / "intervals.png").exists()
    assert "constant" in (stored / "data_notes.txt").read_text()
    facts = json.loads((stored / "exports" / "model.json").read_text())
    assert set(facts["inputs"]) == {"size_m", "town", "garden", "built"}
    assert facts["outputs"] == {"prediction": {"shape": [1, 3]}}
    towns = next(c for c in facts["encoding"]["columns"] if c["name"] == "town")
    assert set(towns["vocabulary"]) == {"Köln", "Ulm", "Aue", ""}


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
    low, middle, high = decode(z, encoding["target"])[0]
    print(middle, low, high)
"""


def test_the_network_alone_answers_the_same_with_the_reference_encoder(priced):
    run = priced.run
    folder = priced.artifacts() / "exports" / "encoded"
    shown = execute(sys.executable, "-c", DEVICE, cwd=folder).stdout
    encoded = np.array([line.split() for line in shown.splitlines()], float)
    command = (sys.executable, "-c", SERVE, run.info.run_id)
    served = pd.read_csv(io.StringIO(execute(*command, cwd=priced.folder).stdout))
    np.testing.assert_allclose(encoded, served.to_numpy(), rtol=1e-4)


def test_rows_are_predicted_with_unknown_and_missing_values(priced):
    rows = houses().drop(columns="price").head(4)
    rows.loc[0, ["size (m²)", "town"]] = [np.nan, "Rom"]
    rows["owner"] = "me"
    rows.to_csv(priced.folder / "rows.csv", index=False)
    done = kerazoo("predict", "last", "rows.csv", cwd=priced.folder)
    assert done.stderr == "not used: constant, owner\n"
    found = pd.read_csv(io.StringIO(done.stdout))
    assert len(found) == 4 and found["owner"].tolist() == ["me"] * 4
    predicted = found[["predicted_price", "lower_price", "upper_price"]]
    assert np.isfinite(predicted.to_numpy()).all() and (predicted > 0).all(axis=None)
    output = ("--output", "out.csv")
    told = kerazoo("predict", "last", "rows.csv", *output, cwd=priced.folder).stdout
    assert told == "4 rows in out.csv\n"
    assert (priced.folder / "out.csv").read_text() == done.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"town": "city"}, "lacks town"),
        ({"built": "town", "town": "built"}, "Column built"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_line(change, message, priced):
    rows = houses().head(3).rename(columns=change)
    rows.to_csv(priced.folder / "odd.csv", index=False)
    done = kerazoo("predict", "last", "odd.csv", cwd=priced.folder, status=2)
    assert done.stderr.startswith("kerazoo: error: ") and message in done.stderr
    assert done.stderr.count("\n") == 1


# Only what a server needs: neither Keras nor kerazoo.
SERVE = """
import sys
sys.modules["keras"] = sys.modules["kerazoo"] = None
import mlflow, pandas as pd
mlflow.set_tracking_uri("sqlite:///mlflow.db")
model = mlflow.pyfunc.load_model(f"runs:/{sys.argv[1]}/model")
rows = {"size_m": [100.0, float("nan")], "town": ["Ulm", "Rom"]}
rows |= {"garden": ["yes", "no"], "built": [10957.0, float("nan")]}
print(model.predict(pd.DataFrame(rows)).to_csv(index=False))
"""


def test_mlflow_serves_the_model_without_keras(priced):
    run_id = priced.run.info.run_id
    command = (sys.executable, "-c", SERVE, run_id)
    shown = execute(*command, cwd=priced.folder).stdout
    found = pd.read_csv(io.StringIO(shown))
    assert list(found) == ["prediction", "lower", "upper"] and len(found) == 2
    assert np.isfinite(found.to_numpy()).all()


def test_a_run_is_measured_and_exported_again(diabetes):
    shown = kerazoo("evaluate", "last", cwd=diabetes.folder).stdout
    rmse = diabetes.run.data.metrics["test_rmse"]
    assert f"test_rmse                 {rmse:.4f}" in shown
    formats = ("--formats", "tflite-fp16", "--folder", "again")
    shown = kerazoo("export", "last", *formats, cwd=diabetes.folder).stdout
    assert "tflite-fp16" in shown and "rmse" in shown


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        ("--data.path houses.csv", 2, "--data.target"),
        ("--data.path houses.csv --data.target prize", 1, "Did you mean 'price'"),
        ("--data.path gone.csv --data.target price", 1, "gone.csv"),
        ("--head quantiles", 2, "take pinball"),
        ("--data.kinds.age colour", 2, "'colour' is not known"),
        ("--data.split time", 1, "--data.split_column"),
        ("--model.name tabn", 2, "Did you mean 'tabm'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(flags, status, message, priced):
    command = ("train", ".", *flags.split(), "--experiment", "mistakes")
    done = kerazoo(*command, cwd=priced.folder, status=status)
    last = done.stderr.strip().splitlines()[-1]
    assert "error: " in last and message in last, done.stderr
    assert "Traceback" not in done.stderr
