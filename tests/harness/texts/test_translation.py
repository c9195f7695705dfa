"""Texts in, texts out: blank ones, long ones, and in what batches."""

from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest

from kerazoo.harness.texts.tokenisers import fit_tokeniser
from kerazoo.harness.texts.translation import batches_by_length, translate

TOKENISER = fit_tokeniser("characters", ["abc"])


class Echo:
    """Answers with the source, and keeps the shapes that it was asked in."""

    def __init__(self, limit=None):
        self.shapes = []
        self.encoder = SimpleNamespace(add_positions=SimpleNamespace(limit=limit))

    def predict_on_batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        self.shapes.append(rows.shape)
        lengths = (rows > 0).sum(axis=1, keepdims=True)
        scores = np.full((len(rows), 1), -1.0)
        return {"tokens": rows[:, None], "lengths": lengths, "scores": scores}


def test_nothing_is_the_answer_to_nothing():
    echo = Echo()
    answers = translate(echo, ["ab", "", "c"], TOKENISER, TOKENISER)
    assert answers == [[("ab", -1.0)], [("", 0.0)], [("c", -1.0)]]
    assert echo.shapes == [(2, 8)]  # the empty text was not decoded
    assert translate(echo, [""], TOKENISER, TOKENISER) == [[("", 0.0)]]
    assert translate(echo, [], TOKENISER, TOKENISER) == []


def test_answers_keep_the_order_of_the_texts():
    texts = ["a" * length for length in (9, 1, 600, 3, 0, 2000)]
    echo = Echo()
    found = translate(echo, texts, TOKENISER, TOKENISER, batch_size=4)
    assert [answer for ((answer, _),) in found] == texts
    assert max(shape[1] for shape in echo.shapes) >= 2001


def test_a_text_beyond_the_learned_positions_loses_its_end(capsys):
    echo = Echo(limit=10)
    texts = ["a" * length for length in (9, 12, 3)]
    found = translate(echo, texts, TOKENISER, TOKENISER)
    assert [answer for ((answer, _),) in found] == ["a" * 9, "a" * 9, "a" * 3]
    assert echo.shapes == [(4, 10)]  # and not 16, the next multiple of 8
    assert "positions for 10 tokens: the end of 1 of 3" in capsys.readouterr().err


@pytest.mark.parametrize(("length", "most"), [(5, 64), (256, 64), (512, 16), (5000, 1)])
def test_few_long_texts_are_decoded_side_by_side(length, most):
    batches = batches_by_length([[1] * length] * 130, 64)
    assert max(map(len, batches)) == most
    assert sorted(chain(*batches)) == list(range(130))
