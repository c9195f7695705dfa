"""Encode the columns of a table as a model was trained. Only NumPy is needed.

This file travels beside exported models:

    import json
    from table_encoder import decode, encode

    encoding = json.load(open("model.json"))["encoding"]
    rows = {"carat": [0.5, 1.2], "cut": ["Ideal", "Good"]}
    numbers, categories = encode(rows, encoding)   # what model.tflite beside it takes
    decode(prediction, encoding["target"])         # what its answer means
"""

import numpy as np

YEAR, WEEK, DAY = 365.2425, 7.0, 1.0  # days


def encode(columns: dict, encoding: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows, features) float32 numbers and (rows, columns) int32 categories.

    Args:
        columns: by input: numbers, NaN where missing; texts, "" where missing, in
            capitals and small letters as in the vocabulary; dates as days since
            1970-01-01, NaN where missing.
        encoding: of `model.json`.
    """
    numbers, categories = [], []
    for column in encoding["columns"]:
        values = columns[column["input"]]
        if column["kind"] == "category":
            codes = {text: code for code, text in enumerate(column["vocabulary"], 1)}
            categories.append([codes.get(str(text).strip(), 0) for text in values])
            continue
        x = np.asarray(values, "float32")
        missing = np.isnan(x)
        x = np.where(missing, np.float32(column["fill"]), x)
        x = np.clip(x, np.float32(column["low"]), np.float32(column["high"]))
        if "quantiles" in column:
            knots = np.float32(column["quantiles"])
            numbers.append(np.interp(x, knots, column["normals"]))
        else:
            center, scale = np.float32(column["center"]), np.float32(column["scale"])
            numbers.append((x - center) / scale)
        if column["kind"] == "date":
            for period in column.get("periods", (YEAR, WEEK)):
                period = np.float32(period)
                turn = np.float32(2 * np.pi) / period * (x - period * (x // period))
                numbers += [np.sin(turn), np.cos(turn)]
        if column["flag"]:
            numbers.append(missing)
    rows = len(next(iter(columns.values())))
    return (
        np.array(numbers, "float32").reshape(-1, rows).T,
        np.array(categories, "int32").reshape(-1, rows).T,
    )


def decode(z: np.ndarray, target: dict) -> np.ndarray:
    """Turn a model's scaled outputs into the target's own unit.

    Args:
        z: (rows, 1); or (rows, 3), the prediction and the bounds of its interval.
        target: of the encoding in `model.json`.
    """
    x = np.asarray(z, "float64") * target["scale"] + target["center"]
    if target["transform"] == "log":
        return np.exp(x)
    if target["transform"] == "box_cox":
        return target["unit"] * _grow(x, target["power"])
    if target["transform"] == "yeo_johnson":
        above = _grow(np.maximum(x, 0), target["power"]) - 1
        below = 1 - _grow(np.maximum(-x, 0), 2 - target["power"])
        return np.where(x >= 0, above, below)
    return x


def _grow(x: np.ndarray, power: float) -> np.ndarray:
    """Undo Box and Cox's transform."""
    if abs(power) < 1e-6:
        return np.exp(x)
    return np.maximum(power * x + 1, 1e-12) ** (1 / power)
