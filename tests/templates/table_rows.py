"""Rows of every kind of column, and what they are encoded by."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from kerazoo.harness.tables import tabular
from kerazoo.harness.tables.target import fit_target

RULES = ({}, {"winsorise": 0.05}, {"number_transform": "quantile", "clip_iqr": 1.5})
NAN = float("nan")


def days(text):  # since 1970-01-01
    return (np.datetime64(text) - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")


# By column, what a row may hold, and what the reference is given for it.
CELLS = {
    "size (m²)": [
        *((12, 12), (0.1, 0.1), (-7.5, -7.5), (None, NAN), (True, 1), (False, 0)),
        *((1e39, np.inf), (3.4e38, 3.4e38), (16777217, 16777217)),
    ],
    "rooms": [(n, n) for n in (0, 1, 2, 3, 4, 5, 6, 2.5, -1, 9)],
    "colour": [
        *((t, t) for t in ("red", "Red", " red\u00a0", "\x1cblue\x85", "\ufeffred")),
        *((t, t) for t in ("grün", "gru\u0308n", "\u3000\tred", "none", "İ", "")),
        *((None, ""), (True, "true"), (1, "1"), (0, "0")),
    ],
    "zip": [
        *((t, t) for t in ("01067", "5", "2.5", "5.0", "")),
        *((5, "5"), (5.0, "5"), (2.5, "2.5"), (1067, "1067"), (None, "")),
        *((5e-4, "0.0005"), (12345678.5, "12345678.5")),
    ],
    "sold": [
        *((True, "True"), (False, "False"), ("TRUE", "True"), (" false ", "False")),
        *((None, ""), ("maybe", "maybe"), ("yes", "yes")),
    ],
    "lift": [(True, "yes"), (False, "no"), ("No", "no"), ("true", "true"), (None, "")],
    "built": [
        *((t, days(t)) for t in ("2024-02-29", "1969-12-31", "1700-01-01")),
        *((d, d) for d in (19000, -365, 0.25)),
        (None, NAN),
    ],
    "seen": [
        *((t, days(t)) for t in ("2024-02-29T12:30", "1955-07-01 23:59:59")),
        ("2024-01-31T12:34:56.789Z", days("2024-01-31T12:34:56")),
        ("2023-12-31", days("2023-12-31")),
        *((d, d) for d in (19000.125, -4000.3)),
        (None, NAN),
    ],
    "constructor": [(0.5, 0.5), (None, NAN)],  # an object of JavaScript has one
}
KINDS = {
    **dict.fromkeys(("size (m²)", "rooms", "constructor"), "number"),
    **dict.fromkeys(("colour", "zip"), "category"),
    **dict.fromkeys(("sold", "lift"), "boolean"),
    **dict.fromkeys(("built", "seen"), "date"),
}
# Rows that no client takes, each with what its error names.
WRONG = [
    *(({"size (m²)": "12"}, "size (m²)"), ({"rooms": ""}, "rooms")),
    *(({"built": t}, "built") for t in ("31.01.2024", "2024-02-30", "", True)),
    ({"built": "2024-01-31\n"}, "built"),
    ({"built": "٢٠٢٤-٠١-٣١"}, "built"),  # as a formatter of dates writes in Arabic
    *(({"seen": f"2024-01-31{t}"}, "seen") for t in ("T24:00", "T12", "T12:60", "+")),
    *(({name: 1}, name) for name in ("Rooms", "size_m", "toString")),
]


def made_up_frame(num_rows=400):
    """Return a table of every kind of column, with missing values in most."""
    rng = np.random.default_rng(0)

    def drawn(*values):
        return np.array(values, dtype=object)[rng.integers(len(values), size=num_rows)]

    dates = pd.to_datetime("1990-01-01") + pd.to_timedelta(
        rng.integers(12_000, size=num_rows), unit="D"
    )
    times = dates + pd.to_timedelta(rng.integers(1440, size=num_rows), unit="min")
    size = rng.lognormal(3, 1, num_rows)
    return pd.DataFrame(
        {
            "size (m²)": np.where(rng.random(num_rows) < 0.1, np.nan, size),
            "rooms": drawn(1.0, 2.0, 2.0, 3.0, 4.0, 5.0).astype("float64"),
            "colour": drawn("red", "blue", "grün", "none", "1", None),
            "zip": drawn("01067", "5", "2.5", "0.0005", "12345678.5"),
            "sold": drawn("True", "False", None),
            "lift": drawn("yes", "no"),
            "built": dates.to_series().where(rng.random(num_rows) < 0.9).to_numpy(),
            "seen": times,
            "constructor": size,
        }
    )


def encoding_of(names, target=None, **rules):
    """Fit an encoding of some columns."""
    frame = made_up_frame()[names]
    columns = [SimpleNamespace(name=n, kind=KINDS[n], hint=None) for n in names]
    targets = np.random.default_rng(1).lognormal(3, 1, len(frame))
    table = SimpleNamespace(frame=frame, columns=columns, targets=targets, target="y")
    fitted = tabular.fit_encoding(table, np.arange(len(frame)), "standardise", **rules)
    return {**fitted, "target": target or fitted["target"]}


def rows_of(encoding, num_rows=150):
    """Draw rows; return them as a client gets them, and as the reference does."""
    rng = np.random.default_rng(2)
    rows, columns = [{} for _ in range(num_rows)], {}
    for column in encoding["columns"]:
        cells = list(CELLS[column["name"]])
        if column["kind"] == "number":
            ends = column.get("quantiles", [])  # of lines, and numbers between them
            cells += [(x, x) for x in (*ends, *rng.lognormal(3, 1, 40).tolist())]
        drawn = [cells[i] for i in rng.integers(len(cells), size=num_rows)]
        for row, (given, _) in zip(rows, drawn, strict=True):
            if given is not None or rng.random() < 0.5:  # else it is left out
                row[column["name"]] = given
        columns[column["input"]] = [served for _, served in drawn]
    return rows, columns


def targets():
    """Yield how a target may be scaled: as fitted, and with powers of all sorts."""
    y = np.random.default_rng(3).lognormal(3, 1, 300)
    for transform in ("standardise", "log", "box_cox", "yeo_johnson"):
        yield fit_target(y, transform)
    for power in (-1.5, 0.0, 1e-7, 1.0, 2.0, 3.0):
        scale = {"power": power, "center": 0.3, "scale": 0.8}
        yield {"transform": "box_cox", "unit": 20.0, **scale}
        yield {"transform": "yeo_johnson", **scale}
