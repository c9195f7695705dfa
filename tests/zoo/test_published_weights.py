"""The weights that come along: they belong to their model and to their vocabularies."""

import json

import keras
import pytest

from kerazoo import zoo
from kerazoo.harness import ModelConfig
from kerazoo.harness.texts import datasets
from kerazoo.harness.texts.predict import TextSearch, predict_texts
from kerazoo.harness.texts.splits import group_by_source, thin_out
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator

OURS = [
    (name, weights)
    for name in zoo.list_models(pretrained=True)
    for weights in zoo.model_card(name).pretrained
    if "weights" not in zoo.model_card(name).defaults
]


@pytest.mark.parametrize(("name", "weights"), OURS)
def test_they_are_small_and_say_where_they_are_from(name, weights):
    file = zoo.find_weights(name, weights)
    assert file.stat().st_size < 5e6
    page = file.with_name("README.md").read_text("utf-8")
    for part in ("kerazoo train", "Test", "icence", "Data"):
        assert part in page
    assert ModelConfig(name, weights=weights).facts["decoding"]


def test_the_words_are_pronounced():
    """As the page of the weights says, but for few words and a greedy search."""
    model = zoo.create_model("transformer_tiny", weights="cmudict")
    facts = json.loads(
        zoo.find_weights("transformer_tiny", "cmudict")
        .with_name("data.json")
        .read_text("utf-8")
    )
    pairs = thin_out(datasets.cmudict("")["test"], 400)
    words, references = group_by_source(pairs)
    source = keras.Input((None,), dtype="int32")
    answers = Translator.of(model, Decoding(max_length=facts["longest_target"]))(source)
    product = keras.Model(source, answers["tokens"])
    found = predict_texts(product, facts, words, TextSearch(beam=1))
    wrong = sum(
        answer not in right
        for ((answer, _),), right in zip(found, references, strict=True)
    )
    assert wrong / len(words) < 0.4


def test_other_vocabularies_are_refused():
    with pytest.raises(ValueError):
        zoo.create_model("transformer_tiny", weights="cmudict", source_vocabulary=99)
