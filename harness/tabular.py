"""From a table's training rows to an encoding, and from that to layers of a model.

An encoding is what `model.json` holds: for each column its kind and the numbers that
were read off the training rows, and how the target is scaled. `table_encoder` applies
it with NumPy, the layers here apply it inside the exported model; tests compare them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerazoo.harness.data import DataError
from kerazoo.harness.table_encoder import WEEK, YEAR

if TYPE_CHECKING:
    import keras
    import pandas

    from kerazoo.harness.tables import Table

Encoding = dict[str, Any]
Transform = Literal["standardise", "log", "yeo_johnson"]
INTERVAL = 0.9  # what lies between the lower and the upper bound of a prediction
NORMAL_95 = 1.6448536  # standard deviations from the mean to the 95th percentile
MOST_ONE_HOT = 50  # codes of a column that baselines see one by one
EPOCH = "1970-01-01"


def fit_encoding(
    table: "Table", rows: np.ndarray, transform: Transform, winsorise: float = 0.0
) -> Encoding:
    """Read everything that encoding needs off the training rows, and off no others.

    Args:
        table: typed columns and targets.
        rows: positions of the training rows.
        transform: of the target, before it is standardised.
        winsorise: share of each number's values at either end that is drawn to the
            bound, in [0, 0.5).

    Raises:
        DataError: the logarithm of a target that is not above 0.
    """
    frame = table.frame.iloc[rows]
    inputs = input_names([column.name for column in table.columns])
    columns = [
        {
            "name": column.name,
            "input": inputs[column.name],
            **_fit_column(frame[column.name], column.kind, winsorise),
        }
        for column in table.columns
    ]
    target = fit_target(table.targets[rows], transform)
    return {"columns": columns, "target": {"name": table.target, **target}}


def input_names(names: Sequence[str]) -> dict[str, str]:
    """Return a model's input for each column: TensorFlow takes plain names only.

    >>> input_names(["carat", "price ($)", "price [$]"])
    {'carat': 'carat', 'price ($)': 'price', 'price [$]': 'price_2'}
    """
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
        plain = plain if plain[:1].isalpha() else f"column_{plain}".rstrip("_")
        free = plain
        number = 2
        while free in found.values():
            free, number = f"{plain}_{number}", number + 1
        found[name] = free
    return found


def fit_target(y: np.ndarray, transform: Transform) -> dict[str, Any]:
    """Return how targets are transformed and standardised.

    Raises:
        DataError: the logarithm of a target that is not above 0.
    """
    fitted: dict[str, Any] = {"transform": transform}
    if transform == "log":
        if y.min() <= 0:
            raise DataError(
                f"--data.target_transform log needs targets above 0; the smallest is "
                f"{y.min():g}. yeo_johnson takes any number."
            )
        y = np.log(y)
    elif transform == "yeo_johnson":
        from sklearn.preprocessing import PowerTransformer

        fit = PowerTransformer(method="yeo-johnson", standardize=False)
        y = fit.fit_transform(y[:, None])[:, 0]
        fitted["power"] = float(fit.lambdas_[0])
    return {**fitted, "center": float(y.mean()), "scale": float(y.std() or 1.0)}


def scale_target(y: np.ndarray, target: dict[str, Any]) -> np.ndarray:
    """Return targets as a model is trained on them; `decode` is the way back."""
    if target["transform"] == "log":
        # Rows that were not there when the bound was checked.
        y = np.log(np.maximum(y, np.finfo("float32").tiny))
    elif target["transform"] == "yeo_johnson":
        from scipy.stats import yeojohnson

        y = yeojohnson(y, target["power"])
    return ((y - target["center"]) / target["scale"]).astype("float32")


def served_columns(
    frame: "pandas.DataFrame", encoding: Encoding
) -> dict[str, np.ndarray]:
    """Return the columns as a client sends them to the exported model, by input.

    Numbers and dates (days since 1970-01-01) are float32 with NaN for missing ones,
    categories are texts with "" for missing ones.
    """
    return {
        column["input"]: as_served(frame[column["name"]], column["kind"])
        for column in encoding["columns"]
    }


def as_served(values: "pandas.Series", kind: str) -> np.ndarray:
    """Return one column as a client sends it."""
    if kind == "date":
        values = (values - np.datetime64(EPOCH)) / np.timedelta64(1, "D")
    if kind in ("number", "date"):
        return values.to_numpy("float32")
    missing = values.isna()
    texts = ["" if m else str(v) for v, m in zip(values, missing, strict=True)]
    return np.array(texts, dtype=str)


def num_features(encoding: Encoding) -> int:
    """Return how many numbers a row is encoded as."""
    widths = {"number": 1, "date": 5, "category": 0}
    return sum(widths[c["kind"]] + c.get("flag", False) for c in encoding["columns"])


def cardinalities(encoding: Encoding) -> tuple[int, ...]:
    """Return the number of codes of each category, the unknown one included."""
    texts = [c for c in encoding["columns"] if c["kind"] == "category"]
    return tuple(len(column["vocabulary"]) + 1 for column in texts)


def plain_features(encoded: Iterable[np.ndarray], encoding: Encoding) -> np.ndarray:
    """Return encoded columns as one matrix of numbers, for plain models.

    Categories are one-hot, or stay codes where there are many.
    """
    columns = []
    for array in encoded:
        if array.dtype.kind == "f":
            columns.append(array)
            continue
        for codes, count in zip(array.T, cardinalities(encoding), strict=True):
            many = count > MOST_ONE_HOT
            columns.append(codes[:, None] if many else np.eye(count)[codes])
    return np.concatenate(columns, axis=1, dtype="float32")


def winsorised_notes(table: "Table", rows: np.ndarray, encoding: Encoding) -> list[str]:
    """Say of every column how many training values are drawn in to its bounds."""
    notes = []
    for column in encoding["columns"]:
        if column["kind"] != "number":
            continue
        values = as_served(table.frame[column["name"]].iloc[rows], "number")
        count = int(((values < column["low"]) | (values > column["high"])).sum())
        if count:
            bounds = f"{column['low']:g} to {column['high']:g}"
            notes.append(f"{column['name']}: {count} values are drawn in to {bounds}")
    return notes


def attach_columns(
    model: "keras.Model", encoding: Encoding, head: str | tuple[float, ...] = "mean"
) -> "keras.Model":
    """Put the encoding before a model, and the target's own unit behind it.

    All are stock operations that TFLite has built in.

    Args:
        model: takes encoded numbers and categories, gives scaled outputs for one
            target.
        encoding: that it was trained with.
        head: of the model, as in `kerazoo.zoo.regression`; three quantiles, or none.

    Returns:
        A model of the raw columns by name. Its output "prediction" is (batch, 1), or
        for other heads than `"mean"` (batch, 3): the prediction, and the lower and the
        upper bound of an interval, for `"mean_variance"` that of 90 %.
    """
    import keras

    inputs, numbers, codes = {}, [], []
    for column in encoding["columns"]:
        is_text = column["kind"] == "category"
        dtype = "string" if is_text else "float32"
        x = keras.Input((), name=column["input"], dtype=dtype)
        inputs[column["input"]] = x
        if is_text:
            codes.append(_code(x, column))
        else:
            numbers += _numbers(x, column)
    encoded = []
    if numbers:
        encoded.append(keras.ops.stack(numbers, axis=-1))
    if codes:
        encoded.append(keras.ops.stack(codes, axis=-1))
    # Without the optimizer and the loss, which would travel along.
    network = keras.Model(model.inputs, model.outputs[0], name=f"{model.name}_network")
    z = network(encoded[0] if len(encoded) == 1 else encoded)
    if head == "mean_variance":
        deviation = NORMAL_95 * keras.ops.exp(0.5 * z[:, 1:])
        z = keras.ops.concatenate(
            [z[:, :1], z[:, :1] - deviation, z[:, :1] + deviation], axis=-1
        )
    elif head != "mean":
        z = keras.ops.concatenate([z[:, 1:2], z[:, :1], z[:, 2:]], axis=-1)
    outputs = keras.layers.Identity(name="prediction")(
        decode_in_graph(z, encoding["target"])
    )
    return keras.Model(list(inputs.values()), outputs, name=model.name)


def decode_in_graph(z, target: dict[str, Any]):
    """Turn scaled outputs into the target's unit, as `table_encoder.decode` does."""
    from keras import ops

    def grow(x, power):
        x = ops.maximum(x, 0.0)
        if abs(power) < 1e-6:
            return ops.exp(x) - 1.0
        return ops.power(ops.maximum(power * x + 1.0, 1e-12), 1 / power) - 1.0

    x = z * target["scale"] + target["center"]
    if target["transform"] == "log":
        return ops.exp(x)
    if target["transform"] == "yeo_johnson":
        power = target["power"]
        return ops.where(x >= 0, grow(x, power), -grow(-x, 2 - power))
    return x


def _fit_column(column: "pandas.Series", kind: str, winsorise: float) -> dict[str, Any]:
    values = as_served(column, kind)
    if kind in ("category", "boolean"):
        texts, counts = np.unique(values, return_counts=True)
        vocabulary = texts[np.argsort(-counts, kind="stable")].tolist()
        return {"kind": "category", "vocabulary": vocabulary}
    known = values[~np.isnan(values)].astype("float64")
    fill = float(np.median(known)) if len(known) else 0.0
    share = winsorise if kind == "number" else 0.0
    bounds = np.quantile(known, [share, 1 - share]) if len(known) else (0.0, 0.0)
    # Without winsorising nothing is drawn in, also not what training never saw.
    far = float(np.finfo("float32").max)
    low, high = map(float, bounds) if share else (-far, far)
    inside = np.clip(np.where(np.isnan(values), fill, values), low, high)
    return {
        "kind": kind,
        "fill": fill,
        "low": low,
        "high": high,
        "center": float(inside.mean(dtype="float64")),
        "scale": float(inside.std(dtype="float64")) or 1.0,
        "flag": len(known) < len(values),
    }


def _code(text, column: dict[str, Any]):
    import keras

    look = keras.layers.StringLookup(
        vocabulary=column["vocabulary"], name=f"{column['input']}_code"
    )
    return keras.ops.cast(look(text), "int32")


def _numbers(x, column: dict[str, Any]) -> list:
    from keras import ops

    missing = ops.not_equal(x, x)  # only NaN differs from itself
    x = ops.where(missing, column["fill"], x)
    x = ops.maximum(ops.minimum(x, column["high"]), column["low"])
    numbers = [(x - column["center"]) / column["scale"]]
    if column["kind"] == "date":
        for period in (YEAR, WEEK):
            turn = 2 * np.pi / period * (x - period * ops.floor(x / period))
            numbers += [ops.sin(turn), ops.cos(turn)]
    if column["flag"]:
        numbers.append(ops.cast(missing, "float32"))
    return numbers
