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


def test_the_folder_of_a_run_is_answered_with_its_file(tmp_path):
    (tmp_path / "best.keras").touch()
    with pytest.raises(ValueError, match=r"is a folder; its best epoch is .*best\.ker"):
        ModelConfig(weights=str(tmp_path))


def test_facts_lie_beside_the_weights(tmp_path):
    file = tmp_path / "best.keras"
    file.touch()
    assert ModelConfig(weights=str(file)).facts == {} == ModelConfig().facts
    (tmp_path / "data.json").write_text('{"labels": ["cat", "dog"]}')
    assert ModelConfig(weights=str(file)).facts == {"labels": ["cat", "dog"]}
