"""Texts in, texts out: what lies between a user's lines and a Translator's tokens."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerazoo.zoo.seq2seq.tokens import END, PAD

if TYPE_CHECKING:
    from kerazoo.harness.data import Data
    from kerazoo.harness.texts.tokenisers import Tokeniser
    from kerazoo.zoo.seq2seq.decoding import Translator

BATCH_SIZE = 64  # sources that are decoded side by side
LONG = 256  # tokens of a source, beyond which fewer are decoded side by side
STEP = 8  # sources are padded to multiples of it, so that few shapes are compiled

Answer = tuple[str, float]  # a text, and its score: the higher, the more probable


def translate(
    translator: "Translator",
    texts: Sequence[str],
    source: "Tokeniser",
    target: "Tokeniser",
    batch_size: int = BATCH_SIZE,
    prefix: Sequence[int] = (),
) -> list[list[Answer]]:
    """Translate texts in batches of about the same length.

    Args:
        translator: a trained model and how it decodes.
        texts: any number, in any order.
        source: turns a text into tokens.
        target: turns tokens into a text.
        batch_size: texts that are decoded side by side.
        prefix: tokens that every answer begins with.

    Returns:
        For every text, in the order given, the n best answers, the best first.
    """
    positions = getattr(translator.encoder, "add_positions", None)
    limit = getattr(positions, "limit", None) or sys.maxsize
    tokens = [[*source.encode(text), END] for text in texts]
    if long := sum(len(row) > limit for row in tokens):
        print(
            f"note   the model has positions for {limit} tokens: the end of {long} of "
            f"{len(texts):,} texts is left out",
            file=sys.stderr,
        )
        tokens = [
            [*row[: limit - 1], END] if len(row) > limit else row for row in tokens
        ]
    asked = [place for place, row in enumerate(tokens) if len(row) > 1]
    answers: list[list[Answer]] = [[("", 0.0)] for _ in texts]
    for places in batches_by_length([tokens[i] for i in asked], batch_size):
        places = [asked[i] for i in places]
        # A few texts are no whole batch, and no shape for every number of them.
        inputs = padded(
            [tokens[i] for i in places],
            min(batch_size, 2 ** (len(places) - 1).bit_length()),
            limit,
        )
        if prefix:
            inputs = [inputs, np.tile(np.array(prefix, "int32"), (len(inputs), 1))]
        outputs = translator.predict_on_batch(inputs)
        for row, place in enumerate(places):
            answers[place] = [
                (target.decode(ids[: length - 1].tolist()), float(score))
                for ids, length, score in zip(
                    *(outputs[k][row] for k in ("tokens", "lengths", "scores")),
                    strict=True,
                )
                if length
            ]
    return answers


def translator_of_texts(
    translator: "Translator", data: "Data"
) -> Callable[[Sequence[str]], list[str]]:
    """Return a function that gives the best answer to each of several texts."""
    size = batch_size_of(data.metadata)

    def best(texts: Sequence[str]) -> list[str]:
        found = translate(translator, texts, *data.tokenisers, size)
        return [answers[0][0] if answers else "" for answers in found]

    return best


def batch_size_of(facts: dict[str, Any]) -> int:
    """Return how many texts a run decodes side by side, from its `data.json`."""
    return facts["decoding"].get("batch_size", BATCH_SIZE)


def batches_by_length(
    rows: Sequence[Sequence[int]], batch_size: int
) -> list[list[int]]:
    """Return the places of rows in batches, short rows first, and few long ones.

    >>> batches_by_length([[1, 2], [1], [1, 2, 3]], 2)
    [[1, 0], [2]]
    """
    batches: list[list[int]] = []
    for place in sorted(range(len(rows)), key=lambda place: len(rows[place])):
        # Attention takes memory by the square of the length.
        most = batch_size * min(1, (LONG / len(rows[place])) ** 2)
        if not batches or len(batches[-1]) + 1 > most:
            batches.append([])
        batches[-1].append(place)
    return batches


def padded(
    rows: Sequence[Sequence[int]],
    num_rows: int = 0,
    limit: int = sys.maxsize,
    length: int = 0,
) -> np.ndarray:
    """Return rows as one array, filled up with PAD and with the last row.

    Shapes:
        returns: (num_rows, length); where they are 0 as many as there are rows, and the
            longest row's length, rounded up to a multiple of STEP within the limit.
    """
    length = length or min(-(-max(map(len, rows)) // STEP) * STEP, limit)
    array = np.full((max(num_rows, len(rows)), length), PAD, "int32")
    for place, row in zip(array, rows, strict=False):
        place[: len(row)] = row
    array[len(rows) :] = array[len(rows) - 1]
    return array
