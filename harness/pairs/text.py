"""How a text is brought into one form before a model sees it: always the same way."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

from kerazoo.harness.pairs.token_search import normalised

Form = Literal["NFC", "NFKC", "none"]
Lower = Literal["none", "source", "target", "both"]


@dataclass(frozen=True)
class Normaliser:
    """What is done to a text: Unicode form, casing, and single spaces between words.

    >>> Normaliser(lower=True)("  Café  au lait ")
    'café au lait'
    """

    form: Form = "NFC"
    lower: bool = False

    def __call__(self, text: str) -> str:
        """Return the text in its one form."""
        return normalised(text, self.form, self.lower)


def normalisers(form: Form, lower: Lower) -> tuple[Normaliser, Normaliser]:
    """Return what is done to sources and to targets."""
    source, target = (lower in ("both", side) for side in ("source", "target"))
    return Normaliser(form, source), Normaliser(form, target)


def source_key(text: str) -> str:
    """Return what is the same for all sources that may be taken for one.

    >>> source_key("Straße ") == source_key("STRASSE")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
