"""`kerazoo export` of a file: what it writes, keeps and refuses."""

import json
import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from flex_models import erf_model
from keras import layers

from kerazoo.harness import cli, commands_export
from kerazoo.harness.export.export import with_null

RNG = np.random.default_rng(0)


@pytest.fixture
def keras_file(tmp_path, monkeypatch):
    """A model for which TFLite needs Flex, in a file, with samples beside it."""
    monkeypatch.chdir(tmp_path)
    erf_model().save("model.keras")
    pixels = RNG.normal(size=(16, 4)).astype("float32")
    np.savez("samples.npz", x=pixels, y=np.zeros(16, int))
    return tmp_path


def test_the_command_keeps_what_works_and_fails_for_the_rest(keras_file, capsys):
    arguments = "export model.keras --samples samples.npz --folder out --formats"
    status = cli.main([*arguments.split(), "saved_model,tflite"])
    shown = capsys.readouterr().out
    assert status == 1
    assert "tflite: not converted: " in shown and "Erf" in shown
    assert "files in out/" in shown
    assert (keras_file / "out" / "saved_model" / "saved_model.pb").is_file()
    facts = json.loads((keras_file / "out" / "model.json").read_text())
    assert [bool(f["failure"]) for f in facts["files"]] == [False, True]


def test_files_that_are_not_its_own_stay_as_they_are(keras_file, capsys):
    mine = keras_file / "out"
    mine.mkdir()
    (mine / "texts.json").write_text("mine")
    (mine / "calibration.npz").write_text("mine")
    arguments = "export model.keras --samples samples.npz --formats saved_model"
    for _ in range(2):  # the second time over the first
        assert cli.main([*arguments.split(), "--folder", "out"]) == 0
    assert (mine / "texts.json").read_text() == "mine"
    assert (mine / "calibration.npz").read_text() == "mine"
    assert {file.name for file in mine.iterdir()} == {
        *("texts.json", "calibration.npz", "model.keras", "saved_model"),
        *("model.json", "sample.json", "verification.md"),
    }
    before = (keras_file / "model.keras").read_bytes()
    assert cli.main([*arguments.split(), "--folder", "."]) == 2
    assert "model.keras would be overwritten" in capsys.readouterr().err
    assert (keras_file / "model.keras").read_bytes() == before


def test_what_was_exported_of_a_file_before_stays_on_record(keras_file):
    inputs = keras.Input((4,), name="x")
    keras.Model(inputs, layers.Dense(2, name="dense")(inputs)).save("model.keras")
    for name in ("tflite-int8", "tflite"):
        arguments = f"export model.keras --samples samples.npz --formats {name}"
        assert cli.main([*arguments.split(), "--folder", "out"]) == 0
    facts = json.loads((keras_file / "out" / "model.json").read_text())
    assert [file["format"] for file in facts["files"]] == ["tflite", "tflite-int8"]
    sample = json.loads((keras_file / "out" / "sample.json").read_text())
    assert {"model.tflite", "model_int8.tflite"} < sample["answers"].keys()
    table = (keras_file / "out" / "verification.md").read_text()
    assert "| tflite |" in table and "| tflite-int8 |" in table


@pytest.mark.parametrize(
    ("count", "formats", "verified", "told"),
    [
        (16, "tflite-int8", 16, "calibrated on the samples that verify it; of 100 or"),
        (120, "tflite,tflite-int8", 90, "every 4th sample; the other 90 verify"),
        (120, "tflite", 120, ""),
    ],
)
def test_full_int8_is_verified_on_other_samples_than_it_is_calibrated_on(
    count, formats, verified, told, keras_file, capsys
):
    inputs = keras.Input((4,), name="x")
    keras.Model(inputs, layers.Dense(2, name="dense")(inputs)).save("model.keras")
    x = np.arange(count).repeat(4).reshape(count, 4).astype("float32")
    np.savez("samples.npz", x=x, y=np.arange(count) % 2)
    arguments = f"export model.keras --samples samples.npz --formats {formats}"
    assert cli.main([*arguments.split(), "--tolerance", "1"]) in (0, 1)
    shown = capsys.readouterr().out
    assert told in shown and ("calibrated" in shown) == bool(told)
    facts = json.loads((keras_file / "exports" / "model.json").read_text())
    assert {file["num_samples"] for file in facts["files"]} == {verified}
    sample = json.loads((keras_file / "exports" / "sample.json").read_text())
    assert sample["inputs"]["x"] == x[:1].tolist()


def test_one_folder_is_for_files_of_one_model(keras_file, capsys):
    arguments = "export model.keras --samples samples.npz --formats saved_model"
    assert cli.main(arguments.split()) == 0
    erf_model().save("model.keras")  # other weights
    assert cli.main(arguments.split()) == 2
    assert "exports/ has files of another model" in capsys.readouterr().err
    with pytest.raises(ValueError, match="has files of another model"):
        commands_export._check_folder(keras_file / "exports", {"run": "0123abcdef"})


def test_a_file_of_two_inputs_and_a_number_is_exported(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    inputs = [keras.Input((2,), name="size"), keras.Input((3,), name="place")]
    joined = layers.Concatenate(name="both")(inputs)
    model = keras.Model(inputs, layers.Dense(1, name="price")(joined))
    model.save("model.keras")
    samples = {
        "size": RNG.normal(size=(16, 2)).astype("float32"),
        "place": RNG.normal(size=(16, 3)).astype("float32"),
    }
    prices = model.predict([samples["size"], samples["place"]], verbose=0)[:, 0]
    np.savez("samples.npz", y=prices + 0.5, **samples)
    arguments = "export model.keras --samples samples.npz --folder out --formats"
    assert cli.main([*arguments.split(), "saved_model,tflite"]) == 0
    files = json.loads((tmp_path / "out" / "model.json").read_text())["files"]
    for file in files:
        assert (file["metric_name"], file["failure"]) == ("rmse", "")
        assert file["metric"] == pytest.approx(0.5, abs=1e-5)


def test_data_that_have_changed_since_the_run_are_refused():
    stored = {"labels": ["cat", "dog"], "sizes": {"train": 9}, "mean": [1.5, math.nan]}
    data = SimpleNamespace(labels=["cat", "dog"], metadata={"mean": (1.5, math.nan)})
    commands_export._check_same(data, stored)
    data.labels = ["ant", "cat", "dog"]
    with pytest.raises(ValueError, match=r"changed since the run: labels would"):
        commands_export._check_same(data, stored)


def test_a_run_that_stored_less_of_a_tokeniser_is_not_refused():
    tokeniser = {"kind": "subwords", "model": "a", "tokens": ["<pad>"]}
    data = SimpleNamespace(labels=[], metadata={"tokeniser": tokeniser})
    stored = {"kind": "subwords", "model": "a"}
    commands_export._check_same(data, {"tokeniser": stored})
    for other in ({**stored, "model": "b"}, {**stored, "more": 1}):
        with pytest.raises(ValueError, match=r"changed since the run: tokeniser would"):
            commands_export._check_same(data, {"tokeniser": other})


def test_facts_without_a_number_are_null():
    facts = {"files": [{"metric": math.nan, "size": 3}], "low": (-math.inf, 1.5)}
    expected = {"files": [{"metric": None, "size": 3}], "low": [None, 1.5]}
    assert with_null(facts) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("gone.keras --samples samples.npz", "There is no file gone.keras."),
        ("model.h5", "model.h5: only .keras files are exported; load the model and"),
        ("model.keras", "brings no data to calibrate and verify with: give --samples"),
        ("model.keras --samples gone.npz", "There is no file gone.npz."),
        ("model.keras --samples broken.keras", "broken.keras is not a .npz file"),
        ("model.keras --samples a.npz", "a.npz: lacks x; it should hold x for the mod"),
        ("model.keras --samples wide.npz", "x is float64 of the shape (9, 5), the mod"),
        ("model.keras --samples texts.npz", "x is <U3 of the shape (9, 4), the model"),
        ("model.keras --samples few.npz", "y should have a class index, or a number,"),
        ("model.keras --samples none.npz", "y should have a class index, or a number,"),
        ("model.keras --samples far.npz", "y should hold class indices, from 0 to 1."),
        ("model.keras --samples shares.npz", "y should hold class indices, from 0 to"),
        ("one.keras --samples far.npz", "y should hold numbers, not all alike."),
        ("one.keras --samples nan.npz", "y should hold numbers, not all alike."),
        ("map.keras --samples far.npz", "with a number; its outputs are of the shapes"),
        ("y.keras --samples far.npz", "y is what is right; the model should not have"),
        (
            "model.keras --samples far.npz --folder other",
            "has files of the run 0123abcd",
        ),
        ("model.keras --samples objects.npz", "objects.npz: Object arrays cannot be"),
        (
            "model.keras --samples far.npz --tolerance nan",
            "must be at least 0; got nan",
        ),
        (
            "model.keras --samples far.npz --folder a.npz",
            "a.npz is a file: give --fold",
        ),
        ("last --samples far.npz", "--samples is for a .keras file: a run is verified"),
        ("model.keras --formats tflight", "Did you mean 'tflite'?"),
        ("broken.keras --samples samples.npz", "broken.keras"),
    ],
)
def test_the_command_says_what_is_missing(arguments, message, keras_file, capsys):
    x, y = np.zeros((9, 4)), np.full(9, 3)
    for name, arrays in {
        "a": {"a": x, "y": y},
        "wide": {"x": np.zeros((9, 5)), "y": y},
        "texts": {"x": x.astype("U3"), "y": y},
        "few": {"x": x, "y": y[:8]},
        "none": {"x": x[:0], "y": y[:0]},
        "far": {"x": x, "y": y},
        "objects": {"x": np.array([{}]), "y": y},
        "shares": {"x": x, "y": y / 4},
        "nan": {"x": x, "y": np.append(y[1:], np.nan)},
    }.items():
        np.savez(name, **arrays)
    for name, units, given in [("one", 1, "x"), ("map", 12, "x"), ("y", 1, "y")]:
        inputs = keras.Input((4,), name=given)
        outputs = layers.Dense(units, name="dense")(inputs)
        if name == "map":
            outputs = layers.Reshape((3, 4), name="map")(outputs)
        keras.Model(inputs, outputs).save(f"{name}.keras")
    (keras_file / "other").mkdir()
    (keras_file / "other" / "model.json").write_text('{"run": "0123abcdef"}')
    (keras_file / "broken.keras").write_bytes(b"no zip")
    assert cli.main(["export", *arguments.split()]) == 2
    line = capsys.readouterr().err
    assert line.startswith("kerazoo: error: ") and message in line
