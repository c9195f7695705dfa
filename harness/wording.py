"""How messages name what was given, and what there is."""

import difflib
import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

MOST_NAMED = 5  # places, names or values that one message lists
MOST_CHOICES = 20  # those that one can choose from


def shown(text: str, most: int = 60) -> str:
    """Return a text as it may stand in a line: no longer than that, and printable."""
    text = text if len(text) <= most else f"{text[: most - 3]}..."
    return text if text.isprintable() and text == text.strip() else repr(text)


def as_score(value: float, form: str = ".4f") -> str:
    """Return a score as it stands in a line, a large one without what is noise.

    >>> as_score(0.25), as_score(36348.9258), as_score(54.321, ".4g")
    ('0.2500', '36,348.9', '54.32')
    """
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:{form}}"


def loss_flags(name: str, arguments: dict[str, Any]) -> str:
    """Return the flags of a loss and its arguments, as one would type them.

    >>> loss_flags("focal", {"gamma": 2.0, "alpha": [0.5, 1]})
    "--loss focal --loss_arguments.gamma 2.0 --loss_arguments.alpha '[0.5, 1]'"
    """
    flags = ["--loss", name]
    for key, value in arguments.items():
        flags += [f"--loss_arguments.{key}", json.dumps(value)]
    return shlex.join(flags)


def first_line(error: Exception) -> str:
    """Return what an error says, as far as it goes into a line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return shown(lines[0], 160)


def listed(items: list, most: int = MOST_NAMED) -> str:
    """List the first of some items, and count the others.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more


def places(index: "pandas.Index") -> str:
    """Name lines or rows.

    >>> import pandas as pd
    >>> places(pd.Index([3, 7], name="line"))
    'lines 3, 7'
    """
    unit = index.name if len(index) == 1 else f"{index.name}s"
    counted = " (counted from 0)" if index.name == "row" else ""
    return f"{unit} {listed(list(index))}{counted}"


def unknown(name: str, known: Sequence[str]) -> str:
    """Say that a name is none of those known, and which are the nearest.

    >>> unknown("prise", ["price", "carat"])
    "'prise' is not known. Did you mean 'price'? There are: price, carat."
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" Did you mean {shown(near[0])!r}?" if near else ""
    there = listed([shown(label) for label in known], MOST_CHOICES)
    return f"{shown(name)!r} is not known.{hint} There are: {there}."


def not_among(value: str, choices: Sequence[str]) -> str:
    """Say that a value is none of the choices, and which of them is the nearest."""
    near = difflib.get_close_matches(str(value), choices, n=5, cutoff=0.4)
    # Of equally near ones the beginning counts: resnet2 is more of a resnet20.
    near.sort(key=lambda choice: not choice.startswith(str(value)))
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if len(choices) > MOST_CHOICES:  # models or losses
        return f"{value!r} is not known.{hint} `kerazoo list` shows what is."
    return f"{value!r} is not known.{hint} Choose from: {', '.join(choices)}."
