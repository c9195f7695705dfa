"""Models that leave the house with their tokenisers: texts in, texts out."""

import json
import sys
import unicodedata

import keras
import mlflow
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from workplace import execute

from kerazoo import zoo
from kerazoo.harness.export import export, texts
from kerazoo.harness.export.convert import write_saved_model
from kerazoo.harness.export.exam import Metric, Verdict
from kerazoo.harness.texts.predict import TextSearch, predict_texts
from kerazoo.harness.texts.text import Normaliser
from kerazoo.harness.texts.token_search import is_mark
from kerazoo.harness.texts.tokenisers import ListTokeniser, fit_tokeniser, from_json
from kerazoo.harness.texts.translation import padded
from kerazoo.harness.tracking import mlflow_store, runs
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
from kerazoo.zoo.seq2seq.tokens import END

CORPUS = ["The cat sat, twice.", "größe zählt (nicht)", "It's a dog-house!", "日本 x y"]
LISTED = [("characters", "symbols"), ("symbols", "characters"), ("words", "words")]
SOURCE_LENGTH, MAX_LENGTH = 24, 9
# Twenty, with what a normaliser has to do, one of them longer than those of training.
TEXTS = [
    *("the cat", "THE CAT", "cat sat dog", "  a\t cat\u00a0sat ", "größe", "GRÖSSE"),
    *("gro\u0308ße", "it's", "It's a (cat), twice.", "x", "y x", "", "zzz", "日本"),
    *("dog-house!", "nicht; nie", "sat " * 20, "a b c d", "ΣΑΣ", "cat — dog"),
]

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def make_product(kinds, name="transformer_tiny") -> tuple[keras.Model, dict]:
    """Make what a run exports, untrained, with the facts of its `data.json`."""
    keras.utils.set_random_seed(0)
    normalise = Normaliser(lower=True)
    texts = [normalise(text) for text in CORPUS]
    source, target = (
        fit_tokeniser(kind, texts, size=60, byte_fallback=False) for kind in kinds
    )
    sizes = {"source_vocabulary": source.size, "target_vocabulary": target.size}
    model = zoo.create_model(name, width=16, num_layers=1, **sizes)
    for number, weight in enumerate(model.trainable_variables):
        if len(weight.shape) > 1:  # so that answers are neither all alike nor near ties
            weight.assign_add(2.0 * keras.random.normal(weight.shape, seed=number))
    rows = keras.Input((SOURCE_LENGTH,), dtype="int32", name="source")
    tokens = Translator.of(model, Decoding(max_length=MAX_LENGTH))(rows)["tokens"]
    outputs = keras.layers.Identity(name="tokens")(tokens[:, 0])
    return keras.Model(rows, outputs, name=name), {
        "source_tokeniser": source.to_json(),
        "target_tokeniser": target.to_json(),
        "source_normaliser": {"form": "NFC", "lower": True},
        "decoding": {"beam": 4, "length_penalty": 0.6, "max_length": 0},
    }


def greedy(model, facts, texts=TEXTS) -> list[str]:
    """Return what `kerazoo predict --beam 1` answers."""
    found = predict_texts(model, facts, texts, TextSearch(beam=1))
    return [answers[0][0] for answers in found]


# ------------------------------------------------------------------------------- MLflow

# Only what a server needs.
SERVE = """
import json, sys
sys.modules |= dict.fromkeys(("keras", "kerazoo", "sentencepiece"))
import mlflow, pandas as pd
mlflow.set_tracking_uri("sqlite:///mlflow.db")
model = mlflow.pyfunc.load_model(f"runs:/{sys.argv[1]}/model")
texts = json.load(open("texts.json"))
answers = [model.predict(t) for t in (texts, pd.DataFrame({"any": texts}), [])]
json.dump(answers, open("answers.json", "w"))
"""


@pytest.mark.parametrize(
    ("kinds", "name"),
    [
        (("words", "words"), "transformer_tiny"),
        (("subwords", "characters"), "lstm_small"),
    ],
)
def test_mlflow_answers_texts_without_keras(kinds, name, store):
    model, facts = make_product(kinds, name)
    tracker = mlflow_store.start("trials", "texts")
    tracker.model(model, TEXTS[:2], facts)
    tracker.end("FINISHED")
    (store.folder / "texts.json").write_text(json.dumps(TEXTS))
    execute(sys.executable, "-c", SERVE, tracker.run_id, cwd=store.folder)
    listed, framed, none = json.loads((store.folder / "answers.json").read_text())
    expected = greedy(model, facts)
    assert listed == framed == expected and none == []
    assert len(set(expected)) > 8, "all answers are alike"
    # The model comes back as Keras has it, too.
    assert greedy(runs.load_model(tracker.run_id), facts) == expected

    info = mlflow.models.get_model_info(f"runs:/{tracker.run_id}/model")
    for columns in (info.signature.inputs, info.signature.outputs):
        (column,) = columns.inputs
        assert (column.type.name, column.required) == ("string", True)
    (folder,) = store.folder.glob("mlruns/models/*/artifacts")
    assert json.loads((folder / "input_example.json").read_text()) == TEXTS[:2]
    needs = (folder / "requirements.txt").read_text().split()
    named = {line.split("==")[0] for line in needs}
    assert named == {"mlflow", "tensorflow", "numpy"}


# --------------------------------------------------------------------------- SavedModel


@pytest.mark.parametrize("kinds", LISTED, ids="-".join)
def test_a_saved_model_answers_a_batch_of_texts(kinds, tmp_path):
    model, facts = make_product(kinds)
    about = write_saved_model(model, tmp_path, batch=None, text_form=facts)
    assert "Unicode NFC" in about and f"after 23 {kinds[0]} is left out" in about
    serve = tf.saved_model.load(str(tmp_path)).signatures["texts"]
    shorter = [Normaliser()(text) for text in TEXTS if len(text) < SOURCE_LENGTH]
    expected = greedy(model, facts, shorter)
    for count in (0, 1, len(shorter)):
        answers = serve(texts=tf.constant(shorter[:count], tf.string))["texts"].numpy()
        assert [answer.decode() for answer in answers] == expected[:count]


def test_sub_words_keep_tokens_in_and_tokens_out(tmp_path):
    model, facts = make_product(("characters", "subwords"))
    about = write_saved_model(model, tmp_path, batch=None, text_form=facts)
    assert about == "no signature `texts`: sub-words need sentencepiece"
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    assert list(signatures) == ["serving_default"]


def exported(folder, first: int = 0) -> Verdict:
    """Export a model whose samples were made of texts; these begin elsewhere, if so."""
    model, facts = make_product(("words", "symbols"))
    source, target = (from_json(facts[f"{x}_tokeniser"]) for x in ("source", "target"))
    # Nothing is the answer to nothing, whatever the tokens are.
    asked = [Normaliser(lower=True)(text) for text in TEXTS if text]
    rows = [[*source.encode(text)[: SOURCE_LENGTH - 1], END] for text in asked]
    inputs = padded(rows, length=SOURCE_LENGTH)
    metric = Metric(
        "none",
        lambda targets, outputs: 0.0,
        decide=lambda outputs: np.array([target.decode(row) for row in outputs]),
        max_difference={},
    )
    (verdict,) = export.export(
        model,
        folder,
        ["saved_model"],
        calibration=inputs,
        inputs=inputs,
        targets=np.arange(len(asked)),
        metric=metric,
        threads=(1,),
        metadata=facts,
        texts=[*asked[first:], *asked[:first]],
    )
    return verdict


def test_the_signature_is_verified_with_the_file(tmp_path):
    verdict = exported(tmp_path)
    assert verdict.passed and verdict.agreement == 1
    (file,) = json.loads((tmp_path / "model.json").read_text())["files"]
    assert file["texts"] == verdict.texts
    assert file["texts"].startswith("signature `texts`: ")


def test_a_signature_that_answers_otherwise_fails(tmp_path):
    failure = exported(tmp_path, first=1).failure
    assert failure.startswith("its signature `texts` answers ")
    assert failure.endswith(" of 19 texts otherwise than its tokens do")


# ------------------------------------------------ what TensorFlow does as Python does

# Assigned by Unicode 14, of 2021; TensorFlow 2.21 leaves them as they are.
UNLOWERED = {0x2C2F, 0xA7C0, 0xA7D0, 0xA7D6, 0xA7D8, *range(0x10570, 0x10596)}
CHARACTERS = [chr(c) for c in range(1, sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF]


@pytest.fixture(scope="module")
def characters():
    return tf.constant([character.encode() for character in CHARACTERS])


def test_capitals_become_small_but_for_forty(characters):
    small = tf.strings.lower(characters, encoding="utf-8").numpy()
    pairs = zip(CHARACTERS, small, strict=True)
    differing = {ord(c): s.decode() for c, s in pairs if s.decode() != c.lower()}
    assert set(differing) <= UNLOWERED and len(differing) == 40
    assert all(chr(code) == same for code, same in differing.items())
    # The end of a word, and a letter that becomes two.
    for text in ("ΟΔΟΣ ΑΣ.", "İSTANBUL", "ẞ"):
        assert tf.strings.lower(text, encoding="utf-8").numpy().decode() == text.lower()


def test_the_same_characters_are_spaces(characters):
    found = tf.strings.regex_full_match(characters, texts.SPACE).numpy()
    assert found.tolist() == [character.isspace() for character in CHARACTERS]


def test_the_same_characters_make_words(characters):
    found = tf.strings.regex_full_match(characters, texts.LETTER).numpy()
    expected = [c.isalnum() or c == "_" or is_mark(c) for c in CHARACTERS]
    differing = np.nonzero(found != expected)[0]
    # What one of the two does not know yet: which, depends on Python's version.
    known = tf.strings.regex_full_match(characters, r"[\pL\pM\pN\pP\pS\pZ\pC]").numpy()
    for place in differing:
        assert not known[place] or unicodedata.category(CHARACTERS[place]) == "Cn"


LETTERS = st.sampled_from("aBßÉ é日½_0'’-.,()«»“”[]{}!?;:%…—\u0301\u00a0\u2003\t\n😀ΣΟ")


@settings(max_examples=150, deadline=None)
@given(st.text(LETTERS, max_size=20))
@pytest.mark.parametrize("kind", ["characters", "words", "symbols"])
def test_texts_are_split_and_joined_as_in_python(kind, text):
    text = Normaliser(lower=True)(text)
    spaced = texts.single_spaces(tf.constant([f" {text.upper()}\u2003"]), True)
    assert spaced.numpy()[0].decode() == " ".join(text.upper().lower().split())
    tokens = texts.split(kind, tf.constant([text]))[0].numpy()
    tokens = [token.decode() for token in tokens]
    tokeniser = ListTokeniser(kind, ("", "", "", "", *sorted(set(tokens))))
    ids = tokeniser.encode(text)
    assert [tokeniser.tokens[i] for i in ids] == tokens
    row = tf.constant([[1, *ids, 0, 3, END, 3, 3, 0]])  # PAD and START are left out
    (joined,) = texts.joined(kind, list(tokeniser.tokens), row).numpy()
    assert joined.decode() == tokeniser.decode(row.numpy()[0])
