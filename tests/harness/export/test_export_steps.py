"""A file that takes one step at a time, in the hands of the reference client."""

import json
from dataclasses import asdict

import keras
import numpy as np
import pytest

from kerazoo import zoo
from kerazoo.harness.texts import token_search
from kerazoo.harness.texts.text import Normaliser
from kerazoo.harness.texts.token_search import StepFile, search
from kerazoo.harness.texts.tokenisers import fit_tokeniser
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
from kerazoo.zoo.seq2seq.tokens import END

SOURCE_LENGTH, MAX_LENGTH, VOCABULARY = 9, 7, 15

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


@pytest.fixture(scope="module", params=["transformer_tiny", "lstm_small"])
def model(request):
    keras.utils.set_random_seed(0)
    sizes = {"source_vocabulary": VOCABULARY, "target_vocabulary": VOCABULARY}
    model = zoo.create_model(request.param, width=16, num_layers=1, **sizes)
    for number, weight in enumerate(model.trainable_variables):
        if len(weight.shape) > 1:  # so that answers are neither all alike nor near ties
            weight.assign_add(2.0 * keras.random.normal(weight.shape, seed=number))
    return model


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    """The model as a TFLite file of two signatures."""
    from kerazoo.harness.export.convert import STEPS, to_tflite
    from kerazoo.harness.export.steps import write_steps

    folder = tmp_path_factory.mktemp("steps")
    source = keras.Input((SOURCE_LENGTH,), dtype="int32", name="source")
    tokens = Translator.of(model, Decoding(max_length=MAX_LENGTH))(source)["tokens"]
    write_steps(keras.Model(source, tokens), folder / "saved")
    path = folder / "steps.tflite"
    path.write_bytes(to_tflite(str(folder / "saved"), "tflite", {}, STEPS))
    opened = StepFile(str(path))
    opened.path = str(path)
    return opened


@pytest.fixture(scope="module")
def sources():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, SOURCE_LENGTH, 12)
    return [[*rng.integers(4, VOCABULARY, n).tolist(), END] for n in lengths]


@pytest.mark.parametrize(("beam", "alpha"), [(1, 0.6), (4, 0.6), (3, 0.0)])
def test_a_search_by_steps_finds_what_keras_finds(model, file, sources, beam, alpha):
    options = Decoding(max_length=MAX_LENGTH, beam_size=beam, length_penalty=alpha)
    translator = Translator.of(model, options)
    found = [search(file, source, beam, alpha)[0] for source in sources]
    answers = [answers[0] for answers in translator.decode(sources)]
    assert [tokens for tokens, _ in found] == [tokens for tokens, _ in answers]
    scores = [score for _, score in answers]
    np.testing.assert_allclose([score for _, score in found], scores, atol=1e-4)
    assert len({tuple(tokens) for tokens, _ in found}) > 3, "all answers are alike"


def test_a_file_says_how_long_things_may_be(file, sources):
    kept = file.begin(sources[0])
    assert (file.source_length, file.max_length) == (SOURCE_LENGTH, MAX_LENGTH)
    assert kept and all(name.startswith(("context_", "state_")) for name in kept)


def test_steps_change_the_state_and_nothing_else(file, sources):
    kept = file.begin(sources[0])
    log_probs, after = file.step(1, 0, kept)
    assert np.exp(log_probs[2:]).sum() <= 1 + 1e-6
    for name in kept:
        same = np.array_equal(kept[name], after[name])
        assert same == name.startswith("context_"), name


@pytest.mark.parametrize("kind", ["words", "subwords"])
def test_the_command_line_takes_texts_and_writes_texts(kind, file, tmp_path, capsys):
    texts = ["a b ab ba aab abb bab bba aa bb, cd", "bab, aa", "ab"]
    tokeniser = fit_tokeniser(kind, texts, size=VOCABULARY, byte_fallback=False)
    assert tokeniser.size == VOCABULARY
    facts = {
        "source_tokeniser": tokeniser.to_json(),
        "target_tokeniser": tokeniser.to_json(),
        "source_normaliser": asdict(Normaliser()),
        "decoding": {"beam": 2, "length_penalty": 0.6},
    }
    (tmp_path / "model.json").write_text(json.dumps(facts))
    token_search.main(file.path, str(tmp_path / "model.json"), texts[1:])
    ids = [[*tokeniser.encode(text), END] for text in texts[1:]]
    best = [search(file, row, 2)[0][0] for row in ids]
    assert capsys.readouterr().out.splitlines() == list(map(tokeniser.decode, best))
