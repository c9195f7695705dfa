"""Beam search over an exported file that takes one step at a time.

    python token_search.py FILE.tflite MODEL.json TEXT …

Needs NumPy and ai-edge-litert alone, and no other file of kerazoo: copy it, or write
the same in another language. `encode` reads the source once; `decode_step` gives the
logits of the next token, and takes back what it returned as `state_…`.
"""

import json
import math
import re
import sys
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

PAD, START, END, UNKNOWN = range(4)
UNKNOWN_TEXT = "\ufffd"  # what an unknown token of an answer is shown as
NEVER = -1e9  # stands for the logarithm of 0
WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
# With a space before it, or behind it, that no text has.
CLOSING = r" ([.,!?;:%)\]}…»”؟،؛。、，！？；：）」』】》])"
OPENING = r"([(\[{«“（「『【《]) "
JOINERS = "\u200c\u200d"  # join letters, or keep them from it, within a word
SPACE = "▁"  # stands for a space in sub-words
FIRST_BYTE = 4  # the id of the byte 0, if sub-words spell what they lack in bytes

Kept = dict[str, np.ndarray]  # what a hypothesis hands from step to step, by name


class StepFile:
    """A `.tflite` file with the signatures `encode` and `decode_step`."""

    def __init__(self, path: str, threads: int = 1):
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=path, num_threads=threads)
        self.encode = interpreter.get_signature_runner("encode")
        self.decode_step = interpreter.get_signature_runner("decode_step")
        self.source_length = self.encode.get_input_details()["source"]["shape"][1]
        self.max_length = 0  # tokens of an answer, END included; known by `begin`

    def begin(self, source: Sequence[int]) -> Kept:
        """Read a source, which ends with END; return what every step needs."""
        ids = np.full((1, self.source_length), PAD, "int32")
        ids[0, : len(source)] = source
        outputs = self.encode(source=ids)
        self.max_length = int(outputs.pop("max_length"))
        return outputs

    def step(self, token: int, position: int, kept: Kept) -> tuple[np.ndarray, Kept]:
        """Return the log-probability of every next token, and what to keep."""
        given = {"token": np.array([token]), "position": np.array(position)}
        given = {name: array.astype("int32") for name, array in given.items()}
        outputs = self.decode_step(**given, **kept)
        states = {k: v for k, v in outputs.items() if k.startswith("state_")}
        logits = outputs["logits"][0].astype("float64")
        log_probs = logits - logits.max()
        log_probs -= np.log(np.exp(log_probs).sum())
        log_probs[[PAD, START]] = NEVER
        return log_probs, kept | states


def search(
    file: StepFile,
    source: Sequence[int],
    beam: int = 1,
    alpha: float = 0.6,
) -> list[tuple[list[int], float]]:
    """Return the hypotheses that ended: tokens without END, score; the best first.

    Args:
        file: or anything with its `begin`, `step` and `max_length`.
        source: tokens, the last one END, at most `source_length` of them.
        beam: hypotheses that are followed; 1 is greedy.
        alpha: of the length penalty, Wu et al. 2016, arXiv:1609.08144, equation 14.

    Raises:
        ValueError: a beam of none.
    """
    if beam < 1:
        raise ValueError(f"a beam of {beam}, which must be 1 or more")
    if list(source) == [END]:  # nothing was asked
        return [([], 0.0)]
    live, ended = [([], 0.0, file.begin(source))], []
    for position in range(file.max_length):
        longer = []
        for tokens, total, kept in live:
            last = tokens[-1] if tokens else START
            log_probs, kept = file.step(last, position, kept)
            best = np.argsort(-log_probs, kind="stable")[:beam]
            if position == file.max_length - 1:  # there is room for END alone
                best = [END]
            longer += [(total + log_probs[t], [*tokens, int(t)], kept) for t in best]
        # Those that have ended keep their place among the hypotheses.
        longer = sorted(longer, key=lambda x: -x[0])[: beam - len(ended)]
        live = [(tokens, total, kept) for total, tokens, kept in longer]
        for tokens, total, _ in live:
            if tokens[-1] == END:
                ended.append((tokens[:-1], total / penalty(position + 1, alpha)))
        live = [x for x in live if x[0][-1] != END]
        # The most that one that goes on can still be worth.
        hope = max((total for _, total, _ in live), default=NEVER)
        best = max((score for _, score in ended), default=NEVER)
        if not live or hope / penalty(file.max_length, alpha) <= best:
            break
    return sorted(ended, key=lambda x: -x[1])


def penalty(length: int, alpha: float) -> float:
    """Return by what the log-probability of a hypothesis is divided."""
    return ((5 + length) / 6) ** alpha


def normalised(text: str, form: str, lower: bool) -> str:
    """Return a text in the form that the model was trained on."""

    def formed(text: str) -> str:
        return text if form == "none" else unicodedata.normalize(form, text)

    if lower:
        # Some letters have no small form before they are composed: ℋ becomes H.
        text = formed(text).lower()
    return " ".join(formed(text).split())


def encode(text: str, facts: dict[str, Any], most: int) -> list[int]:
    """Return the tokens of a text, END included, at most so many: it loses its end."""
    known = facts["source_tokeniser"]
    text = normalised(text, **facts["source_normaliser"])
    return [*ids_of(text, known["kind"], known["tokens"])[: most - 1], END]


def decode(ids: Sequence[int], facts: dict[str, Any]) -> str:
    """Return the text of tokens, up to the first END."""
    ids, known = list(ids), facts["target_tokeniser"]
    ids = ids[: ids.index(END)] if END in ids else ids
    return text_of(ids, known["kind"], known["tokens"])


def ids_of(text: str, kind: str, tokens: Sequence[str]) -> list[int]:
    """Return the ids of a normalised text, without END.

    Args:
        text: with single spaces, and none around it.
        kind: "characters", "words", "symbols" or "subwords".
        tokens: by id.
    """
    if kind == "subwords":
        return subword_ids(text, tokens)
    split = {"characters": list, "words": words_of, "symbols": str.split}[kind]
    # A text may hold "<end>"; it means nothing special there.
    ids = {token: i for i, token in enumerate(tokens) if i > UNKNOWN}
    return [ids.get(unit, UNKNOWN) for unit in split(text)]


def words_of(text: str) -> list[str]:
    """Split a text into words and what stands between them.

    >>> words_of("छोटी बिल्ली, isn't it?")
    ['छोटी', 'बिल्ली', ',', "isn't", 'it', '?']
    """
    # Marks, such as vowel signs of Hindi, are part of a word; Python's \w lacks them.
    plain = text if text.isascii() else "".join("a" if is_mark(c) else c for c in text)
    return [text[slice(*found.span())] for found in WORD.finditer(plain)]


def is_mark(character: str) -> bool:
    """Say whether a character belongs to the letter before it, or joins two."""
    return unicodedata.category(character)[0] == "M" or character in JOINERS


def text_of(ids: Sequence[int], kind: str, tokens: Sequence[str]) -> str:
    """Return the text of ids, which are as `ids_of` returns them."""
    if kind == "subwords":
        return subword_text(ids, tokens)
    units = [UNKNOWN_TEXT if i == UNKNOWN else tokens[i] for i in ids]
    text = ("" if kind == "characters" else " ").join(units)
    if kind == "words":
        text = re.sub(CLOSING, r"\1", text)
        text = re.sub(OPENING, r"\1", text)
    return text


def subword_ids(text: str, pieces: Sequence[str]) -> list[int]:
    """Return the ids that sentencepiece gives a normalised text, by byte pairs."""
    spelt = num_bytes(pieces)
    ids = {piece: i for i, piece in enumerate(pieces) if i > UNKNOWN + spelt}
    # Before the first word there is a space too, and after the last one there is none.
    text = (SPACE + text.replace(" ", SPACE)).rstrip(SPACE)
    found = []
    for word in re.split(f"(?={SPACE})", text):  # no piece reaches into the next word
        for piece in merged(word, ids):
            if piece in ids:
                found.append(ids[piece])
            elif spelt:
                found += [FIRST_BYTE + byte for byte in piece.encode()]
            elif found[-1:] != [UNKNOWN]:  # a run of unknown characters is one
                found.append(UNKNOWN)
    return found


def merged(word: str, ids: dict[str, int]) -> list[str]:
    """Join neighbours as long as the whole is known: the lowest id first."""

    def ids_of_pairs(parts: list[str]) -> list[float]:
        return [ids.get(a + b, math.inf) for a, b in pairwise(parts)]

    parts = list(word)
    pairs = ids_of_pairs(parts)
    while (lowest := min(pairs, default=math.inf)) < math.inf:
        place = pairs.index(lowest)  # of equals, the first
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
        near = slice(max(place - 1, 0), place + 2)  # what is new: pairs with this part
        pairs[near] = ids_of_pairs(parts[near])
    return parts


def subword_text(ids: Sequence[int], pieces: Sequence[str]) -> str:
    """Return the text of sub-words as sentencepiece does."""
    spelt = num_bytes(pieces)
    text = b""
    for i in ids:
        if UNKNOWN < i <= UNKNOWN + spelt:
            text += bytes([i - FIRST_BYTE])
            continue
        piece = UNKNOWN_TEXT if i == UNKNOWN else pieces[i].replace(SPACE, " ")
        text += (piece if text else piece.removeprefix(" ")).encode()
    # Each byte that is of no character is shown: as a lone surrogate at first.
    return re.sub(
        "[\udc80-\udcff]", UNKNOWN_TEXT, text.decode(errors="surrogateescape")
    )


def num_bytes(pieces: Sequence[str]) -> int:
    """Say how many pieces stand for bytes: all or none."""
    return 256 if pieces[FIRST_BYTE] == "<0x00>" else 0


def main(file: str, facts_file: str, texts: Sequence[str]) -> None:
    """Print the best answer to each text."""
    with open(facts_file, encoding="utf-8") as opened:
        facts = json.load(opened)
    steps, how = StepFile(file), facts["decoding"]
    for text in texts:
        ids = encode(text, facts, steps.source_length)
        tokens, _ = search(steps, ids, how["beam"], how["length_penalty"])[0]
        print(decode(tokens, facts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
