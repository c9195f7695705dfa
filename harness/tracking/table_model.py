"""The model of a table as MLflow loads and serves it: a data frame in, and one out.

The frame is of the table that was trained on: its own names, dates as they are written,
columns that are not needed beside them. MLflow stores this file with the model. Where
it is loaded, TensorFlow and pandas are enough: the SavedModel needs neither Keras nor
kerazoo. (MLflow 3.17's own wrapper of Keras models takes no texts.)
"""

import json
import re
from pathlib import Path

import mlflow
import pandas as pd
import tensorflow as tf


class TableModel(mlflow.pyfunc.PythonModel):
    """Predict the rows of a data frame whose columns are those of the table."""

    def load_context(self, context):
        """Load the SavedModel, and what is known of the columns."""
        self.loaded = tf.saved_model.load(context.artifacts["saved_model"])
        self.serve = self.loaded.signatures["serving_default"]
        facts = json.loads(Path(context.artifacts["columns"]).read_text("utf-8"))
        self.columns, self.marks = facts["columns"], set(facts["marks"])

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        """Return the prediction of every row, and its bounds where there are any.

        Raises:
            ValueError: a text is no number, or no date, where the model needs one.
        """
        columns = {}
        for column in self.columns:
            try:
                values = self._served(model_input[column["name"]], column)
            except ValueError as error:
                raise ValueError(f"Column {column['name']}: {error}") from error
            dtype = tf.string if column["kind"] == "category" else tf.float32
            columns[column["input"]] = tf.constant(list(values), dtype)
        (outputs,) = self.serve(**columns).values()
        names = ["prediction", "lower", "upper"][: outputs.shape[1]]
        return pd.DataFrame(outputs.numpy(), columns=names)

    def _served(self, values: pd.Series, column: dict) -> pd.Series:
        """Return a column as the SavedModel takes it."""
        if column["kind"] == "category":
            return _texts(values, column, self.marks)
        if pd.api.types.is_numeric_dtype(values):
            return values.astype("float64")  # of dates: days since 1970-01-01
        values = values.astype(object)
        texts = values.map(str).str.strip()
        values = texts.mask(values.isna() | texts.str.lower().isin(self.marks))
        if column["kind"] == "number":
            return pd.to_numeric(values).astype("float64")
        return _days(values, column)


def _texts(values: pd.Series, column: dict, marks: set[str]) -> list[str]:
    # A frame may hold the numbers 1067 and 5.0 where the table has 01067 and 5.
    numbers = {}
    for word in column["vocabulary"]:
        if re.fullmatch(r"[+-]?\d+(\.\d+)?", word):
            numbers.setdefault(float(word), word)
    # pandas takes a category that is called NA or None for a missing value.
    marks_there = [word for word in column["vocabulary"] if word.lower() in marks]
    missing = marks_there[0] if len(marks_there) == 1 else ""
    spelt = column.get("spelt")  # of a boolean, such as yes where it is true

    def text(value) -> str:
        if pd.isna(value):
            return missing
        found = str(value).strip()
        if not isinstance(value, str | bool):  # True is 1 for Python
            found = numbers.get(value, found)
        if spelt is None:
            return found
        return "" if found.lower() in marks else spelt.get(found.lower(), found)

    return [text(value) for value in values]


def _days(texts: pd.Series, column: dict) -> pd.Series:
    first = next(iter(texts.dropna()), "")
    form, hint = "ISO8601", column.get("hint")
    if re.fullmatch(r"\d+\.\d+\.\d+", first):
        form = "%d.%m.%Y"
    elif "/" in first and hint:
        form = "%d/%m/%Y" if int(hint.split("/")[0]) > 12 else "%m/%d/%Y"
    dates = pd.to_datetime(texts, format=form, utc=True)
    return (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta("1D")


mlflow.models.set_model(TableModel())
