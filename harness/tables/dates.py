"""Dates as people write them: ISO, 31.01.2024, and with slashes where it is clear."""

import re

import numpy as np

from kerazoo.harness.errors import DataError
from kerazoo.harness.wording import shown

ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)? ?(Z|[+-]\d\d:?\d\d)?)?"
DOTTED, SLASHED = r"\d{1,2}\.\d{1,2}\.\d{4}", r"\d{1,2}/\d{1,2}/\d{4}"


def are_dates(texts: list[str]) -> bool:
    """Say whether all texts look like dates of one form."""
    return any(
        all(re.fullmatch(form, text, re.ASCII) for text in texts)
        for form in (ISO, DOTTED, SLASHED)
    )


def parse_dates(texts: list[str | None], name: str) -> np.ndarray:
    """Return (texts,) datetime64[ns], NaT for None and for what is no date.

    Times with a zone become UTC; those without are taken as they are.

    Args:
        texts: of one form; if of several, that of most of them counts.
        name: of their column, for messages.

    Raises:
        DataError: it is not clear which number is the day, or a year cannot be held.
    """
    import pandas as pd

    fits = {
        pattern: [
            t if t and re.fullmatch(pattern, t, re.ASCII) else None for t in texts
        ]
        for pattern in (ISO, DOTTED, SLASHED)
    }
    pattern = max(fits, key=lambda pattern: sum(map(bool, fits[pattern])))
    fit, form = fits[pattern], {ISO: "ISO8601", DOTTED: "%d.%m.%Y"}.get(pattern)
    form = form or _slashed_form([text for text in fit if text], name)
    years = [int(re.search(r"\d{4}", text)[0]) for text in fit if text]
    if years and (min(years) < 1678 or max(years) > 2261):
        raise far_date(name)
    dates = pd.to_datetime(fit, format=form, utc=True, errors="coerce")
    return dates.tz_localize(None).as_unit("ns").to_numpy()


def far_date(name: str) -> DataError:
    """Return the error for a year that 64 bits of nanoseconds cannot hold."""
    return DataError(
        f"Column {shown(name)} has dates before 1678 or after 2261, which cannot be "
        "held: correct them, or turn the column into years."
    )


def _slashed_form(texts: list[str], name: str) -> str:
    parts = [text.split("/") for text in texts]
    first, second = (max(int(part[place]) for part in parts) for place in (0, 1))
    if (first > 12) == (second > 12):
        raise DataError(
            f"Column {shown(name)} has dates such as {texts[0]!r}, and nothing shows "
            "whether the day or the month comes first: write them as 2024-01-31."
        )
    return "%d/%m/%Y" if first > 12 else "%m/%d/%Y"
