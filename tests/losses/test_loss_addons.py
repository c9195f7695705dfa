"""tensorflow-addons' own losses, alive on Keras 3, and the page that replaces it."""

import ast
import importlib.util
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerazoo import losses

PAGE = Path(losses.__file__).with_name("ADDONS.md")
FOUND = importlib.util.find_spec("tensorflow_addons")
installed = pytest.mark.skipif(
    FOUND is None or keras.backend.backend() != "tensorflow",
    reason="tensorflow-addons needs Python 3.11 and TensorFlow",
)

N, C = 8, 4
RNG = np.random.default_rng(0)
INDEX = np.array([0, 1, 2, 3, 0, 1, 2, 3], "float32")
HOT = np.eye(C, dtype="float32")[INDEX.astype(int)]
LABELS = np.maximum(HOT, np.eye(C, dtype="float32")[[0] * N])
SCORES = RNG.normal(size=(N, C)).astype("float32")
P = keras.ops.convert_to_numpy(keras.ops.softmax(SCORES))
LOW = RNG.uniform(0, 0.5, (2, N, 2))
BOXES, BOXES_PRED = np.concatenate([LOW, LOW + 0.4], axis=-1).astype("float32")
SIMILAR = SCORES @ SCORES[::-1].T

# Each of the eleven: its arguments, labels, predictions.
ORIGINALS = {
    "ContrastiveLoss": ({"margin": 0.7}, INDEX % 2, P[:, 0]),
    "SigmoidFocalCrossEntropy": ({"from_logits": True}, HOT, SCORES),
    "GIoULoss": ({}, BOXES, BOXES_PRED),
    "LiftedStructLoss": ({"margin": 2.0}, INDEX, SCORES),
    "SparsemaxLoss": ({}, HOT, SCORES),
    "TripletSemiHardLoss": ({"margin": 0.5}, INDEX, SCORES),
    "TripletHardLoss": ({"soft": True}, INDEX, SCORES),
    "PinballLoss": ({"tau": 0.3}, SCORES, P),
    "NpairsLoss": ({}, INDEX, SIMILAR),
    "NpairsMultilabelLoss": ({}, LABELS, SIMILAR),
    "WeightedKappaLoss": ({"num_classes": C}, HOT, P),
}
for_each = pytest.mark.parametrize("name", ORIGINALS)


def exported(package: str) -> set[str]:
    """The public names of a package of tensorflow-addons, read off its file."""
    folder = Path(FOUND.submodule_search_locations[0])
    tree = ast.parse((folder / package / "__init__.py").read_text("utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names}


@installed
def test_all_of_its_losses_are_here():
    classes = {name for name in exported("losses") if name[0].isupper()}
    assert classes == set(ORIGINALS)


@installed
@for_each
def test_the_same_number_as_ours(name):
    arguments, y_true, y_pred = ORIGINALS[name]
    theirs = losses.addons.load(name, **arguments)(y_true, y_pred)
    # One look-up knows both names: addons' class and argument names are taken too.
    ours = losses.get(name, **arguments)(y_true, y_pred)
    np.testing.assert_allclose(float(ours), float(theirs), rtol=1e-5)


@installed
@for_each
def test_sample_weights_and_reductions(name):
    arguments, y_true, y_pred = ORIGINALS[name]
    weight = np.linspace(0.5, 1.5, N)
    values, mean, total = (
        np.array(losses.addons.load(name, reduction=r, **arguments)(y_true, y_pred))
        for r in ("none", "sum_over_batch_size", "sum")
    )
    assert values.shape in ((N,), ())
    np.testing.assert_allclose(mean, values.mean(), rtol=1e-6)
    np.testing.assert_allclose(total, values.sum(), rtol=1e-6)
    loss = losses.addons.load(name, **arguments)
    weighted = loss(y_true, y_pred, sample_weight=weight)
    np.testing.assert_allclose(weighted, (values * weight).mean(), rtol=1e-5)


@installed
@for_each
def test_a_model_trains_one_step_and_is_saved(name, tmp_path):
    arguments, y_true, y_pred = ORIGINALS[name]
    inputs = keras.Input(y_pred.shape[1:] or (1,))
    shift = keras.layers.Dense(inputs.shape[-1], kernel_initializer="identity")
    outputs = shift(inputs)
    if name == "WeightedKappaLoss":
        outputs = keras.layers.Softmax()(outputs)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss=losses.addons.load(name, **arguments))
    x = y_pred.reshape(N, -1)
    before = shift.get_weights()[0]
    model.fit(x, y_true, batch_size=N, verbose=0, sample_weight=np.ones(N))
    assert np.abs(shift.get_weights()[0] - before).max() > 0
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    value = model.evaluate(x, y_true, verbose=0)
    np.testing.assert_allclose(again.evaluate(x, y_true, verbose=0), value, rtol=1e-6)


@installed
def test_a_vector_and_a_column_are_the_same():
    loss = losses.addons.load("ContrastiveLoss")
    y_true, y_pred = INDEX % 2, P[:, 0]
    expected = float(loss(y_true, y_pred))
    assert float(loss(y_true, y_pred[:, None])) == pytest.approx(expected)
    assert float(loss(y_true[:, None], y_pred)) == pytest.approx(expected)


@installed
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("TripletSemiHadLoss", {}, "Did you mean 'TripletSemiHardLoss'"),
        ("TripletHardLoss", {"margn": 1.0}, "Did you mean 'margin'"),
        ("GIoULoss", {"mode": "giou", "fn": 1}, "no argument 'fn'"),
    ],
)
def test_mistakes(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.addons.load(name, **arguments)


CLEAN = """
import sys
from kerazoo import losses

def failure():
    try:
        import tensorflow_addons
    except Exception as error:
        return type(error), str(error)

before = {}
if sys.argv[1] == "after a failure":
    expected = failure()
    before = {k: v for k, v in sys.modules.items() if k.startswith("tensorflow_addons")}
losses.addons.load("TripletHardLoss")
touched = {
    k: v
    for k, v in sys.modules.items()
    if k.startswith(("tensorflow_addons", "keras.src.engine"))
}
assert touched == before, touched
assert failure() == (ModuleNotFoundError, "No module named 'keras.src.engine'")
"""

ELSEWHERE = """
from kerazoo import losses
try:
    losses.addons.load("TripletHardLoss")
except ValueError as error:
    assert str(error).startswith("tensorflow-addons needs the TensorFlow backend")
    assert chr(10) not in str(error)
else:
    raise SystemExit("another backend must be refused")
"""


def run(code, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@installed
@pytest.mark.parametrize("when", ["at first", "after a failure"])
def test_nothing_stays_in_sys_modules(when):
    run(CLEAN, when)


def test_another_backend_is_refused():
    pytest.importorskip("jax")
    run(ELSEWHERE, KERAS_BACKEND="jax")


def test_another_python_is_refused(monkeypatch):
    losses.addons.module.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"no wheels beyond Python 3.11"):
        losses.addons.load("TripletHardLoss")


# ------------------------------------------------------------------------- the look-up


def test_every_class_name_is_another_name_of_its_loss():
    names = losses.list_losses()
    assert "addons" not in names and len(names) == len(set(names)) > 60
    for name in names:
        found = losses.get_class(name)
        assert losses.get_class(found.__name__) is found
        assert found.__module__ == f"kerazoo.losses.{name}"


def test_a_class_name_makes_the_same_loss():
    loss = losses.get("TripletSemiHardLoss", margin=0.5)
    assert loss.get_config() == losses.get("triplet_semi_hard", margin=0.5).get_config()
    with pytest.raises(ValueError, match="Did you mean 'triplet_semi_hard'"):
        losses.get("TripletSemiHadLoss")


def test_tau_is_another_name_of_quantile():
    loss = losses.get("pinball", tau=0.3)
    assert loss.get_config() == losses.get("pinball", quantile=0.3).get_config()
    again = type(loss).from_config(json.loads(json.dumps(loss.get_config())))
    assert again.quantile == 0.3
    assert losses.get("pinball").quantile == 0.5
    with pytest.raises(ValueError, match="the other left out"):
        losses.get("pinball", quantile=0.3, tau=0.3)


# ---------------------------------------------------------------------------- the page

PACKAGES = [
    *("losses", "metrics", "optimizers", "layers", "activations", "callbacks"),
    *("rnn", "seq2seq", "image", "text"),
]
TEXT = PAGE.read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| `")
]
NAMES = sorted(set(re.findall(r"`((?:keras|losses|kerazoo)\.[\w.]+)", TEXT)))
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_page_exists(name):
    if name.startswith("kerazoo."):
        assert pkgutil.resolve_name(name)
        return
    found = {"keras": keras, "losses": losses}
    root, *parts = name.split(".")
    found = found[root]
    for part in parts:
        found = getattr(found, part)


def test_losses_of_the_page_are_in_the_look_up():
    named = re.findall(r'losses\.(?:get|addons\.load)\("(\w+)"', TEXT)
    assert len(named) >= 11
    for name in named:
        losses.get_class(name)


@installed
@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_has_every_public_name_of_a_package(package):
    listed = {n for row in ROWS for n in re.findall(r"`tfa\.([\w.]+)`", row[0])}
    ours = {name.split(".")[1] for name in listed if name.startswith(f"{package}.")}
    internal = {"KerasLegacyOptimizer", "MeanMetricWrapper", "crf"}
    assert exported(package) - internal == ours


def test_no_row_of_the_page_is_empty():
    assert len(ROWS) > 60
    assert [row for row in ROWS if len(row) != 2 or not row[1]] == []


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_code_of_the_page_runs(block):
    if "addons.load" in block and FOUND is None:
        pytest.skip("tensorflow-addons needs Python 3.11")
    exec(block, {})
