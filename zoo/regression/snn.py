"""Self-normalizing network, Klambauer et al. 2017, arXiv:1706.02515.

Deviations: categories are embedded. The activation is SELU, the initialization LeCun's
and the dropout alpha dropout; another choice would not keep means and variances, so
that there is no argument for it.

The authors tune depths of 2 to 32, widths of 256 to 1,024 and alpha dropout of 0 or
0.05, with plain SGD and learning rates of 0.001 to 0.1.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table


@register(
    task="regression",
    paper="Klambauer et al. 2017, arXiv:1706.02515",
    year=2017,
    variants={"snn": {"params": 463_105, "multiply_adds": 461_056}},
    failed_exports=("tflite-int8",),  # eight layers of SELU in eight bits
)
def snn(
    depth: int = 8,
    width: int = 256,
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_size: int = 16,
    embedding_options: dict[str, Any] | None = None,
    dropout: float = 0.05,
    name: str = "snn",
) -> keras.Model:
    """Build a self-normalizing network: a deep MLP that needs no normalization layers.

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
        dropout: share of the features that alpha dropout sets to SELU's lowest value
            in training, in [0, 1).
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
    for layer in range(1, depth + 1):
        prefix = f"dense{layer}"
        x = layers.Dense(width, kernel_initializer="lecun_normal", name=prefix)(x)
        x = layers.Activation("selu", name=f"{prefix}_selu")(x)
        x = layers.AlphaDropout(dropout, name=f"{prefix}_dropout")(x)
    outputs = _table.prediction(x, head, num_targets)
    return _table.table_model(inputs, outputs, name)
