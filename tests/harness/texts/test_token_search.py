"""Texts in the hands of the reference client: as the tokenisers read and write them.

Byte-pair encoding is held against sentencepiece, which the client does without.
"""

from dataclasses import asdict

import pytest
from hypothesis import given, settings, strategies as st
from odd_texts import FITTED, UNITS

from kerazoo.harness.texts import token_search
from kerazoo.harness.texts.text import Normaliser
from kerazoo.zoo.seq2seq.tokens import END, NUM_SPECIAL, PAD, UNKNOWN

LINES = st.lists(st.sampled_from(UNITS) | st.text(max_size=4)).map("".join)


def facts_of(tokeniser):
    """What a client finds in model.json."""
    return {
        "source_tokeniser": tokeniser.to_json(),
        "target_tokeniser": tokeniser.to_json(),
        "source_normaliser": asdict(Normaliser()),
    }


ALL_FACTS = {name: facts_of(tokeniser) for name, tokeniser in FITTED.items()}


@pytest.mark.parametrize("name", FITTED)
@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=LINES)
def test_the_client_reads_texts_as_the_tokenisers_do(name, text):
    ids = token_search.encode(text, ALL_FACTS[name], 9999)
    assert ids == [*FITTED[name].encode(Normaliser()(text)), END]


@pytest.mark.parametrize("name", FITTED)
@settings(max_examples=300, deadline=None, derandomize=True)
@given(places=st.lists(st.integers(0, 9999), max_size=12), bytes_only=st.booleans())
def test_the_client_writes_texts_as_the_tokenisers_do(name, places, bytes_only):
    tokeniser = FITTED[name]
    most = min(tokeniser.size, NUM_SPECIAL + 256) if bytes_only else tokeniser.size
    # UNKNOWN is of them: nothing before it is in an answer.
    ids = [UNKNOWN + place % (most - UNKNOWN) for place in places]
    assert token_search.decode(ids, ALL_FACTS[name]) == tokeniser.decode(ids)


@pytest.mark.parametrize("name", FITTED)
def test_the_client_writes_what_stands_before_the_end(name):
    ids = FITTED[name].encode("a b")
    text = token_search.decode([*ids, END, PAD, UNKNOWN], ALL_FACTS[name])
    assert text == FITTED[name].decode(ids)


@pytest.mark.parametrize("name", FITTED)
def test_long_words_are_read_too(name):
    for text in ("ab" * 900, "aaab" * 500, "日本語を" * 300, "a" * 1999 + "Ж"):
        ids = token_search.encode(text, ALL_FACTS[name], 9999)
        assert ids == [*FITTED[name].encode(text), END]


def test_the_texts_ask_for_all_there_is():
    pieces = FITTED["bytes"].to_json()["tokens"]
    assert pieces[NUM_SPECIAL] == "<0x00>" and "▁the" in pieces
    assert FITTED["no bytes"].to_json()["tokens"][NUM_SPECIAL] != "<0x00>"
    # A run of unknown characters is one token; bytes that make no character are shown.
    assert FITTED["letters"].encode("xyz a") == FITTED["letters"].encode("x a")
    assert FITTED["bytes"].decode([4 + 0xE2, 4 + 0x96]) == "\ufffd\ufffd"
    assert FITTED["bytes"].decode([4 + 0xE2, 4 + 0x96, 4 + 0x81]) == "▁"


def test_a_text_that_is_too_long_loses_its_end():
    ids = token_search.encode("a b c a b c", ALL_FACTS["symbols"], 3)
    assert len(ids) == 3 and ids[-1] == END


@pytest.mark.parametrize("beam", [0, -1])
def test_a_search_follows_one_hypothesis_at_least(beam):
    with pytest.raises(ValueError, match=f"a beam of {beam}, which must be 1 or more"):
        token_search.search(None, [NUM_SPECIAL, END], beam)
