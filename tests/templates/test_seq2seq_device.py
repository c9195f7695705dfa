"""The clients for devices, held against the reference: searches, files and texts."""

import itertools
import json
import shutil
import unicodedata
from pathlib import Path

import keras
import numpy as np
import pytest
from device_clients import (
    STAND_IN,
    answer_of,
    browse,
    compile_kotlin,
    described,
    make_site,
    run_client,
    run_node,
)
from odd_texts import FITTED, UNITS
from workplace import ROOT

from kerazoo import zoo
from kerazoo.harness.texts.text import Normaliser
from kerazoo.harness.texts.token_search import NEVER, StepFile, search
from kerazoo.harness.texts.tokenisers import SPECIAL, from_json
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
from kerazoo.zoo.seq2seq.tokens import END, PAD, START, UNKNOWN

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

CLIENTS = ROOT / "templates" / "seq2seq" / "device"
CHECKS = Path(__file__).with_name("seq2seq_device")
SOURCE_LENGTH, MAX_LENGTH, STATES, VOCABULARY = 12, 8, 11, 13
LETTERS = [*"abcdefghijklmnopqrstuvwxyzé A𝒳åσςοδß"]
WORDS = ["a", "b", "c", "é", "A", "οδος", "i\u0307", "fin"]
TEXTS = [
    *("keras", "ÉCOLE", "e\u0301cole", "ℋ\u212b", "ΟΔΟΣ ΟΔΟΣ", "İ", "Straße", "𝒳a", ""),
    *("  a\tb  c ", "a\u00a0b\u3000c", "a\x1cb\x85c\ufeffd", "<pad> a", "ﬁn"),
    "abcdefghijkl abcdefghijkl",  # longer than a source may be
]


class Tables:
    """A made-up model: logits by position and by a state that all tokens go into."""

    def __init__(self, tables, source_length):
        self.tables = tables
        self.source_length = source_length
        self.max_length = 0

    def begin(self, source):
        self.max_length = len(self.tables)
        return sum(source) % STATES

    def step(self, token, position, kept):
        logits = np.array(self.tables[position][kept], "float64")
        log_probs = logits - logits.max()
        log_probs -= np.log(np.exp(log_probs).sum())
        log_probs[[PAD, START]] = NEVER
        return log_probs, (5 * kept + token + 1) % STATES


def random_tables(rng, length, end):
    """Tables in which END is likely or not."""
    tables = 2 * rng.normal(size=(length, STATES, VOCABULARY))
    tables[..., END] += end
    return tables.astype("float32").astype("float64").tolist()


def tied_tables(rng, length):
    """Tables in which four tokens are equally likely, and the rest is impossible."""
    row = np.repeat([0, -1e4], [4, VOCABULARY - 6])
    rows = rng.permuted(np.tile(row, (length * STATES, 1)), axis=1)
    rows = np.pad(rows, [(0, 0), (2, 0)])  # PAD and START
    return rows.reshape(length, STATES, VOCABULARY).tolist()


def facts_of(beam, alpha, kinds=("characters", "symbols"), form="NFC", lower=True):
    """What a client finds in model.json."""
    source = LETTERS if kinds[0] == "characters" else WORDS
    target = [f"<{i}>" for i in range(VOCABULARY - len(SPECIAL))]
    return {
        "source_tokeniser": {"kind": kinds[0], "tokens": [*SPECIAL, *source]},
        "target_tokeniser": {"kind": kinds[1], "tokens": [*SPECIAL, *target]},
        "source_normaliser": {"form": form, "lower": lower},
        "decoding": {"beam": beam, "length_penalty": alpha, "max_length": 0},
    }


def reference(model, facts, texts, rows):
    """Return what the reference says to every text, and to every row of tokens."""
    options = facts["decoding"]["beam"], facts["decoding"]["length_penalty"]
    normalise = Normaliser(**facts["source_normaliser"])
    source, target = (from_json(facts[f"{s}_tokeniser"]) for s in ("source", "target"))
    results = []
    for text, row in zip(texts, rows, strict=True):
        ids = source.encode(normalise(text))[: model.source_length - 1]
        found = search(model, [*ids, END], *options)
        answers = [(target.decode(tokens), score) for tokens, score in found]
        results.append({"encoded": [*ids, END], "decoded": target.decode(row)})
        results[-1].update({"found": found, "answers": answers})
    return results


def rows_of(rng, count, most):
    """Rows of tokens, UNKNOWN among them; nothing before it is in an answer."""
    return [rng.integers(UNKNOWN, most, rng.integers(8)).tolist() for _ in range(count)]


def text_cases():
    """Yield cases of many texts for tokens of all kinds, and a model of no words."""
    rng = np.random.default_rng(1)
    # Of assigned characters: what Unicode adds, not all clients know yet.
    units = [*UNITS, *filter(in_unicode_3, map(chr, rng.integers(1, 0x30000, 999)))]
    for name, tokeniser in FITTED.items():
        texts = ["".join(rng.choice(units, rng.integers(30))) for _ in range(198)]
        texts += ["aab" * 300, "日本語を" * 200]
        rows = rows_of(rng, 50, tokeniser.size)
        # If there are bytes, those that make characters and those that make none.
        rows += rows_of(rng, 50, min(tokeniser.size, UNKNOWN + 257))
        # As the file with the whole search returns them.
        rows += ([*tokeniser.encode(text), END, PAD, PAD] for text in texts[:100])
        facts = facts_of(1, 0.6, lower=name == "words")
        facts |= dict.fromkeys(
            ("source_tokeniser", "target_tokeniser"), tokeniser.to_json()
        )
        tables = np.zeros((1, STATES, VOCABULARY)).tolist()
        case = {"tables": tables, "source_length": 999, "texts": texts}
        yield {**case, "rows": rows, "facts": facts}


def in_unicode_3(character):
    return unicodedata.ucd_3_2_0.category(character) not in ("Cn", "Co", "Cs")


@pytest.fixture(scope="module")
def made_up():
    """Cases with made-up models, and what the reference says to them."""
    rng = np.random.default_rng(0)
    tables = [
        *(random_tables(rng, n, end) for n in (1, 2, MAX_LENGTH) for end in (-1, 1, 3)),
        *(tied_tables(rng, n) for n in (3, MAX_LENGTH)),
    ]
    kinds, forms = ("characters", "symbols"), ("NFC", "NFKC", "none")
    texts = itertools.cycle(itertools.product(kinds, kinds, forms, (True, False)))
    cases = []
    for table, *options in itertools.product(tables, (1, 2, 4, 7), (0.0, 0.6, 1.5)):
        source, target, form, lower = next(texts)
        case = {"tables": table, "source_length": SOURCE_LENGTH, "texts": TEXTS}
        case["rows"] = rows_of(rng, len(TEXTS), VOCABULARY)
        cases.append(
            {**case, "facts": facts_of(*options, (source, target), form, lower)}
        )
    cases += text_cases()
    expected = []
    for case in cases:
        model = Tables(case["tables"], case["source_length"])
        expected += reference(model, *(case[key] for key in ("facts", "texts", "rows")))
    return cases, expected


@pytest.fixture(scope="module", params=["transformer_tiny", "lstm_small"])
def file(request, tmp_path_factory):
    """An untrained model as a TFLite file of two signatures."""
    from kerazoo.harness.export.convert import STEPS, to_tflite
    from kerazoo.harness.export.steps import write_steps

    keras.utils.set_random_seed(0)
    sizes = {
        "source_vocabulary": len(SPECIAL) + len(LETTERS),
        "target_vocabulary": VOCABULARY,
    }
    model = zoo.create_model(request.param, width=16, num_layers=1, **sizes)
    for number, weight in enumerate(model.trainable_variables):
        if len(weight.shape) > 1:  # so that answers are neither all alike nor near ties
            weight.assign_add(2.0 * keras.random.normal(weight.shape, seed=number))
    folder = tmp_path_factory.mktemp("file")
    source = keras.Input((SOURCE_LENGTH,), dtype="int32", name="source")
    decoding = Decoding(max_length=MAX_LENGTH)
    tokens = Translator.of(model, decoding)(source)["tokens"]
    write_steps(keras.Model(source, tokens), folder / "saved")
    path = folder / "steps.tflite"
    path.write_bytes(to_tflite(str(folder / "saved"), "tflite", {}, STEPS))
    return path


def cases_of(name, path):
    """Cases with a real file, and what the reference says to them."""
    model = StepFile(str(path))
    all_facts = [facts_of(beam, 0.6) for beam in (1, 4)]
    rows = rows_of(np.random.default_rng(0), len(TEXTS), VOCABULARY)
    case = {"file": name, "texts": TEXTS, "rows": rows}
    cases = [{**case, "facts": facts} for facts in all_facts]
    expected = []
    for facts in all_facts:
        expected += reference(model, facts, TEXTS, rows)
    assert len({str(row["found"][0][0]) for row in expected}) > 3, "all are alike"
    return cases, expected


def check(results, expected, tolerance):
    assert isinstance(results, list), results
    for result, right in zip(results, expected, strict=True):
        assert result["encoded"] == right["encoded"]
        assert result["decoded"] == right["decoded"]
        for kind in ("found", "answers"):
            said, scores = zip(*result[kind], strict=True)
            right_said, right_scores = zip(*right[kind], strict=True)
            assert said == right_said
            np.testing.assert_allclose(scores, right_scores, rtol=0, atol=tolerance)


def test_the_made_up_models_ask_for_all_there_is(made_up):
    _, expected = made_up
    found = [row["found"] for row in expected]
    lengths = {len(tokens) for row in found for tokens, _ in row}
    assert lengths >= {0, 1, 2, 3, 4, MAX_LENGTH - 1}
    assert {len(row) for row in found} >= {1, 2, 4, 7}
    assert any(len(row) > len({score for _, score in row}) for row in found), "no ties"
    assert any("\ufffd" in text for row in expected for text, _ in row["answers"])


def test_javascript_finds_what_the_reference_finds(made_up, tmp_path):
    cases, expected = made_up
    client, program = CLIENTS / "token_search.js", CHECKS / "check.mjs"
    check(run_node(client, program, cases, tmp_path), expected, 1e-12)


def test_javascript_follows_one_hypothesis_at_least(tmp_path):
    program = tmp_path / "call.mjs"
    program.write_text(
        "import { search } from './client.mjs';\n"
        "const errors = [0, -1, NaN].map((beam) =>\n"
        "  search({}, [5, 2], { beam }).catch((error) => `${error}`));\n"
        "console.log(JSON.stringify(await Promise.all(errors)));\n"
    )
    said = run_node(CLIENTS / "token_search.js", program, [], tmp_path)
    end = "which must be 1 or more"
    assert said == [f"RangeError: a beam of {n}, {end}" for n in ("0", "-1", "NaN")]


# ------------------------------------------------------------------------- the browser


@pytest.fixture(scope="module")
def site(litert_js, tmp_path_factory):
    """A folder that a browser is shown, with LiteRT in it."""
    folder = tmp_path_factory.mktemp("site")
    page = (CHECKS / "page.js", CHECKS / "answers.mjs")
    return make_site(folder, litert_js, CLIENTS / "token_search.js", *page)


@pytest.mark.slow
def test_a_browser_answers_as_the_reference_does(site, file, tmp_path):
    name = f"{file.parent.name}.tflite"
    shutil.copy(file, site / name)
    cases, expected = cases_of(name, file)
    (site / "cases.json").write_text(json.dumps(cases))
    check(browse(site, tmp_path), expected, 1e-4)


# ---------------------------------------------------------------------------- Android


@pytest.fixture(scope="module")
def kotlin(kotlin_compiler, tmp_path_factory):
    """Return the command that runs the Kotlin client, compiled with a stand-in."""
    folder = tmp_path_factory.mktemp("kotlin")
    sources = (CLIENTS / "TokenSearch.kt", CHECKS / "Check.kt", STAND_IN)
    return compile_kotlin(kotlin_compiler, folder, *sources)


@pytest.mark.slow
def test_kotlin_finds_what_the_reference_finds(kotlin, made_up, tmp_path):
    cases, expected = made_up
    check(run_client(kotlin, cases, tmp_path), expected, 1e-12)


@pytest.mark.slow
def test_kotlin_hands_a_file_what_it_asks_for(kotlin, file, tmp_path):
    model = StepFile(str(file))
    runners = {"encode": model.encode, "decode_step": model.decode_step}
    (tmp_path / "file.json").write_text(json.dumps(described(runners)))
    cases, expected = cases_of("file.json", file)
    answer = answer_of(runners)
    check(run_client(kotlin, cases, tmp_path, answer), expected, 1e-12)
