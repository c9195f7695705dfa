"""Exported files: verified when right, and reported by name when wrong."""

import hashlib
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from flex_models import erf_model
from keras import layers, ops

from kerazoo.harness.config import EXPORT_FORMATS
from kerazoo.harness.export import check, convert, export
from kerazoo.harness.export.exam import MADE_BY, RMSE, Verdict
from kerazoo.harness.export.export import FILE_NAMES
from kerazoo.harness.export.verdicts import by_column, failures, markdown

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (80, 8, 8, 1)).astype("uint8")
CLASSES = (PIXELS[:, :4].mean((1, 2, 3)) > PIXELS[:, 4:].mean((1, 2, 3))).astype(int)


def make_model(precision="float32") -> keras.Model:
    """Make a small classifier with everything that only training needs inside."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    try:
        inputs = keras.Input((8, 8, 1), name="pixels", dtype="float32")
        x = layers.Rescaling(1 / 255, name="scale")(inputs)
        x = layers.RandomTranslation(0.5, 0.5, name="augment")(x)
        x = layers.GaussianNoise(1.0, name="noise")(x)
        x = layers.Conv2D(8, 3, name="convolution")(x)
        x = layers.BatchNormalization(name="norm")(x)
        x = layers.ReLU(name="activation")(x)
        # A model in a model, as a backbone is.
        head = keras.Sequential(
            [layers.Flatten(), layers.Dropout(0.5), layers.Dense(2)], name="head"
        )
        outputs = layers.Softmax(dtype="float32", name="probabilities")(head(x))
        model = keras.Model(inputs, outputs, name="tiny")
    finally:
        keras.config.set_dtype_policy("float32")
    model.get_layer("norm").set_weights(
        np.random.default_rng(2).uniform(0.5, 1.5, (4, 8))
    )
    return model


def run(model, folder, formats=("tflite",), **options) -> list[Verdict]:
    defaults = {
        "calibration": PIXELS[:40],
        "inputs": PIXELS[40:],
        "threads": (1,),
        **options,
    }
    if "targets" not in options:
        # What the model answers, so that its accuracy is 1 and any fall is seen.
        answers = model.predict(defaults["inputs"], verbose=0)
        defaults["targets"] = answers.argmax(-1)
    return export.export(model, folder, formats, **defaults)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Every format of a model that was trained in mixed precision."""
    folder = tmp_path_factory.mktemp("export")
    model = make_model("mixed_float16")
    verdicts = run(model, folder, EXPORT_FORMATS, threads=(1, 2), metadata={"a": [1]})
    return folder, model, {verdict.format: verdict for verdict in verdicts}


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_every_format_gives_the_answers_of_keras(name, exported):
    folder, _, verdicts = exported
    verdict = verdicts[name]
    assert verdict.passed, verdict.failure
    assert verdict.keras_metric == 1 and verdict.metric >= 0.98
    assert verdict.agreement == verdict.metric
    assert verdict.max_difference < {"saved_model": 1e-5, "tflite": 1e-5}.get(name, 0.1)
    assert verdict.file == FILE_NAMES[name] and (folder / verdict.file).exists()
    assert set(verdict.latency) == {1, 2}
    for times in verdict.latency.values():
        assert 0 < times["p50"] <= times["p95"]
    assert not verdict.needs_flex
    if name != "saved_model":
        assert verdict.size == (folder / verdict.file).stat().st_size
        assert verdict.operators["CONV_2D"] == 1
        assert "CAST" not in verdict.operators, "float16 has been left inside"
        content = (folder / verdict.file).read_bytes()
        assert verdict.sha256 == hashlib.sha256(content).hexdigest()
        major, minor, _ = map(int, verdict.min_tensorflow_lite.split("."))
        assert (1, 5) <= (major, minor) < (2, 20)
    assert verdict.first_answer > 0 and verdict.num_samples == 40


def test_full_int8_takes_and_gives_bytes(exported):
    verdict = exported[2]["tflite-int8"]
    pixels, probabilities = verdict.inputs["pixels"], verdict.outputs["probabilities"]
    assert pixels["dtype"] == probabilities["dtype"] == "uint8"
    assert pixels["shape"] == [1, 8, 8, 1]
    # Raw pixels go in as they are.
    assert pixels["scale"] == pytest.approx(1, abs=0.01)
    assert pixels["zero_point"] == 0
    assert probabilities["scale"] == pytest.approx(1 / 256)
    assert exported[2]["tflite"].inputs["pixels"]["dtype"] == "float32"


def test_quantised_files_are_smaller(exported):
    size = {name: verdict.size for name, verdict in exported[2].items()}
    assert size["tflite-fp16"] < size["tflite"]
    assert size["tflite-int8"] < size["tflite"]


def test_the_description_has_what_a_client_must_know(exported):
    folder, _, verdicts = exported
    facts = json.loads((folder / "model.json").read_text())
    assert facts["name"] == "tiny" and facts["a"] == [1]
    assert facts["inputs"] == {"pixels": {"shape": [1, 8, 8, 1], "dtype": "float32"}}
    assert facts["outputs"] == {"probabilities": {"shape": [1, 2]}}
    assert [f["format"] for f in facts["files"]] == list(EXPORT_FORMATS)
    assert all(f["failure"] == "" for f in facts["files"])
    assert facts["files"][1]["size"] == verdicts["tflite"].size
    assert {file.name for file in folder.iterdir()} == {
        *FILE_NAMES.values(),
        *("model.keras", "model.json", "sample.json"),
    }
    for file in facts["files"]:
        assert file["versions"].keys() == {*MADE_BY}
        assert file["versions"]["keras"] == keras.__version__


@pytest.mark.parametrize("name", ["tflite", "tflite-fp16", "tflite-int8-dynamic"])
def test_the_sample_shows_an_app_what_a_file_answers(name, exported):
    folder, _, _ = exported
    sample = json.loads((folder / "sample.json").read_text())
    assert sample["answers"].keys() == {*FILE_NAMES.values(), "model.keras"}
    pixels = np.array(sample["inputs"]["pixels"], "float32")
    np.testing.assert_array_equal(pixels, PIXELS[40:41])
    interpreter = Interpreter(str(folder / FILE_NAMES[name]))
    (answer,) = interpreter.get_signature_runner()(pixels=pixels).values()
    np.testing.assert_allclose(sample["answers"][FILE_NAMES[name]], answer, atol=1e-6)
    np.testing.assert_allclose(sample["answers"]["model.keras"], answer, atol=0.05)


@pytest.mark.parametrize("batch", [1, 3, 40])
def test_the_saved_model_takes_any_batch_and_never_trains(batch, exported):
    folder, model, _ = exported
    serve = tf.saved_model.load(str(folder / "saved_model"))
    serve = serve.signatures["serving_default"]
    pixels = PIXELS[40 : 40 + batch].astype("float32")
    first, second = (
        serve(pixels=tf.constant(pixels))["probabilities"].numpy() for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    expected = export.portable(model).predict(pixels, verbose=0)
    np.testing.assert_allclose(first, expected, atol=1e-5)


def test_the_stored_keras_file_is_the_model_in_float32(exported):
    folder, model, _ = exported
    again = keras.saving.load_model(folder / "model.keras")
    computing = {layer.compute_dtype for layer in again._flatten_layers()}
    assert computing == {"float32"}
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_float32_model_is_not_rebuilt():
    model = make_model()
    assert export.portable(model) is model


# ----------------------------------------------------------------- files that are wrong


def converted(write):
    """Return a stand-in for the converter's process, which writes what it is told."""

    def convert(folder: Path, formats, steps):
        report = {}
        for name in formats:
            write(folder / FILE_NAMES[name])
            report[name] = {"file": FILE_NAMES[name]}
        return report

    return convert


def tflite(model, file: Path, **settings) -> None:
    folder = file.parent / "scratch"
    convert.write_saved_model(model, folder, batch=1)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    for name, value in settings.items():
        setattr(converter.target_spec, name, value)
    file.write_bytes(converter.convert())
    shutil.rmtree(folder)


def perturbed(shift: float) -> keras.Model:
    """Move one class's logit: the model still runs, with other answers."""
    model = make_model()
    kernel, bias = model.get_layer("head").get_weights()
    model.get_layer("head").set_weights([kernel, np.add(bias, [shift, 0])])
    return model


@pytest.mark.parametrize(
    ("name", "shift", "tolerance", "failure"),
    [
        ("tflite", 0.02, 1.0, "differs from Keras by 0.0"),
        ("tflite-int8", 0.02, 1.0, ""),  # judged by the metric alone
        ("tflite-int8", -9.0, 0.1, "accuracy drops from 1.0000 to 0."),
        ("tflite-int8", -9.0, 1.0, ""),
        ("tflite", np.nan, 1.0, "gives NaN or infinity"),
    ],
)
def test_other_answers_are_noticed(
    name, shift, tolerance, failure, tmp_path, monkeypatch
):
    wrong = perturbed(shift)
    stand_in = converted(lambda file: tflite(wrong, file))
    monkeypatch.setattr(export, "_convert", stand_in)
    (verdict,) = run(make_model(), tmp_path, [name], tolerance=tolerance)
    assert verdict.failure.startswith(failure)
    assert verdict.passed == (not failure)


def test_a_keras_model_without_answers_verifies_nothing(tmp_path, monkeypatch):
    stand_in = converted(lambda file: tflite(make_model(), file))
    monkeypatch.setattr(export, "_convert", stand_in)
    (verdict,) = run(perturbed(np.nan), tmp_path)
    assert verdict.failure.startswith("Keras itself gives NaN or infinity to ")


def test_samples_without_an_answer_are_named(tmp_path):
    """Such as those that hold NaN themselves, as missing values may."""
    samples = PIXELS[40:].astype("float32")
    samples[[3, 5], 0] = np.nan
    (verdict,) = run(make_model(), tmp_path, ["tflite"], inputs=samples)
    those = f"2 of {len(samples)} samples: 3, 5 (counted from 0)"
    assert verdict.failure == f"Keras itself gives NaN or infinity to {those}"


def test_a_file_that_does_not_run_is_named_and_the_others_are_kept(
    tmp_path, monkeypatch
):
    model = make_model()

    def write(file):
        if file.name == FILE_NAMES["tflite"]:
            tflite(model, file)
        else:
            file.write_bytes(b"not a model" * 100)

    monkeypatch.setattr(export, "_convert", converted(write))
    good, bad = run(model, tmp_path, ["tflite", "tflite-fp16"])
    assert good.passed
    assert bad.failure.startswith("does not run: ") and len(bad.failure) < 330
    assert bad.metric is None
    assert by_column([good, bad])["verified"] == ["yes", "no"]
    assert failures([good, bad]) == [f"tflite-fp16: {bad.failure}"]
    table = markdown([good, bad]).splitlines()
    assert len({line.count("|") for line in table[:4]}) == 1


def test_a_file_with_flex_operators_fails(tmp_path, monkeypatch):
    """As converters write them when they may: no phone runs such a file."""
    both = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    model = erf_model()
    stand_in = converted(lambda file: tflite(model, file, supported_ops=both))
    monkeypatch.setattr(export, "_convert", stand_in)
    samples = RNG.normal(size=(8, 4)).astype("float32")
    (verdict,) = run(model, tmp_path, calibration=samples, inputs=samples)
    assert not verdict.passed and "Flex" in verdict.failure
    facts = check.facts_of(tmp_path / verdict.file)
    assert facts["operators"]["FlexErf"] == 1


def argmax_model():
    inputs = keras.Input((4,), name="pixels")
    return keras.Model(inputs, ops.argmax(layers.Dense(3, name="dense")(inputs), -1))


@pytest.mark.parametrize(
    ("make", "operator"), [(erf_model, "Erf"), (argmax_model, "BitwiseAnd")]
)
def test_a_model_that_needs_flex_is_not_converted(make, operator, tmp_path):
    model, folder = make(), tmp_path / "saved_model"
    convert.write_saved_model(model, folder, batch=1)
    report = convert.write(
        model, "tflite", tmp_path / "a.tflite", str(folder), calibration={}
    )
    assert operator in report["error"] and len(report["error"]) <= 300
    assert not (tmp_path / "a.tflite").exists()


# ---------------------------------------------------------------- columns of a table


def table_model() -> keras.Model:
    """Predict a price from a number, which may be missing, and a text."""
    keras.utils.set_random_seed(0)
    carat = keras.Input((), name="carat")
    cut = keras.Input((), name="cut", dtype="string")
    known = ops.where(ops.equal(carat, carat), carat, 0.7)
    code = layers.StringLookup(vocabulary=["Fair", "Très bon"], name="lookup")(cut)
    x = ops.concatenate([known[:, None], ops.one_hot(code, 3)], axis=-1)
    price = layers.Dense(1, kernel_initializer="ones", name="price")(x)
    return keras.Model([carat, cut], layers.Rescaling(1000.0, name="dollars")(price))


NUMBERS = np.array([0.5, np.nan, 1.0, 2.0] * 4, "float32")
TEXTS = np.array(["Très bon", "Fair", "never seen", ""] * 4, dtype=object)
PRICES = 1000 * (np.nan_to_num(NUMBERS, nan=0.7) + 1)


def export_table(folder, formats, **options):
    columns = {"cut": TEXTS, "carat": NUMBERS}  # in any order
    return export.export(
        table_model(),
        folder,
        formats,
        calibration=columns,
        inputs=columns,
        metric=RMSE,
        threads=(1,),
        **{"targets": PRICES, **options},
    )


def test_columns_go_in_by_name_texts_and_missing_numbers_too(tmp_path):
    formats = ["saved_model", "tflite", "tflite-fp16", "tflite-int8-dynamic"]
    verdicts = export_table(tmp_path, formats)
    assert failures(verdicts) == []
    for verdict in verdicts:
        assert verdict.metric == pytest.approx(0, abs=1) and verdict.agreement is None
        assert verdict.max_difference < 1
    assert verdicts[1].inputs["cut"]["dtype"] == "string"
    facts = json.loads((tmp_path / "model.json").read_text())
    assert facts["inputs"]["carat"] == {"shape": [1], "dtype": "float32"}
    shown = by_column(verdicts)
    assert shown["rmse"][1] == "0.0000" and shown["agreement"][1] == "-"


def test_a_difference_counts_by_the_spread_of_the_target(tmp_path, monkeypatch):
    """One dollar in prices that vary by hundreds is nothing; a hundred are not."""

    def shifted(dollars):
        model = table_model()
        kernel, bias = model.get_layer("price").get_weights()
        model.get_layer("price").set_weights([kernel, bias + dollars / 1000])
        return converted(lambda file: tflite(model, file))

    monkeypatch.setattr(export, "_convert", shifted(0.1))
    assert export_table(tmp_path, ["tflite"])[0].passed
    monkeypatch.setattr(export, "_convert", shifted(100))
    (verdict,) = export_table(tmp_path, ["tflite"])
    assert verdict.failure == "differs from Keras by 1e+02"
    (verdict,) = export_table(tmp_path, ["tflite-int8-dynamic"])
    spread = 0.02 * PRICES.std()
    said = f"rmse rises from 0.0000 to 100.0; the limit is {spread:.1f}"
    # In the last digits the sum in float32 may differ from the target.
    assert verdict.failure.split(" to ")[1] == said.split(" to ")[1]


# -------------------------------------------------- upstream faults that we work around


def test_upstream_export_of_keras_leaves_augmentation_on(tmp_path):
    """When this fails: `write_saved_model` may become `model.export`."""
    model = make_model()
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    pixels = PIXELS[:8].astype("float32")
    first, second = (loaded.serve(pixels).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


def test_upstream_export_of_keras_allows_flex(tmp_path):
    """When this fails: the converter need not be told of built-in operators."""
    file = tmp_path / "model.tflite"
    erf_model().export(file, format="litert", verbose=False)
    assert "FlexErf" in check.facts_of(file)["operators"]


def test_upstream_converter_writes_half_precision_with_flex(tmp_path):
    """When this fails: `portable` need not rebuild anything."""
    inputs = keras.Input((8, 8, 1), name="pixels")
    x = layers.Conv2D(2, 3, dtype="mixed_float16", name="convolution")(inputs)
    model = keras.Model(inputs, layers.Flatten(name="flat")(x))
    convert.write_saved_model(model, tmp_path / "model", batch=1)
    report = convert.write(
        model, "tflite", tmp_path / "a.tflite", str(tmp_path / "model"), calibration={}
    )
    assert "error" in report
