"""Layers that turn categories, as integer codes, into vectors."""

# ruff: noqa: D102  (what Keras calls is documented there)

import math
from itertools import accumulate
from typing import Any

import keras
from keras import layers, ops

from kerazoo.zoo.regression.embeddings import within


@keras.saving.register_keras_serializable(package="kerazoo")
class CategoryEmbedding(layers.Layer):
    """A learned vector for every category of every column.

    A code out of range is treated as by `keras.layers.Embedding`: an error, or, on JAX,
    NaN.

    Args:
        cardinalities: number of codes of each column.
        size: length of the vectors.
        limit: the vectors begin uniform within ± this; None takes 1 / sqrt(size).
        regularizer: of the vectors, as in Keras.
        total: add the vectors of all columns up, as a linear model does.
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, columns), codes 0 to cardinality - 1.
        output: (batch, columns, size); with total (batch, size).
    """

    def __init__(
        self,
        cardinalities: tuple[int, ...],
        size: int,
        limit: float | None = None,
        regularizer=None,
        total: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cardinalities = tuple(cardinalities)
        self.size = size
        self.limit = limit
        self.regularizer = keras.regularizers.get(regularizer)
        self.total = total
        self.offsets = [0, *accumulate(self.cardinalities[:-1])]

    def build(self, input_shape):
        limit = 1 / math.sqrt(self.size) if self.limit is None else self.limit
        # One table for all columns: one look-up in place of one per column.
        self.table = self.add_weight(
            name="table",
            shape=(sum(self.cardinalities), self.size),
            initializer=within(limit),
            regularizer=self.regularizer,
        )

    def call(self, categories):
        codes = ops.cast(categories, "int32")
        limits = ops.convert_to_tensor(self.cardinalities, "int32")
        known = ops.logical_and(codes >= 0, codes < limits)
        # Another code would read the vector of another column: no row is its row.
        rows = codes + ops.convert_to_tensor(self.offsets, "int32")
        rows = ops.where(known, rows, sum(self.cardinalities))
        vectors = ops.take(self.table, rows, axis=0)
        return ops.sum(vectors, axis=1) if self.total else vectors

    def compute_output_shape(self, input_shape):
        columns = () if self.total else input_shape[1:]
        return (input_shape[0], *columns, self.size)

    def multiply_adds(self) -> int:
        """A look-up multiplies nothing."""
        return 0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "cardinalities": self.cardinalities,
            "size": self.size,
            "limit": self.limit,
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "total": self.total,
        }


@keras.saving.register_keras_serializable(package="kerazoo")
class CrossedCategories(layers.Layer):
    """Add up a learned vector for every pair of codes of crossed columns.

    Args:
        crosses: pairs of columns, by index.
        cardinalities: number of codes of each column.
        size: length of the vectors, which begin at zero.
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, columns), codes 0 to cardinality - 1.
        output: (batch, size).
    """

    def __init__(
        self,
        crosses: tuple[tuple[int, int], ...],
        cardinalities: tuple[int, ...],
        size: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.crosses = tuple((first, second) for first, second in crosses)
        self.cardinalities = tuple(cardinalities)
        self.size = size

    def build(self, input_shape):
        counts = [
            self.cardinalities[first] * self.cardinalities[second]
            for first, second in self.crosses
        ]
        self.offsets = [0, *accumulate(counts[:-1])]
        self.table = self.add_weight(
            name="table", shape=(sum(counts), self.size), initializer="zeros"
        )

    def call(self, categories):
        codes = ops.cast(categories, "int32")
        rows = [
            codes[:, first] * self.cardinalities[second] + codes[:, second] + offset
            for (first, second), offset in zip(self.crosses, self.offsets, strict=True)
        ]
        return ops.sum(ops.take(self.table, ops.stack(rows, axis=1), axis=0), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size)

    def multiply_adds(self) -> int:
        """A look-up multiplies nothing."""
        return 0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "crosses": self.crosses,
            "cardinalities": self.cardinalities,
            "size": self.size,
        }
