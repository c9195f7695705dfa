"""How `kerazoo predict` searches for answers: what may be asked, and what is made."""

import contextlib
import dataclasses
import io
import json
from types import SimpleNamespace

import keras
import pytest

from kerazoo import zoo
from kerazoo.harness import commands_predict
from kerazoo.harness.texts.predict import TextSearch, as_evaluated, predict_texts
from kerazoo.harness.texts.tokenisers import fit_tokeniser
from kerazoo.harness.tracking import runs
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator

FACTS = {"decoding": {"beam": 4, "length_penalty": 0.3, "max_length": 0}}


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"beam": 0}, "--beam must be at least 1; got 0"),
        ({"top": 0}, "--top must be at least 1; got 0"),
        ({"top": 3, "beam": 2}, "--beam of --top 3 must be at least 3; got 2"),
        ({"sample": True, "beam": 1}, "--sample follows no beam: leave out --beam"),
        ({"sample": True, "top_k": -1}, "--top-k must be at least 0; got -1"),
        ({"sample": True, "seed": -1}, "--seed must be at least 0; got -1"),
        ({"sample": True, "top_p": 0.0}, "--top-p must be above 0, at most 1; got 0.0"),
        ({"sample": True, "top_p": 1.5}, "--top-p must be above 0, at most 1; got 1.5"),
        ({"sample": True, "temperature": 0}, "--temperature must be above 0; got 0"),
        ({"no_repeat_ngram": -1}, "--no-repeat-ngram must be at least 0; got -1"),
        ({"top_k": 5, "seed": 1}, "--top-k, --seed would do nothing without --sample"),
    ],
)
def test_a_search_that_cannot_be_is_refused(search, message):
    with pytest.raises(ValueError) as error:
        TextSearch(**search)
    assert str(error.value) == message


class Half(keras.layers.Layer):
    """An encoder or a decoder that is only handed on."""

    def call(self, inputs):
        return inputs[0] if isinstance(inputs, list) else inputs


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (None, {"beam_size": 4}),
        (TextSearch(top=3), {"beam_size": 4, "n_best": 3}),
        (TextSearch(top=6), {"beam_size": 6, "n_best": 6}),
        (TextSearch(beam=1), {}),
        (TextSearch(beam=7, top=2), {"beam_size": 7, "n_best": 2}),
        (TextSearch(no_repeat_ngram=3), {"beam_size": 4, "no_repeat_ngram": 3}),
        (
            TextSearch(sample=True, top=2, temperature=0.5, top_k=3, top_p=0.9, seed=8),
            {"sample": True, "n_best": 2, "temperature": 0.5, "top_k": 3, "top_p": 0.9}
            | {"seed": 8},
        ),
    ],
)
def test_flags_change_how_a_run_was_evaluated(search, expected):
    found = as_evaluated(product(max_length=5), FACTS, search).decoding
    assert found == Decoding(max_length=5, length_penalty=0.3, **expected)


def product(*layers, **options):
    """Stand for the model of a run, which is greedy."""
    greedy = Translator(*(layers or (Half(), Half())), Decoding(**options))
    return type("Product", (), {"layers": [keras.layers.Identity(), greedy]})


KEPT = {"length_penalty_kind": "average", "coverage_penalty": 0.2}
KEPT |= {"no_repeat_ngram": 3, "min_length": 2}


def test_what_a_run_was_evaluated_with_is_used_again():
    facts = {"decoding": {**FACTS["decoding"], **KEPT, "samples": 9}}
    expected = Decoding(max_length=5, length_penalty=0.3, beam_size=4, **KEPT)
    assert as_evaluated(product(max_length=5), facts).decoding == expected
    without = as_evaluated(product(max_length=5), facts, TextSearch(no_repeat_ngram=0))
    assert without.decoding == dataclasses.replace(expected, no_repeat_ngram=0)


@pytest.mark.parametrize("how", [{}, {"beam": 3}, {"sample": True}, {"top": 2}])
def test_every_answer_begins_with_a_prefix(how):
    found = answered(TextSearch(prefix="  FG c", **how))
    assert len(found) == 2
    assert all(text.startswith("fg c") for row in found for text, _ in row)


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("aßb", "--prefix aßb: no answer can begin so; it reads 'a\ufffdb' in the "),
        (
            "fgfgfgfg",
            "--prefix fgfgfgfg: a prefix must be shorter than max_length, 8; ",
        ),
    ],
)
def test_a_prefix_that_no_answer_has_is_refused(prefix, message):
    with pytest.raises(ValueError) as error:
        answered(TextSearch(prefix=prefix))
    assert str(error.value).startswith(message)


def answered(search: TextSearch):
    """Let a model that knows nothing answer two texts."""
    letters = fit_tokeniser("characters", ["abcdefg fgc"]).to_json()
    facts = {"source_tokeniser": letters, "target_tokeniser": letters}
    facts["source_normaliser"] = {"form": "NFC", "lower": False}
    facts["target_normaliser"] = {"form": "NFC", "lower": True}
    model = zoo.create_model(
        "lstm_small",
        source_vocabulary=len(letters["tokens"]),
        target_vocabulary=len(letters["tokens"]),
        width=8,
        num_layers=1,
    )
    layers = [model.get_layer(name) for name in ("encoder", "decoder")]
    greedy = product(*layers, max_length=8)
    return predict_texts(greedy, {**FACTS, **facts}, ["ab", "c"], search)


def test_a_score_stands_behind_each_of_several_answers(monkeypatch, capsys):
    facts = json.dumps({"source_tokeniser": {}, "labels": []})
    found = [[("a b", -1.0), ("a", -2.5)], [("c", -0.25)], []]
    record = type("Record", (), {"info": type("Info", (), {"run_id": "1"})})
    monkeypatch.setattr(runs, "find_run", lambda run: record)
    monkeypatch.setattr(runs, "read_json", lambda *_: json.loads(facts))
    run = SimpleNamespace(load_model=lambda: None, config=None)
    monkeypatch.setattr(
        "kerazoo.harness.reopen.reopen", lambda _: contextlib.nullcontext(run)
    )
    monkeypatch.setattr(
        "kerazoo.harness.texts.predict.predict_texts",
        lambda model, facts, texts, search: [x[: search.top] for x in found],
    )
    asked = {"run": "last", "inputs": ["x", "y", "z"], "output": None}
    commands_predict.predict(**asked, top=2, json=False, beam=3)
    assert capsys.readouterr().out == "a b\t-1.0000\ta\t-2.5000\nc\t-0.2500\n\n"
    commands_predict.predict(**asked, top=None, json=False)
    assert capsys.readouterr().out == "a b\nc\n\n"
    commands_predict.predict(**asked, top=1, json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == {"text": "y", "answers": [{"answer": "c", "score": -0.25}]}


def test_lines_are_utf_8_and_end_at_line_ends_alone(monkeypatch):
    given = "\ufeffé\r\na\u2028b\x0bc\n\nlast".encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(given)))
    assert commands_predict._lines_of_input() == ["é", "a\u2028b\x0bc", "", "last"]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (b"caf\xe9\n", "line 1: 0xe9"),
        (b"\xef\xbb\xbfa\n\nb \xff", "line 3: 0xff"),
        (b"a\n" * 1200 + b"\xc3", "line 1,201: 0xc3"),
    ],
)
def test_an_input_in_another_encoding_names_the_line(given, place, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(given)))
    with pytest.raises(ValueError) as error:
        commands_predict._lines_of_input()
    assert str(error.value) == (
        f"the standard input, {place} is not UTF-8. Convert it, such as by "
        "`iconv -f latin1 -t utf-8 FILE`."
    )
