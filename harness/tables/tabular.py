"""From a table's training rows to an encoding, and from that to layers of a model.

An encoding is what `model.json` holds: for each column its kind and the numbers that
were read off the training rows, and how the target is scaled. `table_encoder` applies
it with NumPy, the layers here apply it inside the exported model; tests compare them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerazoo.harness.errors import DataError
from kerazoo.harness.tables.kinds import as_spelt
from kerazoo.harness.tables.outliers import bounds
from kerazoo.harness.tables.table_encoder import DAY, WEEK, YEAR
from kerazoo.harness.tables.target import Transform, fit_target

if TYPE_CHECKING:
    import keras
    import pandas

    from kerazoo.harness.tables.reading import Table

Encoding = dict[str, Any]
NumberTransform = Literal["standardise", "quantile"]
OUTPUT = "prediction"  # of an exported model
NETWORK = "{}_network"  # what a model of columns has within it, by its own name
INTERVAL = 0.9  # what lies between the lower and the upper bound of a prediction
NORMAL_95 = 1.6448536  # standard deviations from the mean to the 95th percentile
MOST_ONE_HOT = 50  # codes of a column that baselines see one by one
# Knots of a quantile transform: one for 30 rows, within bounds; Gorishniy et al. 2021,
# arXiv:2106.11959. Above 1024 numbers TFLite's dynamic int8 would round a table.
ROWS_PER_KNOT, FEWEST_KNOTS, MOST_KNOTS = 30, 10, 1000
EPOCH = "1970-01-01"


def check_backend() -> None:
    """Refuse what cannot hold columns of texts, before anything is trained.

    Raises:
        DataError: Keras runs on another backend than TensorFlow.
    """
    import keras

    if (backend := keras.backend.backend()) != "tensorflow":
        raise DataError(
            f"KERAS_BACKEND is {backend}; tables need tensorflow: a model that takes "
            "raw columns takes texts, and Keras has none on its other backends."
        )


def fit_encoding(
    table: "Table",
    rows: np.ndarray,
    transform: Transform,
    *,
    number_transform: NumberTransform = "standardise",
    winsorise: float = 0.0,
    clip_iqr: float = 0.0,
) -> Encoding:
    """Read everything that encoding needs off the training rows, and off no others.

    Args:
        table: typed columns and targets.
        rows: positions of the training rows.
        transform: of the target, before it is standardised.
        number_transform: `quantile` gives each number the place that it would have in
            a normal sample.
        winsorise: share of each number's values at either end that is drawn in, as in
            `outliers.bounds`.
        clip_iqr: interquartile ranges beyond which they are; one of the two.

    Raises:
        DataError: the logarithm or a power of a target that is not above 0.
    """
    frame = table.frame.iloc[rows]
    inputs = input_names([column.name for column in table.columns])
    columns = [
        {
            "name": column.name,
            "input": inputs[column.name],
            **({} if column.hint is None else {"hint": column.hint}),
            **_fit_column(
                _as_served(frame[column.name], column.kind),
                column.kind,
                number_transform,
                (winsorise, clip_iqr) if column.kind == "number" else (0.0, 0.0),
            ),
        }
        for column in table.columns
    ]
    target = fit_target(table.targets[rows], transform)
    return {"columns": columns, "target": {"name": table.target, **target}}


def input_names(names: Sequence[str]) -> dict[str, str]:
    """Return a model's input for each column: TensorFlow takes plain names only.

    >>> input_names(["carat", "price ($)", "price [$]"])
    {'carat': 'carat', 'price ($)': 'price', 'price [$]': 'price_2'}

    None has two underscores in a row, and none is the name of the output.
    """
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
        plain = plain if plain[:1].isalpha() else f"column_{plain}".rstrip("_")
        free = plain
        number = 2
        while free in (*found.values(), OUTPUT):
            free, number = f"{plain}_{number}", number + 1
        found[name] = free
    return found


def served_columns(
    typed: "pandas.DataFrame | dict[str, pandas.Series]", encoding: Encoding
) -> dict[str, np.ndarray]:
    """Return typed columns as a client sends them to the exported model, by input.

    Numbers and dates (days since 1970-01-01) are float32 with NaN for missing ones,
    categories are texts with "" for missing ones. Booleans are written as the encoding
    has them, which may be that of another table.
    """
    served = {}
    for column in encoding["columns"]:
        values = typed[column["name"]]
        if column.get("boolean"):
            values = as_spelt(values, column["vocabulary"])
        served[column["input"]] = _as_served(values, column["kind"])
    return served


def _as_served(values: "pandas.Series", kind: str) -> np.ndarray:
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
    columns = [c for c in encoding["columns"] if c["kind"] != "category"]
    turns = [c.get("periods", (YEAR, WEEK)) for c in columns if c["kind"] == "date"]
    return len(columns) + sum(c["flag"] for c in columns) + 2 * sum(map(len, turns))


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
        upper bound of an interval around it, for `"mean_variance"` that of 90 %.
        A quantile on the wrong side of the median is drawn to it.
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
        encoded.append(keras.ops.concatenate(codes, axis=-1))
    network = _network(model, head)
    z = network(encoded[0] if len(encoded) == 1 else encoded)
    # Half precision has few numbers around a target far from 0.
    z = keras.ops.cast(z, "float32")
    answer = keras.layers.Identity(dtype="float32", name=OUTPUT)
    outputs = answer(decode_in_graph(z, encoding["target"]))
    return keras.Model(list(inputs.values()), outputs, name=model.name)


def _network(model: "keras.Model", head: str | tuple[float, ...]) -> "keras.Model":
    """Return a model without its optimizer and loss, an interval as it is served."""
    import keras

    name = NETWORK.format(model.name)
    if head == "mean":
        return keras.Model(model.inputs, model.outputs[0], name=name)
    z = keras.Model(model.inputs, model.outputs[0], name=model.name)(model.inputs)
    z = keras.ops.cast(z, "float32")
    if head == "mean_variance":
        deviation = NORMAL_95 * keras.ops.exp(0.5 * z[:, 1:])
        parts = [z[:, :1], z[:, :1] - deviation, z[:, :1] + deviation]
    else:
        # Nothing in training keeps three quantiles in their order.
        low, median, high = z[:, :1], z[:, 1:2], z[:, 2:]
        low, high = keras.ops.minimum(low, median), keras.ops.maximum(high, median)
        parts = [median, low, high]
    outputs = keras.layers.Concatenate(dtype="float32", name=OUTPUT)(parts)
    return keras.Model(model.inputs, outputs, name=name)


def find_network(model: "keras.Model") -> "keras.Model | None":
    """Return what `attach_columns` put between columns and answer, if it did."""
    name = NETWORK.format(model.name)
    return next((layer for layer in model.layers if layer.name == name), None)


def decode_in_graph(z, target: dict[str, Any]):
    """Turn scaled outputs into the target's unit, as `table_encoder.decode` does."""
    from keras import ops

    def grow(x, power):
        if abs(power) < 1e-6:
            return ops.exp(x)
        power, inverse = _whole([power, 1 / power], x)
        return ops.power(ops.maximum(power * x + 1.0, 1e-12), inverse)

    constants = [target["scale"], target["center"], target.get("unit", 1.0)]
    scale, center, unit = _whole(constants, z)
    x = z * scale + center
    if target["transform"] == "log":
        return ops.exp(x)
    if target["transform"] == "box_cox":
        return unit * grow(x, target["power"])
    if target["transform"] == "yeo_johnson":
        power = target["power"]
        above = grow(ops.maximum(x, 0.0), power) - 1.0
        below = 1.0 - grow(ops.maximum(-x, 0.0), 2 - power)
        return ops.where(x >= 0, above, below)
    return x


def _fit_column(
    values: np.ndarray,
    kind: str,
    number_transform: NumberTransform,
    rules: tuple[float, float],
) -> dict[str, Any]:
    if kind in ("category", "boolean"):
        texts, counts = np.unique(values, return_counts=True)
        vocabulary = texts[np.argsort(-counts, kind="stable")].tolist()
        fitted = {"kind": "category", "vocabulary": vocabulary}
        return fitted if kind == "category" else fitted | {"boolean": True}
    known = values[~np.isnan(values)].astype("float64")
    fill = float(np.median(known)) if len(known) else 0.0
    low, high = bounds(known, *rules)
    inside = np.clip(np.where(np.isnan(values), fill, values), low, high)
    fitted = {
        "kind": kind,
        "fill": fill,
        "low": low,
        "high": high,
        "center": float(inside.mean(dtype="float64")),
        "scale": float(inside.std(dtype="float64")) or 1.0,
        "flag": len(known) < len(values),
    }
    if kind == "date":
        has_times = bool((known % 1 != 0).any())
        fitted["periods"] = [YEAR, WEEK, DAY] if has_times else [YEAR, WEEK]
    # Dates go on beyond the training rows, quantiles do not.
    if number_transform == "quantile" and kind == "number":
        fitted |= _fit_quantiles(np.clip(known, low, high))
    return fitted


def _fit_quantiles(known: np.ndarray) -> dict[str, list[float]]:
    """Return quantiles of a number, and the normal numbers that they become.

    Equal quantiles become one, at the middle of their levels. The ends lie where the
    first and the last of so many normal numbers are expected.
    """
    from scipy.stats import norm

    count = np.clip(len(known) // ROWS_PER_KNOT, FEWEST_KNOTS, MOST_KNOTS)
    levels = np.linspace(0, 1, count)
    knots = np.quantile(known, levels).astype("float32") if len(known) else levels[:1]
    knots[np.abs(knots) < 1e-30] = 0  # TensorFlow takes the very smallest for 0 too
    knots, first, counts = np.unique(knots, return_index=True, return_counts=True)
    if len(knots) < 2:
        return {}  # nothing to transform; standardisation gives 0
    middles = (levels[first] + levels[first + counts - 1]) / 2
    end = 0.5 / len(known)
    normals = norm.ppf(np.clip(middles, end, 1 - end)).round(6)
    # As short as float32 can be written.
    return {"quantiles": [float(str(k)) for k in knots], "normals": normals.tolist()}


def _code(text, column: dict[str, Any]):
    import keras

    look = keras.layers.StringLookup(
        vocabulary=column["vocabulary"], name=f"{column['input']}__code"
    )
    # LiteRT 2.3 learns the shape of what it looks up at run time only, and then refuses
    # much of what follows; to reshape it makes the shape known before.
    return keras.ops.reshape(keras.ops.cast(look(text), "int32"), (-1, 1))


def _numbers(x, column: dict[str, Any]) -> list:
    from keras import ops

    missing = ops.not_equal(x, x)  # only NaN differs from itself
    names = ("fill", "low", "high", "center", "scale")
    fill, low, high, center, scale = _whole([column[name] for name in names], x)
    x = ops.maximum(ops.minimum(ops.where(missing, fill, x), high), low)
    standardised = (x - center) / scale
    numbers = [_normal(x, column) if "quantiles" in column else standardised]
    if column["kind"] == "date":
        for period in _whole(column.get("periods", (YEAR, WEEK)), x):
            turn = 2 * np.pi / period * (x - period * ops.floor(x / period))
            numbers += [ops.sin(turn), ops.cos(turn)]
    if column["flag"]:
        numbers.append(ops.cast(missing, "float32"))
    return numbers


def _normal(x, column: dict[str, Any]):
    """Look up which two quantiles a number lies between, and how far it has come."""
    from keras import ops

    knots, normals = np.float32(column["quantiles"]), np.float32(column["normals"])
    first, last = _whole(knots[[0, -1]], x)
    x = ops.maximum(ops.minimum(x, last), first)
    # `ops.searchsorted` is no operation that TFLite has.
    passed = ops.greater_equal(ops.expand_dims(x, -1), _constants(knots[1:-1], x))
    left = ops.sum(ops.cast(passed, "int32"), axis=-1)
    slopes = np.diff(normals) / np.diff(knots)
    lines = np.stack([knots[:-1], slopes, normals[:-1]], axis=-1).view("int32")
    line = ops.view(ops.take(lines, left, axis=0), "float32")
    return line[:, 2] + (x - line[:, 0]) * line[:, 1]


def _whole(values: Sequence[float], x) -> list:
    """Return constants for each of a batch that a float16 file leaves whole.

    It rounds floats to 11 bits and to 65504 at most, and leaves integers alone.
    """
    constants = _constants(np.float32(values), x)
    return [constants[..., i] for i in range(len(values))]


def _constants(values: np.ndarray, x):
    """Return (batch, constants) floats that are integers to a converter."""
    from keras import ops

    # Always 0, which no converter sees; it would make them floats again.
    zero = ops.minimum(ops.cast(ops.not_equal(x, x), "int32"), 0)
    # Not added: Keras 3.15 may take them for a bias of the second axis.
    bits = ops.subtract(values.view("int32"), ops.expand_dims(zero, -1))
    return ops.view(bits, "float32")
