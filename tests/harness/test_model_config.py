"""Which weights a model begins with, and what they know of their data."""

import pytest

from kerazoo.harness import ModelConfig


def test_a_model_begins_with_a_file_by_its_path(tmp_path):
    file = tmp_path / "best.keras"
    file.touch()
    assert ModelConfig(weights=str(file)).file == file
    assert ModelConfig().file is None


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("cnn", "best.keras", "there is no file best.keras$"),
        ("transformer_tiny", "cmudic", "transformer_tiny has cmudict by name$"),
        ("transformer_small", "cmudict", "is of --model.name transformer_tiny$"),
        ("imagenet_vgg16", "imagenet", r"given as --model\.arguments\.weights$"),
    ],
)
def test_weights_that_are_not_there_are_told_at_once(name, weights, message):
    with pytest.raises(ValueError, match=f"model.weights: .*{message}"):
        ModelConfig(name, weights=weights)


def test_of_a_run_s_folder_the_best_epoch_is_taken(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*best\.keras"):
        ModelConfig(weights=str(tmp_path))
    (tmp_path / "best.keras").touch()
    assert ModelConfig(weights=str(tmp_path)).file == tmp_path / "best.keras"


def test_weights_are_found_at_home(tmp_path, monkeypatch):
    """A shell leaves the ~ of `--model.weights=~/best.keras` as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "best.keras").touch()
    assert ModelConfig(weights="~/best.keras").file == tmp_path / "best.keras"


def test_facts_lie_beside_the_weights(tmp_path):
    file = tmp_path / "best.keras"
    file.touch()
    assert ModelConfig(weights=str(file)).facts == {} == ModelConfig().facts
    (tmp_path / "data.json").write_text('{"labels": ["cat", "dog"]}')
    assert ModelConfig(weights=str(file)).facts == {"labels": ["cat", "dog"]}
