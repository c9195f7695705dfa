"""Tokenisers come back equal from JSON, lose nothing they know, and are repeatable."""

import json
import re

import pytest
from hypothesis import given, settings, strategies as st

from kerazoo.harness import DataError
from kerazoo.harness.texts.files import LONGEST
from kerazoo.harness.texts.text import Normaliser
from kerazoo.harness.texts.tokenisers import UNKNOWN_TEXT, fit_tokeniser, from_json
from kerazoo.zoo.seq2seq.tokens import END, NUM_SPECIAL, PAD, START, UNKNOWN

TEXTS = ["the cat sat on the mat.", "größe 日本 zählt", "the dog (a hound) ran, too"]
KINDS = ["characters", "words", "symbols", "subwords"]


def fitted(kind, **options):
    return fit_tokeniser(kind, TEXTS * 20, **{"size": 400, **options})


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_fitted_comes_back(kind):
    tokeniser = fitted(kind)
    for text in TEXTS:
        ids = tokeniser.encode(text)
        assert min(ids) >= NUM_SPECIAL and max(ids) < tokeniser.size
        assert tokeniser.decode(ids) == text
        assert tokeniser.decode([START, *ids, PAD, END, ids[0]]) == text
    assert tokeniser.encode("") == [] and tokeniser.decode([]) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokeniser_is_saved_and_loaded_equal(kind):
    tokeniser = fitted(kind)
    loaded = from_json(json.loads(json.dumps(tokeniser.to_json())))
    assert loaded == tokeniser and hash(loaded) == hash(tokeniser)
    text = "the größe of 新 mats <s>"
    assert loaded.encode(text) == tokeniser.encode(text)
    assert (loaded.size, loaded.kind) == (tokeniser.size, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_make_the_same_tokeniser(kind):
    assert fitted(kind) == fitted(kind)
    assert fitted(kind) != fit_tokeniser(kind, ["other texts"], size=400)


@pytest.mark.parametrize("kind", ["characters", "words", "symbols"])
def test_lists_are_plain_and_go_by_frequency(kind):
    tokeniser = fit_tokeniser(kind, ["b a b", "c a b"], size=6)
    saved = tokeniser.to_json()
    assert saved["tokens"][:4] == ["<pad>", "<start>", "<end>", "<unknown>"]
    assert saved["tokens"][4:] == ([" ", "b"] if kind == "characters" else ["b", "a"])
    assert tokeniser.encode("z") == [UNKNOWN]
    assert tokeniser.decode([UNKNOWN]) == UNKNOWN_TEXT


def test_special_tokens_in_a_text_are_text():
    symbols = fit_tokeniser("symbols", ["<pad> <end> a"])
    assert min(symbols.encode("<pad> <end>")) >= NUM_SPECIAL
    assert symbols.encode("<start>") == [UNKNOWN]
    assert min(fitted("subwords").encode("<pad><s></s><unk>")) >= NUM_SPECIAL


def test_words_part_from_punctuation():
    words = fit_tokeniser("words", ["(It's a well-known “fact”, no?)"])
    assert len(words.encode("It's a well-known fact")) == 4
    assert words.decode(words.encode("(a “fact”, no?)")) == "(a “fact”, no?)"


@pytest.mark.parametrize("text", ["لماذا؟ نعم، لا", "猫。狗，鱼！", "「猫」と（犬）"])
def test_words_part_from_the_punctuation_of_other_scripts(text):
    words = fit_tokeniser("words", [text])
    assert words.decode(words.encode(text)).replace(" ", "") == text.replace(" ", "")
    assert not re.search(r" [؟،。，！」）]|[「（] ", words.decode(words.encode(text)))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TEXT)
def test_sub_words_spell_in_bytes_what_they_lack(text):
    text = Normaliser()(text)
    tokeniser = SUBWORDS
    ids = tokeniser.encode(text)
    assert UNKNOWN not in ids and tokeniser.decode(ids) == text


SUBWORDS = fit_tokeniser("subwords", TEXTS, size=300)


def test_without_bytes_what_is_lacking_is_unknown():
    tokeniser = fitted("subwords", size=60, byte_fallback=False)
    assert tokeniser.size <= 60
    assert UNKNOWN in tokeniser.encode("the Ж")
    assert UNKNOWN_TEXT in tokeniser.decode(tokeniser.encode("the Ж"))


def test_sub_words_have_the_size_that_was_asked_for_or_all_there_are():
    assert fitted("subwords", size=320).size == 320
    assert 320 < fitted("subwords", size=9999).size < 600
    longer = fitted("subwords", size=400).encode(TEXTS[0])
    assert len(longer) <= len(fitted("subwords", size=310).encode(TEXTS[0]))


@pytest.mark.parametrize("letter", ["a", "é", "日", "\U00010348"])
def test_sub_words_are_made_of_the_longest_texts_too(letter):
    text = f"{letter}{letter} " * (LONGEST // 3)
    tokeniser = fit_tokeniser("subwords", [text], size=300)
    assert len(tokeniser.encode(2 * letter)) == 1


def test_what_cannot_be_fitted_is_told_in_one_line():
    for kind, texts, size in [
        ("characters", [], 100),
        ("symbols", ["a"], 4),
        ("subwords", ["abc"], 100),
        ("subwords", [], 400),
        ("subwords", [""], 400),
    ]:
        with pytest.raises(DataError) as caught:
            fit_tokeniser(kind, texts, size=size)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["छोटी बिल्ली बड़ा पेड़", "สวัสดี ที่นี่", "می‌خواهم", "x̂ e\u0301"]
)
def test_marks_belong_to_their_letters(text):
    words = fit_tokeniser("words", [text])
    assert words.decode(words.encode(text)) == text
    assert len(words.encode(text)) == len(text.split())
