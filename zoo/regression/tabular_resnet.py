"""ResNet for tables, Gorishniy et al. 2021, arXiv:2106.11959, section 3.2.

Deviations: categories are embedded (the paper: one-hot or embedded).

The defaults are those of the authors' example. They tune learning rates from 1e-5 to
1e-2 with AdamW; 1e-3 and a weight decay of 1e-5 are a start.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.layers import activate
from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table


def _norm(x, name):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _dense(x, units, name):
    return layers.Dense(units, kernel_initializer="he_uniform", name=name)(x)


@register(
    task="regression",
    paper="Gorishniy et al. 2021, arXiv:2106.11959, section 3.2",
    year=2021,
    variants={"tabular_resnet": {"params": 299_137, "multiply_adds": 296_640}},
)
def tabular_resnet(
    num_blocks: int = 2,
    width: int = 192,
    expansion: float = 2.0,
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_size: int = 16,
    embedding_options: dict[str, Any] | None = None,
    dropout: float = 0.15,
    residual_dropout: float = 0.0,
    activation: str = "relu",
    name: str = "tabular_resnet",
) -> keras.Model:
    """Build the ResNet for tables: residual blocks of two dense layers.

    Args:
        num_blocks: how many there are.
        width: units between blocks.
        expansion: the units within a block are this many times the width.
        num_features: columns of numbers, standardised.
        cardinalities: number of codes of each column of categories.
        num_targets: numbers to be predicted for a sample.
        head: "mean", "mean_variance", or the levels of quantiles.
        embeddings: of numbers: "none", "piecewise_linear" or "periodic".
        embedding_size: length of the vectors of embedded columns.
        embedding_options: arguments of the encoding layer of the embeddings.
        dropout: share of the features dropped in training within a block, in [0, 1).
        residual_dropout: share dropped of what a block adds, in [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: "numbers" (batch, num_features), "categories" (batch, columns).
        output: (batch, numbers * num_targets), as the head says.

    Raises:
        ValueError: num_blocks or width is below 1, the expansion leaves no unit, or no
            such columns, head or embeddings.
    """
    hidden = int(expansion * width)
    _table.check_at_least_one(num_blocks=num_blocks, width=width, hidden=hidden)
    inputs = _table.table_inputs(num_features, cardinalities)
    x = _table.table_row(
        inputs, cardinalities, embeddings, embedding_size, embedding_options
    )
    x = _dense(x, width, "stem")
    for block in range(1, num_blocks + 1):
        prefix = f"block{block}"
        shortcut = x
        x = _norm(x, prefix)
        x = _dense(x, hidden, f"{prefix}_dense1")
        x = activate(x, activation, f"{prefix}_{activation}", axes=())
        x = layers.Dropout(dropout, name=f"{prefix}_dropout")(x)
        x = _dense(x, width, f"{prefix}_dense2")
        x = layers.Dropout(residual_dropout, name=f"{prefix}_residual_dropout")(x)
        x = layers.Add(name=f"{prefix}_add")([shortcut, x])
    x = _norm(x, "head")
    x = activate(x, activation, f"head_{activation}", axes=())
    outputs = _table.prediction(x, head, num_targets)
    return _table.table_model(inputs, outputs, name)
