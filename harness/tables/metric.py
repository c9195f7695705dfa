"""The error of a model that predicts a scaled target, in the target's own unit."""

from typing import Any

import keras

from kerazoo.harness.tables.tabular import decode_in_graph


@keras.saving.register_keras_serializable(package="kerazoo")
class UnscaledRMSE(keras.metrics.RootMeanSquaredError):
    """Measure the root of the mean squared error after undoing the target's scaling.

    Args:
        target: how the target is scaled; `"target"` of an encoding.
        column: where the prediction stands among a sample's outputs.
        **kwargs: `name` and `dtype`, as in `keras.metrics.Metric`.

    Shapes:
        y_true: (batch,) or (batch, 1), scaled.
        y_pred: (batch, outputs), scaled.
    """

    def __init__(self, target: dict[str, Any], column: int = 0, name="rmse", **kwargs):
        super().__init__(name=name, **kwargs)
        self.target = target
        self.column = column

    def update_state(self, y_true, y_pred, sample_weight=None):  # noqa: D102
        y_true = keras.ops.reshape(y_true, (-1,))
        y_true = decode_in_graph(keras.ops.cast(y_true, self.dtype), self.target)
        predicted = keras.ops.cast(y_pred[:, self.column], self.dtype)
        predicted = decode_in_graph(predicted, self.target)
        return super().update_state(y_true, predicted, sample_weight)

    def get_config(self) -> dict[str, Any]:  # noqa: D102
        own = {"target": self.target, "column": self.column}
        return {**super().get_config(), **own}
