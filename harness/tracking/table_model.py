"""The model of a table as MLflow loads and serves it: a data frame in, and one out.

MLflow stores this file with the model. Where it is loaded, TensorFlow and pandas are
enough: the SavedModel needs neither Keras nor kerazoo. (MLflow 3.17's own wrapper of
Keras models takes no texts.)
"""

import mlflow
import pandas as pd
import tensorflow as tf


class TableModel(mlflow.pyfunc.PythonModel):
    """Predict the rows of a data frame whose columns are the model's inputs."""

    def load_context(self, context):
        """Load the SavedModel."""
        self.loaded = tf.saved_model.load(context.artifacts["saved_model"])
        self.serve = self.loaded.signatures["serving_default"]

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        """Return the prediction of every row, and its bounds where there are any."""
        columns = {}
        for name, spec in self.serve.structured_input_signature[1].items():
            values = model_input[name]
            values = values.fillna("") if spec.dtype == tf.string else values
            columns[name] = tf.constant(values.to_list(), spec.dtype)
        (outputs,) = self.serve(**columns).values()
        names = ["prediction", "lower", "upper"][: outputs.shape[1]]
        return pd.DataFrame(outputs.numpy(), columns=names)


mlflow.models.set_model(TableModel())
