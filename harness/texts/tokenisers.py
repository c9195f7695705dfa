"""From texts to token ids and back: characters, words, symbols, or sub-words.

A tokeniser is fitted on training texts and nothing else. Its ids begin with the four
special tokens of `kerazoo.zoo.seq2seq.tokens`; `encode` adds none of them but UNKNOWN.
Where kerazoo is not, `token_search.py` does the same.
"""

import base64
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from kerazoo.harness.errors import DataError
from kerazoo.harness.texts.token_search import UNKNOWN_TEXT, text_of, words_of
from kerazoo.harness.wording import first_line
from kerazoo.zoo.seq2seq.tokens import END, NUM_SPECIAL, PAD, START, UNKNOWN

Kind = Literal["characters", "words", "symbols", "subwords"]
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")  # by id
NUM_BYTES = 256
COVERAGE = 0.9995  # of the characters; the rest is spelt in bytes. Kudo's default


class Tokeniser(Protocol):
    """What every tokeniser can do."""

    @property
    def size(self) -> int:
        """How many ids there are, the special ones included."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without START and END."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids, up to the first END; PAD and START are left out."""

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes an equal tokeniser of."""


def fit_tokeniser(
    kind: Kind, texts: Iterable[str], *, size: int = 8000, byte_fallback: bool = True
) -> Tokeniser:
    """Make a tokeniser of what stands in the training texts.

    The order of the texts changes nothing but for sub-words, and nothing is random.

    Args:
        kind: "characters"; "words" and the punctuation between them; "symbols", parted
            by spaces; "subwords", by byte-pair encoding (Sennrich et al. 2016,
            arXiv:1508.07909) as sentencepiece trains it.
        texts: of the training split alone.
        size: the most ids; the rarest tokens are left out. Sub-words are made until
            there are so many, or no more can be made.
        byte_fallback: spell what the sub-words lack in bytes, so that nothing is
            unknown; it takes 256 ids.

    Raises:
        DataError: there are no texts, or the size is too small.

    >>> fit_tokeniser("characters", ["abba", "b"]).encode("abc")
    [5, 4, 3]
    """
    if kind == "subwords":
        return _fit_subwords(texts, size, byte_fallback)
    counts = Counter(token for text in texts for token in _split(kind, text))
    if not counts or size <= NUM_SPECIAL:
        raise DataError(
            f"A vocabulary of {size} {kind} cannot be made: {len(counts)} are there, "
            f"and {NUM_SPECIAL} ids are taken."
        )
    # Of equally frequent tokens the order is that of their characters.
    ordered = sorted(counts, key=lambda token: (-counts[token], token))
    return ListTokeniser(kind, (*SPECIAL, *ordered[: size - NUM_SPECIAL]))


def of_facts(facts: dict[str, Any]) -> tuple["Tokeniser", "Tokeniser"]:
    """Return the tokenisers of source and target that a run's `data.json` holds."""
    return from_json(facts["source_tokeniser"]), from_json(facts["target_tokeniser"])


def from_json(saved: dict[str, Any]) -> Tokeniser:
    """Make the tokeniser whose `to_json` that was."""
    if saved["kind"] == "subwords":
        return SubwordTokeniser(base64.b64decode(saved["model"]))
    return ListTokeniser(saved["kind"], tuple(saved["tokens"]))


@dataclass(frozen=True)
class ListTokeniser:
    """Tokens that stand in a list; an id is a place in it.

    Characters and symbols come back as they were; words come back with the usual
    spaces around punctuation, which need not be those of the text.

    >>> words = fit_tokeniser("words", ["It's here, isn't it?"])
    >>> words.decode(words.encode("It's here, is it?"))
    "It's here, � it?"
    """

    kind: Kind
    tokens: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many ids there are, the special ones included."""
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without START and END."""
        ids = self._ids
        return [ids.get(token, UNKNOWN) for token in _split(self.kind, text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids, up to the first END; PAD and START are left out."""
        return text_of(_up_to_end(ids), self.kind, self.tokens)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes an equal tokeniser of."""
        return {"kind": self.kind, "tokens": list(self.tokens)}

    @cached_property
    def _ids(self) -> dict[str, int]:
        # A text may hold "<pad>"; it means nothing special there.
        real = self.tokens[NUM_SPECIAL:]
        return {token: i for i, token in enumerate(real, NUM_SPECIAL)}


@dataclass(frozen=True)
class SubwordTokeniser:
    """Sub-words of a sentencepiece model, which is kept as its bytes."""

    model: bytes
    kind: Kind = "subwords"

    @property
    def size(self) -> int:
        """How many ids there are, the special ones included."""
        return self._processor.get_piece_size()

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without START and END."""
        return self._processor.encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids, up to the first END; PAD and START are left out."""
        return self._processor.decode(_up_to_end(ids))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes an equal tokeniser of, and the pieces by id.

        The pieces, "tokens", are for clients without sentencepiece: `token_search.py`
        needs no more. "▁" stands for a space. If id 4 is "<0x00>", ids 4 to 259 are
        bytes. Those that follow are in the order in which they are merged.
        """
        model = base64.b64encode(self.model).decode()
        pieces = [self._processor.id_to_piece(i) for i in range(self.size)]
        return {"kind": self.kind, "model": model, "tokens": pieces}

    @cached_property
    def _processor(self):
        import sentencepiece

        return sentencepiece.SentencePieceProcessor(model_proto=self.model)


def _split(kind: Kind, text: str) -> Sequence[str]:
    if kind == "characters":
        return text
    return text.split() if kind == "symbols" else words_of(text)


def _up_to_end(ids: Iterable[int]) -> list[int]:
    kept = []
    for i in map(int, ids):
        if i == END:
            break
        if i not in (PAD, START):
            kept.append(i)
    return kept


def _fit_subwords(texts: Iterable[str], size: int, byte_fallback: bool) -> Tokeniser:
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="bpe",
            vocab_size=size,
            max_sentence_length=1 << 30,  # bytes; it would leave out longer texts
            hard_vocab_limit=False,  # small data make fewer
            byte_fallback=byte_fallback,
            character_coverage=COVERAGE if byte_fallback else 1.0,
            normalization_rule_name="identity",  # it was done before
            **{"pad_id": PAD, "bos_id": START, "eos_id": END, "unk_id": UNKNOWN},
            unk_surface=UNKNOWN_TEXT,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        taken = NUM_SPECIAL + NUM_BYTES * byte_fallback
        reason = first_line(error).split("] ")[-1]
        raise DataError(
            f"--data.vocabulary_size {size}: no sub-words can be made ({reason}). "
            f"{taken} ids are taken, and each character needs one."
        ) from error
    return SubwordTokeniser(model.getvalue())
