"""The clients for tables on devices, held against the reference."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from device_clients import (
    STAND_IN,
    answer_of,
    browse,
    compile_kotlin,
    described,
    make_site,
    run_client,
    run_node,
)
from table_rows import KINDS, RULES, WRONG, encoding_of, rows_of, targets
from workplace import ROOT

from kerazoo import zoo
from kerazoo.harness.export.check import TFLiteRunner, as_type
from kerazoo.harness.tables import tabular
from kerazoo.harness.tables.table_encoder import decode, encode

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

CLIENTS = ROOT / "templates" / "regression" / "device"
CHECKS = Path(__file__).with_name("table_device")
JAVASCRIPT = CLIENTS / "table_model.js", CHECKS / "check.mjs"


@pytest.fixture(scope="module")
def made_up():
    """Cases of the pure parts, and what the reference says to them."""
    kinds = dict.fromkeys(KINDS.values())
    names = [list(KINDS), *([n for n in KINDS if KINDS[n] == kind] for kind in kinds)]
    encodings = [encoding_of(some, **rules) for some in names for rules in RULES]
    old = encoding_of(["seen", "rooms"])
    del old["columns"][0]["periods"]  # as before a day could be one
    cases, expected = [], []
    for encoding in [*encodings, old]:
        rows, columns = rows_of(encoding)
        cases.append({"facts": {"encoding": encoding}, "rows": rows})
        numbers, categories = encode(columns, encoding)
        expected.append({"numbers": numbers, "categories": categories})
    outputs = np.random.default_rng(4).normal(0, 2, (20, 3)).astype("float32")
    for target in targets():
        for z in (outputs, outputs[:, :1]):
            facts = {"encoding": {"columns": [], "target": target}}
            cases.append({"facts": facts, "z": z.tolist()})
            expected.append(decode(z, target))
    return cases, expected


def check(results, expected):
    """Compare what a client says with what the reference says."""
    for found, right in zip(results, expected, strict=True):
        if not isinstance(right, dict):
            np.testing.assert_allclose(found, right, rtol=1e-12)
            continue
        categories = np.array([row["categories"] for row in found], "int32")
        np.testing.assert_array_equal(categories, right["categories"])
        numbers = np.array([row["numbers"] for row in found], "float32")
        # Libraries differ in the last digit of a sine alone.
        np.testing.assert_allclose(numbers, right["numbers"], rtol=0, atol=1.2e-7)


def check_wrong(results):
    for found, (_, name) in zip(results, WRONG, strict=True):
        assert name in found["error"]


@pytest.fixture(scope="module")
def wrong():
    rows = [row for row, _ in WRONG]
    return [{"facts": {"encoding": encoding_of(list(KINDS))}, "rows": rows}]


def test_the_made_up_encodings_ask_for_all_there_is(made_up):
    cases, expected = made_up
    columns = [c for case in cases for c in case["facts"]["encoding"]["columns"]]
    assert any("quantiles" in c for c in columns)
    assert {c["flag"] for c in columns if "flag" in c} == {True, False}
    assert {len(c["periods"]) for c in columns if "periods" in c} == {2, 3}
    codes = expected[0]["categories"]
    assert (codes.min(axis=0) == 0).all() and (codes.max(axis=0) >= 2).all()
    kinds = [{c["kind"] for c in one["facts"]["encoding"]["columns"]} for one in cases]
    assert {"category"} in kinds and {"date"} in kinds and {"number"} in kinds


def test_javascript_says_what_the_reference_says(made_up, tmp_path):
    cases, expected = made_up
    check(run_node(*JAVASCRIPT, cases, tmp_path), expected)


def test_javascript_refuses_a_row_that_cannot_be_meant(wrong, tmp_path):
    check_wrong(*run_node(*JAVASCRIPT, wrong, tmp_path))


@pytest.mark.parametrize("quantised", [True, False])
def test_javascript_hands_over_tensors_by_name(quantised, tmp_path):
    """Categories come first here; whole numbers have scales."""
    encoding = encoding_of(["size (m²)", "colour", "rooms"])
    rows, columns = rows_of(encoding, 20)
    numbers, categories = encode(columns, encoding)
    scale, zero_point, given, dtype = 0.03, 12, numbers, "float32"
    if quantised:
        given, dtype = as_type(numbers, "uint8", scale, zero_point), "uint8"
        assert {0, 255} <= set(given.ravel().tolist())
    tensors = {"prediction": {"scale": 0.5, "zero_point": 142}}
    inputs = {"numbers": {"scale": scale, "zero_point": zero_point}}
    file = {
        "inputs": [
            {"name": "categories", "dtype": "int32", "shape": [1, 1]},
            {"name": "numbers", "dtype": dtype, "shape": [1, numbers.shape[1]]},
        ],
        "outputs": [{"name": "prediction", "dtype": dtype}],
        "answer": [140, 130, 255] if quantised else [-1, -6, 56.5],
    }
    files = [{"format": "tflite-int8", "inputs": inputs, "outputs": tensors}]
    facts = {"encoding": encoding, "files": files}
    case = {"file": file, "facts": facts, "rows": rows}
    (results,) = run_node(*JAVASCRIPT, [case], tmp_path)
    right = decode(np.array([-1, -6, 56.5]), encoding["target"])
    for found, codes, row in zip(results, categories, given, strict=True):
        (first, *said_codes), (second, *said_numbers) = found["given"]
        assert (first, second) == ("Int32Array", f"{dtype.title()}Array")
        assert said_codes == codes.tolist() and said_numbers == row.tolist()
        np.testing.assert_allclose(found["prediction"], right)


# -------------------------------------------------------------------------- real files


@pytest.fixture(scope="module", params=["mean_variance", "mean"])
def files(request, tmp_path_factory):
    """The network alone of an untrained model, as files; what it is told, and rows."""
    from kerazoo.harness.export.exam import RMSE
    from kerazoo.harness.export.export import export

    keras.utils.set_random_seed(0)
    head, target = request.param, {"transform": "yeo_johnson", "power": 0.7}
    names = list(KINDS) if head == "mean_variance" else ["rooms", "built"]
    target |= {"center": 3.0, "scale": 2.0}
    encoding = encoding_of(names, target, winsorise=0.01)
    model = zoo.create_model(
        "mlp",
        num_features=tabular.num_features(encoding),
        cardinalities=tabular.cardinalities(encoding),
        head=head,
    )
    network = tabular.find_network(tabular.attach_columns(model, encoding, head))
    rows, columns = rows_of(encoding, 60)
    encoded = zip(("numbers", "categories"), encode(columns, encoding), strict=True)
    inputs = {name: array for name, array in encoded if array.shape[1]}
    folder = tmp_path_factory.mktemp("files")
    verdicts = export(
        network,
        folder,
        ["tflite", "tflite-fp16", "tflite-int8-dynamic", "tflite-int8"],
        calibration=inputs,
        inputs=inputs,
        targets=np.random.default_rng(5).normal(size=60).astype("float32"),
        metric=RMSE,
        tolerance=1.0,
        metadata={"encoding": encoding},
    )
    assert [v.failure for v in verdicts] == [""] * 4
    facts = json.loads((folder / "model.json").read_text("utf-8"))
    return folder, facts, rows, inputs


def right_answers(folder, facts, inputs):
    """Yield every file's name, and the scaled answers of LiteRT's Python."""
    for one in facts["files"]:
        run = TFLiteRunner(folder / one["file"], 1)
        count = len(next(iter(inputs.values())))
        rows = [{k: v[i : i + 1] for k, v in inputs.items()} for i in range(count)]
        yield one["file"], np.concatenate([run(row) for row in rows])


def check_predictions(results, files, tolerance):
    """Compare predictions with LiteRT's, `tolerance` in units of the scaled target."""
    folder, facts, _, inputs = files
    target = facts["encoding"]["target"]
    assert isinstance(results, list), results
    right = right_answers(folder, facts, inputs)
    for found, (name, z) in zip(results, right, strict=True):
        found = np.array(found, "float64")[:, : z.shape[1]]  # null where no bounds are
        low, high = (decode(z + shift, target) for shift in (-tolerance, tolerance))
        assert (np.ptp(z, axis=0) > 20 * tolerance).all(), "all are alike"
        assert ((low <= found) & (found <= high)).all(), name


@pytest.fixture(scope="module")
def site(litert_js, tmp_path_factory):
    """A folder that a browser is shown, with LiteRT in it."""
    folder = tmp_path_factory.mktemp("site")
    return make_site(folder, litert_js, CLIENTS / "table_model.js", CHECKS / "page.js")


@pytest.mark.slow
def test_a_browser_predicts_as_litert_does(site, files, tmp_path):
    folder, facts, rows, _ = files
    names = [one["file"] for one in facts["files"]]
    for name in names:
        shutil.copy(folder / name, site)
    cases = [{"file": name, "facts": facts, "rows": rows} for name in names]
    (site / "cases.json").write_text(json.dumps(cases))
    check_predictions(browse(site, tmp_path), files, 0.02)


@pytest.fixture(scope="module")
def kotlin(kotlin_compiler, tmp_path_factory):
    """Return the command that runs the Kotlin client, compiled with a stand-in."""
    folder = tmp_path_factory.mktemp("kotlin")
    sources = (CLIENTS / "TableModel.kt", CHECKS / "Check.kt", STAND_IN)
    return compile_kotlin(kotlin_compiler, folder, *sources)


@pytest.mark.slow
def test_kotlin_says_what_the_reference_says(kotlin, made_up, wrong, tmp_path):
    cases, expected = made_up
    *results, refused = run_client(kotlin, [*cases, *wrong], tmp_path)
    check(results, expected)
    check_wrong(refused)


@pytest.mark.slow
def test_kotlin_hands_a_file_what_it_asks_for(kotlin, files, tmp_path):
    check_with_a_stand_in(kotlin, files, tmp_path)


def check_with_a_stand_in(command, files, folder):
    """Let a client predict whose class for LiteRT hands each run to Python's."""
    from ai_edge_litert.interpreter import Interpreter

    exports, facts, rows, _ = files
    results = []
    for one in facts["files"]:
        model = Interpreter(model_path=str(exports / one["file"]))
        name = "serving_default"
        runners = {name: model.get_signature_runner(name)}
        (folder / "file.json").write_text(json.dumps(described(runners)))
        case = {"file": "file.json", "facts": facts, "rows": rows}
        results += run_client(command, [case], folder, answer_of(runners))
    # After the last digit of a sine, rounding goes its own way.
    check_predictions(results, files, 1e-3)
