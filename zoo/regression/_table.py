"""What the models of tables share: inputs, one row of features, and the head."""

from itertools import pairwise
from typing import Any

import keras
from keras import layers

from kerazoo.zoo.regression.categories import CategoryEmbedding
from kerazoo.zoo.regression.embeddings import embed_numbers

Inputs = dict[str, keras.KerasTensor]


def table_inputs(num_features: int, cardinalities: tuple[int, ...]) -> Inputs:
    """Return the inputs of a table by their names, without one that has no column.

    Raises:
        ValueError: there is no column at all, or a cardinality is below 1.
    """
    if num_features < 0 or min(cardinalities, default=1) < 1:
        raise ValueError(
            "num_features must be at least 0, and every cardinality at least 1; "
            f"got {num_features} and {tuple(cardinalities)}"
        )
    if not num_features and not cardinalities:
        raise ValueError("a table needs columns: num_features is 0 without categories")
    inputs = {}
    if num_features:
        inputs["numbers"] = keras.Input((num_features,), name="numbers")
    if cardinalities:
        columns = (len(cardinalities),)
        inputs["categories"] = keras.Input(columns, dtype="int32", name="categories")
    return inputs


def table_row(
    inputs: Inputs,
    cardinalities: tuple[int, ...],
    embeddings: str,
    embedding_size: int,
    embedding_options: dict[str, Any] | None,
) -> keras.KerasTensor:
    """Return all columns side by side: (batch, channels)."""
    parts = []
    if "numbers" in inputs:
        x = embed_numbers(
            inputs["numbers"], embeddings, embedding_size, embedding_options
        )
        parts.append(x if len(x.shape) == 2 else layers.Flatten(name="numbers_row")(x))
    if "categories" in inputs:
        embedding = CategoryEmbedding(
            cardinalities, embedding_size, name="categories_embedding"
        )
        x = embedding(inputs["categories"])
        parts.append(layers.Flatten(name="categories_row")(x))
    return parts[0] if len(parts) == 1 else layers.Concatenate(name="row")(parts)


def num_outputs(head: str | tuple[float, ...], num_targets: int) -> int:
    """Return how many numbers a model gives for a sample.

    Raises:
        ValueError: there is no such head, its levels do not ascend within (0, 1), or
            num_targets is below 1.
    """
    if num_targets < 1:
        raise ValueError(f"num_targets must be at least 1; got {num_targets}")
    named = {"mean": 1, "mean_variance": 2}
    if isinstance(head, str) and head in named:
        return named[head] * num_targets
    if (
        isinstance(head, str)
        or not head
        or not all(0 < level < 1 for level in head)
        or any(low >= high for low, high in pairwise(head))
    ):
        raise ValueError(
            'head must be "mean", "mean_variance" or the levels of quantiles, '
            f"ascending strictly between 0 and 1; got {head!r}"
        )
    return len(head) * num_targets


def check_at_least_one(**arguments: int) -> None:
    """Check arguments that count something.

    Raises:
        ValueError: one is below 1.
    """
    for argument, value in arguments.items():
        if value < 1:
            raise ValueError(f"{argument} must be at least 1; got {value}")


def prediction(
    x: keras.KerasTensor, head: str | tuple[float, ...], num_targets: int
) -> keras.KerasTensor:
    """Apply the last layer; in float32, whatever the others compute in."""
    units = num_outputs(head, num_targets)
    return layers.Dense(units, dtype="float32", name="prediction")(x)


def sum_of(terms: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Return the sum of several terms as the model's prediction."""
    if len(terms) == 1:
        return layers.Identity(dtype="float32", name="prediction")(terms[0])
    return layers.Add(dtype="float32", name="prediction")(terms)


def table_model(
    inputs: Inputs,
    outputs: keras.KerasTensor,
    name: str,
    model_class: type[keras.Model] = keras.Model,
) -> keras.Model:
    """Return the functional model; its inputs go by their names or in their order."""
    return model_class(list(inputs.values()), outputs, name=name)
