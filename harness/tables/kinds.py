"""What kind a column is, and its values as that kind.

| kind     | values, where they are known                                         |
|----------|----------------------------------------------------------------------|
| number   | 12, -0.5, 1e3; also 0 and 1                                          |
| boolean  | true and false, or yes and no, in any case                           |
| date     | 2024-01-31, also with a time and a zone (becomes UTC); 31.01.2024;    |
|          | 01/31/2024 where some number above 12 shows which one is the day      |
| category | any other text, and numbers that are said to be categories           |

A mark such as NA, ? or None is a missing value in the first three. Among categories it
is a category, and only an empty cell is missing: diamonds may well have the cut "None".
"""

import datetime
import decimal
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerazoo.harness.errors import DataError
from kerazoo.harness.tables.dates import are_dates, far_date, parse_dates
from kerazoo.harness.tables.units import numbers_with_units
from kerazoo.harness.wording import listed, places, shown

if TYPE_CHECKING:
    import pandas

Kind = Literal["number", "category", "boolean", "date"]
MARKS = ("", "na", "n/a", "#n/a", "nan", "nat", "none", "null", "?", "-", "--", ".")
MOST_CATEGORIES = 10_000
LONG_TEXT = 25  # characters, on average, from which many different texts are prose
NEARLY = 0.9  # share of numbers from which another text is taken for a mistake
MOST_REPEATED = 0.1  # share of rows up to which texts that repeat are still names
FEW_ROWS = 100  # below, a category of a few rows each may look like that
LARGEST = float(np.finfo("float32").max)  # models compute in float32


@dataclass(frozen=True)
class Column:
    """A feature: its kind, and what is known of its values."""

    name: str
    kind: Kind
    num_missing: int
    num_distinct: int  # of the known values
    low: str  # of numbers and dates: the smallest, as people write it
    high: str  # and the largest
    examples: tuple[str, ...]  # a few different values, in their order
    hint: str | float | None  # a raw value that shows how the others are meant


@dataclass(frozen=True)
class _Texts:
    """A column of texts: the different ones, and which of them each row has."""

    name: str
    texts: list[str]  # different, without spaces at either end
    codes: np.ndarray  # (rows,) places in texts; -1 where there is none
    index: "pandas.Index"

    def values(self, of_texts: list) -> np.ndarray:
        """Return (rows,) objects from one for each text, None where there is none."""
        return np.array([*of_texts, None], dtype=object)[self.codes]

    def where(self, wanted: list[bool]) -> "pandas.Index":
        """Return the places of the rows whose text is wanted."""
        return self.index[np.array([*wanted, False], dtype=bool)[self.codes]]

    def of(self, texts: list[str]) -> "pandas.Index":
        """Return the places of the rows whose text is one of these."""
        some = set(texts)
        return self.where([text in some for text in self.texts])


def type_column(
    values: "pandas.Series",
    wanted: Kind | None = None,
    hint: str | float | None = None,
) -> tuple["pandas.Series", Kind]:
    """Return a column's values as their kind, and the kind.

    Args:
        values: of any type; the name and the index are used in messages.
        wanted: overrules what the values look like.
        hint: of the whole column, if these are a piece of it; see `Column.hint`.

    Returns:
        float64 with NaN, datetime64[ns] with NaT, or texts with None.

    Raises:
        DataError: values that do not fit the kind, are infinite, or of no kind.
    """
    if hint is not None and values.dtype.kind != "M":
        import pandas as pd

        first = _series([hint], [-1], values.name, None)
        typed, kind = type_column(pd.concat([first, values]), wanted)
        return typed.iloc[1:], kind
    values, declared = _plain(values)
    kind = wanted or declared
    if kind and kind == declared != "category":
        return _checked(values, kind), kind
    texts = _different(values)
    kind = kind or _guess(texts)
    if kind == "category":
        _check_categories(texts, is_sure=wanted is not None or declared is not None)
        values = texts.values([text or None for text in texts.texts])
    elif kind == "number":
        values = _numbers(texts)
    elif kind == "date":
        values = _dates(texts)
    else:
        values = _booleans(texts)
    dtype = {"number": "float64", "date": "datetime64[ns]"}.get(kind, object)
    typed = _series(values, texts.index, texts.name, dtype)
    return _checked(typed, kind), kind


def describe_column(
    raw: "pandas.Series", values: "pandas.Series", kind: Kind
) -> Column:
    """Say what is known of raw values that were typed."""
    import pandas as pd

    known = values.dropna()
    # The first of each, as `unique` keeps their order.
    different = known.unique()
    low, high = "", ""
    if kind in ("number", "date") and len(known):
        low, high = _written(known.min(), kind), _written(known.max(), kind)
    return Column(
        name=values.name,
        kind=kind,
        num_missing=int(pd.isna(values).sum()),
        num_distinct=len(different),
        low=low,
        high=high,
        examples=tuple(_written(value, kind) for value in different[:3]),
        hint=_hint(raw, values),
    )


def _hint(raw: "pandas.Series", typed: "pandas.Series") -> str | float | None:
    """Return a value without which a piece of a column might be taken for another kind.

    That is a day above 12 among slashed dates, and a fraction among numbers that are
    categories.
    """
    if typed.dtype.kind == "M" and raw.dtype.kind != "M":
        telling = (typed.dt.day > 12) & raw.astype(str).str.contains("/")
    elif raw.dtype.kind == "f" and typed.dtype.kind == "O":
        telling = raw % 1 > 0
    else:
        return None
    found = raw[telling.to_numpy()]
    return found.iloc[0] if len(found) else None


def _written(value: Any, kind: Kind) -> str:
    if kind == "number":
        return f"{value:,.6g}"
    if kind == "date":
        import pandas as pd

        return str(pd.Timestamp(value)).removesuffix(" 00:00:00")
    return shown(value, 20)


def _series(values: Any, index: Any, name: str, dtype: Any) -> "pandas.Series":
    import pandas as pd

    return pd.Series(values, index=index, name=name, dtype=dtype)


def _plain(values: "pandas.Series") -> tuple["pandas.Series", Kind | None]:
    """Return values in one of few types, and the kind that their type declares."""
    import pandas as pd

    dtype, name = values.dtype, shown(values.name)
    # A category's own type is not that of its texts.
    if isinstance(dtype, pd.CategoricalDtype):
        return values.astype(object), "category"
    if pd.api.types.is_bool_dtype(dtype):
        return values.astype(object), None
    if pd.api.types.is_complex_dtype(dtype):
        raise DataError(f"Column {name} holds complex numbers; split them in two.")
    if pd.api.types.is_numeric_dtype(dtype):
        numbers = values.to_numpy("float64", na_value=np.nan)
        return _series(numbers, values.index, values.name, "float64"), "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        try:
            utc = pd.to_datetime(values, utc=True).dt.tz_localize(None)
            return utc.astype("datetime64[ns]"), "date"
        except (ValueError, OverflowError) as error:
            raise far_date(values.name) from error
    if pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype):
        return values.astype(object), None
    raise DataError(
        f"Column {name} is of the type {dtype}, which has no kind here: turn it into "
        f"numbers, texts or dates, or leave it out: {_exclude(name)}."
    )


def _different(values: "pandas.Series") -> _Texts:
    import pandas as pd

    whole = False
    if values.dtype == "float64":
        known = values.dropna()
        # Of larger ones not every whole number is a float.
        whole = bool(((known % 1 == 0) & (known.abs() < 2**53)).all())
    cells = values.astype("Int64") if whole else values
    cells = [_text(cell, values, row) for row, cell in enumerate(cells)]
    codes, texts = pd.factorize(np.array([*cells, None], dtype=object))
    return _Texts(values.name, list(texts), codes[:-1], values.index)


def _text(cell: Any, values: "pandas.Series", row: int) -> str | None:
    import pandas as pd

    if isinstance(cell, str):
        return cell.strip()
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, float | np.floating) and np.isnan(cell):
        return None
    # bool and datetime.datetime are kinds of int and date.
    plain = (int, float, decimal.Decimal, datetime.date, np.number, np.bool_)
    if not isinstance(cell, plain):
        raise DataError(
            f"Column {shown(values.name)} holds a {type(cell).__name__} in "
            f"{places(values.index[[row]])}; only numbers, texts and dates can be used."
        )
    return str(cell)


def _guess(texts: _Texts) -> Kind:
    known = [text for text in texts.texts if text.lower() not in MARKS]
    if not known:
        return "category"
    lower = {text.lower() for text in known}
    if lower <= {"true", "false"} or lower <= {"yes", "no"}:
        return "boolean"
    if are_dates(known):
        return "date"
    others = [text for text in known if _number(text) is None]
    if not others:
        return "number"
    name = shown(texts.name)
    commas = [text for text in known if re.fullmatch(r"[+-]?\d+(,\d+)+(\.\d+)?", text)]
    if len(commas) + len(known) - len(others) == len(known):
        raise DataError(
            f"Column {name} holds numbers with commas, such as {commas[0]!r}: write "
            f"them as 1234.5, or call them categories: {_as_category(texts.name)}."
        )
    wrong, num_known = texts.of(others), len(texts.of(known))
    if len(wrong) <= (1 - NEARLY) * num_known:
        raise DataError(
            f"Column {name} holds numbers, but {listed(_quoted(others), 3)} in "
            f"{places(wrong)}: correct that, or call all of them categories: "
            f"{_as_category(texts.name)}."
        )
    plain = numbers_with_units(others)
    others = [text for text in others if text not in plain]
    if plain and len(texts.of(others)) <= (1 - NEARLY) * num_known:
        example, number = next(iter(plain.items()))
        raise DataError(
            f"Column {name} holds numbers with a unit, such as {example!r}: write "
            f"{number}, leave the column out ({_exclude(texts.name)}), or call them "
            f"categories: {_as_category(texts.name)}."
        )
    return "category"


def _check_categories(texts: _Texts, is_sure: bool) -> None:
    known = [text for text in texts.texts if text]
    num_rows, name = len(texts.where([bool(t) for t in texts.texts])), shown(texts.name)
    what = ""
    if len(known) > MOST_CATEGORIES:
        raise DataError(
            f"Column {name} has {len(known):,} different values; a category may have "
            f"{MOST_CATEGORIES:,}. Leave it out ({_exclude(texts.name)}), or encode it "
            "yourself as numbers or as fewer categories."
        )
    if is_sure or len(known) < 2:
        return
    if len(known) == num_rows:
        what = "is different in every row, as names and numbers of things are"
    elif num_rows >= FEW_ROWS and len(known) >= (1 - MOST_REPEATED) * num_rows:
        what = (
            f"has {len(known):,} different values in {num_rows:,} rows, as names and "
            "numbers of things have"
        )
    elif len(known) > num_rows / 2 and np.mean([*map(len, known)]) >= LONG_TEXT:
        what = f"is free text: {len(known):,} different values in {num_rows:,} rows"
    if what:
        raise DataError(
            f"Column {name} {what}, such as {_quoted(known)[0]}. Leave it out "
            f"({_exclude(texts.name)}), call it a category "
            f"({_as_category(texts.name)}), or encode it yourself as numbers."
        )


def _numbers(texts: _Texts) -> np.ndarray:
    numbers = [_number(text) for text in texts.texts]
    missing = [text.lower() in MARKS for text in texts.texts]
    wrong = [n is None and not m for n, m in zip(numbers, missing, strict=True)]
    odd = [t for t, is_wrong in zip(texts.texts, wrong, strict=True) if is_wrong]
    with_commas = odd and all(re.fullmatch(r"[+-]?\d+,\d+", text) for text in odd)
    example = "12.5, with a point where it has a comma" if with_commas else "12.5"
    _check_texts(texts, wrong, "number", example)
    return texts.values(numbers).astype("float64")


def _number(text: str) -> float | None:
    try:
        # Python's own 1_000 is no number in a table.
        return None if "_" in text or text.lower() in MARKS else float(text)
    except ValueError:
        return None


def _booleans(texts: _Texts) -> np.ndarray:
    # Each as it is written first: True and true are one value.
    different: dict[str, str] = {}
    for text in texts.texts:
        if text.lower() not in MARKS:
            different.setdefault(text.lower(), text)
    known = [different.get(text.lower()) for text in texts.texts]
    if len(different) > 2:
        raise DataError(
            f"Column {shown(texts.name)} is not a boolean: it has {len(different)} "
            f"different values, {listed(_quoted(sorted(different)))}."
        )
    return texts.values(known)


def as_spelt(values: "pandas.Series", vocabulary: list[str]) -> "pandas.Series":
    """Return booleans as a vocabulary has them, however they are written.

    In any case, and as true and false, yes and no, or 1 and 0, in place of each other;
    missing values may be written out.
    """
    spelt = {word.lower(): word for word in vocabulary}
    for same in (("true", "yes", "1", "1.0"), ("false", "no", "0", "0.0")):
        known = [spelt[word] for word in same if word in spelt]
        spelt = dict.fromkeys(same, known[0]) | spelt if known else spelt
    lower = values.str.lower()
    return lower.map(spelt).fillna(values).mask(lower.isin(MARKS))


def _dates(texts: _Texts) -> np.ndarray:
    known = [None if text.lower() in MARKS else text for text in texts.texts]
    moments = parse_dates(known, texts.name)
    wrong = [bool(k) and np.isnat(m) for k, m in zip(known, moments, strict=True)]
    right = [k for k, m in zip(known, moments, strict=True) if not np.isnat(m)]
    _check_texts(texts, wrong, "date", (right or ["2024-01-31"])[0])
    return np.append(moments, np.datetime64("NaT", "ns"))[texts.codes]


def _check_texts(texts: _Texts, wrong: list[bool], kind: str, example: str) -> None:
    if any(wrong):
        found = [t for t, is_wrong in zip(texts.texts, wrong, strict=True) if is_wrong]
        raise DataError(
            f"Column {shown(texts.name)}: {listed(_quoted(found), 3)} in "
            f"{places(texts.where(wrong))} is not a {kind}, unlike {example}."
        )


def _checked(values: "pandas.Series", kind: Kind) -> "pandas.Series":
    if kind == "number":
        wrong = values.abs() > LARGEST
        if wrong.any():
            raise DataError(
                f"Column {shown(values.name)} is infinite or above 3.4e38 in "
                f"{places(values.index[wrong])}: correct these, or leave them empty."
            )
    return values


def _quoted(texts: list[str]) -> list[str]:
    return [repr(text if len(text) <= 40 else f"{text[:37]}...") for text in texts]


def _exclude(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        name = json.dumps(shown(name), ensure_ascii=False)
    return f"--data.exclude '[{name}]'"


def _as_category(name: str) -> str:
    if re.fullmatch(r"\w+", name):
        return f"--data.kinds.{name} category"
    kinds = json.dumps({shown(name): "category"}, ensure_ascii=False)
    return f"--data.kinds '{kinds}'"
