"""A multilayer perceptron, as in Gorishniy et al. 2021, arXiv:2106.11959, section 3.1.

Deviations: categories are embedded (the paper: one-hot or embedded); He's uniform
initialization (the paper's code: PyTorch's default).

The authors tune learning rates from 1e-5 to 1e-2 with AdamW; 1e-3 and a weight decay of
1e-5 are a start. They tune dropout too, from none to a half; with tens of thousands of
rows none was best by far (`benchmarks/regression.md`), with hundreds try 0.1.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.layers import activate
from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table


@register(
    task="regression",
    paper="Gorishniy et al. 2021, arXiv:2106.11959, section 3.1",
    year=2021,
    variants={"mlp": {"params": 134_145, "multiply_adds": 133_376}},
)
def mlp(
    depth: int = 3,
    width: int = 256,
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_size: int = 16,
    embedding_options: dict[str, Any] | None = None,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "mlp",
) -> keras.Model:
    """Build a multilayer perceptron: dense layers, each with dropout.

    Args:
        depth: number of dense layers before the last.
        width: their units.
        num_features: columns of numbers, standardised.
        cardinalities: number of codes of each column of categories.
        num_targets: numbers to be predicted for a sample.
        head: "mean", "mean_variance", or the levels of quantiles.
        embeddings: of numbers: "none", "piecewise_linear" or "periodic".
        embedding_size: length of the vectors of embedded columns.
        embedding_options: arguments of the encoding layer of the embeddings.
        dropout: share of the features dropped in training after each layer, in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: "numbers" (batch, num_features), "categories" (batch, columns).
        output: (batch, numbers * num_targets), as the head says.

    Raises:
        ValueError: depth or width is below 1, or no such columns, head or embeddings.
    """
    _table.check_at_least_one(depth=depth, width=width)
    inputs = _table.table_inputs(num_features, cardinalities)
    x = _table.table_row(
        inputs, cardinalities, embeddings, embedding_size, embedding_options
    )
    x = dense_layers(x, (width,) * depth, dropout, activation)
    outputs = _table.prediction(x, head, num_targets)
    return _table.table_model(inputs, outputs, name)


def dense_layers(
    x: keras.KerasTensor, units: tuple[int, ...], dropout: float, activation: str
) -> keras.KerasTensor:
    """Apply dense layers, each with an activation and dropout.

    Args:
        x: (batch, channels).
        units: of every layer.
        dropout: share of the features dropped in training after each layer, in [0, 1).
        activation: any Keras activation name, or "prelu".
    """
    for layer, width in enumerate(units, start=1):
        prefix = f"dense{layer}"
        x = layers.Dense(width, kernel_initializer="he_uniform", name=prefix)(x)
        x = activate(x, activation, f"{prefix}_{activation}", axes=())
        x = layers.Dropout(dropout, name=f"{prefix}_dropout")(x)
    return x
