"""Numbers written with a currency, a percent sign or a unit: $259.84, 26%, 12 kg."""

import re
import unicodedata

FEWEST_DIFFERENT = 10  # below: such as 2 doors and 4 doors, which are categories
MOST_UNITS = 3  # in one column, as g and kg; the letters of 12A, 12B … are no units
NO_UNITS = {"st", "nd", "rd", "th", "am", "pm"}  # 5th is a place, and 5 pm a time
GROUPED = r"\d{1,3}([,' \u00a0\u202f]\d{3})+"  # 1,200
FORM = re.compile(
    rf"(?P<sign>[+-]?)(?P<before>[^\w\s.,+-]?)\s*(?P<minus>-?)"
    rf"(?P<number>({GROUPED}|\d+)(\.\d+)?|\d+,\d+)"
    r"\s*(?P<unit>%|[^\W\d_][^\W\d_.²³/]*[²³]?(/[^\W\d_]+[²³]?)?\.?|[^\w\s.,+-])?"
)


def split_unit(text: str) -> tuple[str, str] | None:
    """Return a number as it should be written, and its unit; None if it has none.

    >>> split_unit("€ 1,200"), split_unit("26%"), split_unit("12,5 kg")
    (('1200', '€'), ('26', '%'), ('12.5', 'kg'))
    >>> split_unit("A1"), split_unit("size 10"), split_unit("5th"), split_unit("12")
    (None, None, None, None)
    """
    found = FORM.fullmatch(text)
    if not found:
        return None
    before, unit = found["before"], found["unit"] or ""
    is_word = unit[:1].isalpha() and unit.lower() not in NO_UNITS
    if before and not _is_currency(before):
        return None
    if unit and not (is_word or unit == "%" or _is_currency(unit)):
        return None
    if bool(before) == bool(unit):
        return None
    number = found["number"]
    if re.fullmatch(GROUPED + r"(\.\d+)?", number):
        number = re.sub(r"[^\d.]", "", number)
    sign = (found["sign"] or found["minus"]).strip("+")
    return sign + number.replace(",", "."), before or unit


def numbers_with_units(texts: list[str]) -> dict[str, str]:
    """Return what a column's texts with a unit should be, if they are no categories.

    Args:
        texts: those of a column that are no numbers, all different.
    """
    split = {text: parts for text in texts if (parts := split_unit(text))}
    units = {unit for _, unit in split.values()}
    if len(split) < FEWEST_DIFFERENT or len(units) > MOST_UNITS:
        return {}
    return {text: number for text, (number, _) in split.items()}


def _is_currency(sign: str) -> bool:
    return len(sign) == 1 and unicodedata.category(sign) == "Sc"
