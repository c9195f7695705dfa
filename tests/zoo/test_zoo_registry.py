import doctest
import importlib
import inspect
import json
import re

import keras
import numpy as np
import pytest

from kerazoo import zoo
from kerazoo.zoo import registry

# What every model of a kind takes, so that one can stand for another.
COMMON_ARGUMENTS = {
    "cnn": {"input_shape", "num_classes", "dropout"},
    "regression": {
        *("num_features", "cardinalities", "num_targets", "head"),
        *("embeddings", "embedding_options"),
    },
    "seq2seq": {"source_vocabulary", "target_vocabulary", "width", "dropout"},
}


def test_lists_by_glob_task_size_and_published_weights():
    assert zoo.list_models("resnet?0") == ["resnet20", "resnet50"]
    assert zoo.list_models(task="signal_classification") == ["resnet1d", "cnn1d"]
    assert "imagenet_vgg16" in zoo.list_models(pretrained=True)
    assert "vgg16" not in zoo.list_models(pretrained=True)
    small = zoo.list_models(kind="cnn", max_params=100_000)
    assert {"lenet5", "cnn", "cnn1d"} == set(small)
    assert zoo.list_models("*", kind="cnn") == zoo.list_models(
        "*", kind="cnn", task=None
    )
    assert zoo.list_models("nothing*") == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "image classification"}, "'image classification'.*image_classific"),
        ({"kind": "tabular"}, "the kind 'tabular'; choose from: cnn, regression, seq2"),
    ],
)
def test_a_kind_or_task_without_a_model_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        zoo.list_models(**wrong)


def test_a_card_says_what_a_variant_fixes_and_what_it_leaves_open():
    card = zoo.model_card("resnet56")
    assert card.arguments == {"depth": 56}
    assert card.defaults["input_shape"] == (32, 32, 3)
    assert "depth" not in card.defaults and "name" not in card.defaults
    assert card.kind == "cnn" and card.module == "kerazoo.zoo.cnn.resnet"
    assert card.description.startswith("Build the ResNet for small images")


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_card_is_complete(name):
    card = zoo.model_card(name)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert 1990 < card.year <= 2026
    assert card.params > 1 and card.multiply_adds > 1
    assert card.paper and card.description
    assert COMMON_ARGUMENTS[card.kind] <= {*card.defaults, *card.arguments}
    builder = getattr(importlib.import_module(card.module), card.builder)
    text = inspect.getdoc(builder)  # as Python 3.13 keeps it, without the margin
    for section in ("Args:", "Shapes:"):
        assert section in text
    for argument in (*card.defaults, *card.arguments):
        assert f"\n    {argument}: " in text


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(ValueError, match=r"no model 'mobilnet_v2'.*'mobilenet_v2'"):
        zoo.create_model("mobilnet_v2")


def test_an_unknown_argument_names_the_nearest():
    with pytest.raises(ValueError, match=r"no argument 'classes'.*'num_classes'"):
        zoo.create_model("lenet5", classes=3)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("transformer_tiny", "cmudcit", "no weights 'cmudcit'. Published are: cmudict"),
        ("transformer_small", "cmudict", "no weights 'cmudict'. Published are: none"),
        ("resnet20", True, "no weights True. Published are: none"),
    ],
)
def test_weights_that_are_not_published_are_named(name, weights, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, weights=weights)


@pytest.mark.parametrize("name", ["lenet5", "transformer_tiny"])
def test_weights_may_be_none_as_in_keras(name):
    assert zoo.create_model(name, weights=None).name == name


def test_numpys_numbers_are_taken_as_pythons():
    labels, codes = np.array([0, 2, 1]), np.array([[0, 3], [1, 0]])
    model = zoo.create_model("lenet5", num_classes=labels.max() + 1)
    assert model.output_shape == (None, 3)
    assert zoo.reset_head(model, labels.max() + 2).output_shape == (None, 4)
    for cardinalities in (codes.max(axis=0) + 1, tuple(codes.max(axis=0) + 1)):
        model = zoo.create_model("linear", cardinalities=cardinalities)
        assert json.loads(model.to_json()), "its config is plain"
        (layer,) = (x for x in model.layers if hasattr(x, "cardinalities"))
        assert layer.cardinalities == (2, 4)
    with pytest.raises(ValueError, match=r"num_classes as int; got 2\.5"):
        zoo.create_model("lenet5", num_classes=np.float64(2.5))


def test_keras_must_be_set_to_channels_last():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="set to 'channels_first': call keras"):
            zoo.create_model("cnn")
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_name_declared_twice_is_an_error(tmp_path, monkeypatch):
    folder = tmp_path / "cnn"
    folder.mkdir()
    declaration = (
        "@register(task='t', paper='p', year=2000, variants={'same': "
        "{'params': 1, 'multiply_adds': 1}})\n"
        "def build(name: str = 'same'):\n    pass\n"
    )
    (folder / "one.py").write_text(declaration)
    (folder / "two.py").write_text(declaration)
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    with pytest.raises(
        ValueError, match=r"two\.py: the model 'same' is declared twice"
    ):
        registry._cards.__wrapped__()


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("resnet20", "dropout", "high"),
        ("resnet20", "num_classes", 2.5),
        ("resnet20", "num_classes", True),
        ("resnet20", "input_shape", 32),
        ("resnet20", "activation", None),
        ("transformer_small", "key_value_heads", "all"),
        ("mlp", "embedding_options", "num_bins"),
    ],
)
def test_an_argument_of_another_type_is_named_with_its_own(name, argument, value):
    wanted = rf"{name} takes {argument} as .*; got {re.escape(repr(value))}\."
    with pytest.raises(ValueError, match=wanted):
        zoo.check_arguments(name, {argument: value})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("resnet20", {"dropout": 0, "input_shape": [28, 28, 1]}),
        ("transformer_small", {"key_value_heads": None, "width": 64}),
        ("mlp", {"embeddings": "periodic", "embedding_options": {"size": 8}}),
    ],
)
def test_what_yaml_can_say_fits(name, arguments):
    zoo.check_arguments(name, arguments)


def test_listing_is_fast_and_imports_no_framework(run_python):
    printed = run_python(
        """
        import json, sys, time
        start = time.perf_counter()
        from kerazoo import zoo
        names = zoo.list_models()
        zoo.check_arguments("resnet20", {"dropout": 0.1})
        seconds = time.perf_counter() - start
        print(json.dumps([len(names), seconds, sorted(sys.modules)]))
        """
    )
    count, seconds, modules = json.loads(printed)
    assert count == len(zoo.list_models())
    assert not {"keras", "tensorflow", "jax", "torch", "numpy"} & set(modules)
    assert seconds < 0.5, "50 ms on an idle machine"


@pytest.mark.parametrize("module", ["registry", "surgery", "counting"])
def test_the_examples_in_docstrings_run(module):
    result = doctest.testmod(importlib.import_module(f"kerazoo.zoo.{module}"))
    assert result.attempted and not result.failed
