"""`kerazoo export` of a file: what it writes, keeps and refuses."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from flex_models import erf_model

from kerazoo.harness import cli, commands_export
from kerazoo.harness.export import with_null

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
        ("model.keras", "brings no data to calibrate and verify with: give --samples"),
        ("model.keras --samples gone.npz", "There is no file gone.npz."),
        ("model.keras --samples broken.keras", "broken.keras is no .npz file"),
        ("model.keras --samples shares.npz", "y should have a class index for each of"),
        ("model.keras --samples wrong.npz", "'x' is not known."),
        ("model.keras --formats tflight", "Did you mean 'tflite'?"),
        ("broken.keras --samples samples.npz", "broken.keras"),
    ],
)
def test_the_command_says_what_is_missing(arguments, message, keras_file, capsys):
    np.savez("wrong.npz", a=1)
    np.savez("shares.npz", x=np.zeros((16, 8, 8, 1)), y=np.zeros((16, 10)))
    (keras_file / "broken.keras").write_bytes(b"no zip")
    assert cli.main(["export", *arguments.split()]) == 2
    line = capsys.readouterr().err
    assert line.startswith("kerazoo: error: ") and message in line
