"""Scores of texts, against plain loops and hand-worked numbers."""

import doctest

import numpy as np
import pytest

from kerazoo.harness.texts import text_scores
from kerazoo.harness.texts.text_scores import METRICS, nearest_edits


def edit_distance(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = range(len(a) + 1), range(len(b) + 1)
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            kept = table[i - 1, j - 1] + (x != y)
            table[i, j] = min(kept, table[i - 1, j] + 1, table[i, j - 1] + 1)
    return int(table[-1, -1])


def test_the_examples():
    assert doctest.testmod(text_scores).failed == 0


@pytest.mark.parametrize("by_characters", [False, True])
def test_edits_are_those_of_the_plain_algorithm(by_characters):
    rng = np.random.default_rng(0)

    def text(lowest):
        return " ".join(rng.choice(list("abc"), rng.integers(lowest, 7)))

    answers = [text(0) for _ in range(60)]
    references = [[text(1) for _ in range(rng.integers(1, 4))] for _ in answers]
    split = list if by_characters else str.split
    for answer, several, (edits, length) in zip(
        answers,
        references,
        nearest_edits(answers, references, by_characters),
        strict=True,
    ):
        counts = [edit_distance(split(r), split(answer)) for r in several]
        assert edits == min(counts)
        assert length == len(split(several[int(np.argmin(counts))]))


def test_a_word_is_right_if_any_reference_is():
    scores = METRICS["per"].measure(["A B", "C"], [["X Y", "A B"], ["D"]])
    assert scores == {"per": pytest.approx(1 / 3), "wer": 0.5}


def test_no_answer_is_all_deletions():
    assert METRICS["wer"].measure([""], [["a b"]]) == {"wer": 1.0, "sentence_error": 1}


def test_translations_may_have_different_numbers_of_references():
    answers = ["the cat sat on the mat", "hello there my old friend"]
    references = [["a cat was here", answers[0]], [answers[1]]]
    assert METRICS["bleu"].measure(answers, references)["bleu"] == 100
    worse = METRICS["bleu"].measure(answers, [references[0][:1], references[1]])
    assert 0 < worse["bleu"] < 100


def test_bleu_of_texts_of_few_words_counts_shorter_sequences():
    answers, references = ["chat", "chien", "la mer"], [["chat"], ["loup"], ["la mer"]]
    assert 50 < text_scores.translation_scores(answers, references)["bleu"] < 100
    assert text_scores.translation_scores(["chat"], [["chat"]])["bleu"] == 100
    assert "eff:yes" in text_scores.signature("bleu")


@pytest.mark.parametrize("name", METRICS)
def test_the_signature_names_the_package(name):
    """And BLEU's how texts were parted into words."""
    assert ("tok:zh" in text_scores.signature(name, "zh")) == (name == "bleu")
    assert any(x in text_scores.signature(name) for x in ("jiwer 4", "version:2"))


def test_bleu_counts_the_characters_of_texts_without_spaces():
    answers, references = ["我今天去学校。"], [["我今天去了学校。"]]
    assert text_scores.translation_scores(answers, references)["bleu"] == 0
    assert text_scores.words_of_bleu([right for (right,) in references]) == "char"
    assert text_scores.translation_scores(answers, references, "char")["bleu"] > 40
    assert text_scores.translation_scores(answers, references, "zh")["bleu"] > 40
