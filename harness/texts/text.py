"""How a text is brought into one form before a model sees it: always the same way."""

import unicodedata
from dataclasses import dataclass, replace
from typing import Any, Literal

from kerazoo.harness.texts.token_search import normalised

Form = Literal["NFC", "NFKC", "none"]
SIDES = ("source", "target")
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
    source, target = (lower in ("both", side) for side in SIDES)
    return Normaliser(form, source), Normaliser(form, target)


def as_trained(chosen: Any, facts: dict[str, Any]) -> Any:
    """Return a template's `DataConfig` with the form of texts that a model knows.

    Args:
        chosen: of other pairs, which need not look like those of the model's run.
        facts: of that run, from its `data.json`; empty: nothing is changed.

    Raises:
        ValueError: other tokens were chosen than the model has.
    """
    if not facts:
        return chosen
    kinds = [facts[f"{side}_tokeniser"]["kind"] for side in SIDES]
    for side, kind in zip(SIDES, kinds, strict=True):
        asked = getattr(chosen, f"{side}_tokens")
        if asked not in ("", kind):
            raise ValueError(
                f"data.{side}_tokens {asked}: the weights to start from know {kind}"
            )
    lowered = [side for side in SIDES if facts[f"{side}_normaliser"]["lower"]]
    return replace(
        chosen,
        normalise=facts["source_normaliser"]["form"],
        lower="both" if len(lowered) == 2 else (lowered or ["none"])[0],
        source_tokens=kinds[0],
        target_tokens=kinds[1],
    )


def source_key(text: str) -> str:
    """Return what is the same for all sources that may be taken for one.

    >>> source_key("Straße ") == source_key("STRASSE")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
