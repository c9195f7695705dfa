"""Deep & Cross network v2, Wang et al. 2021, arXiv:2008.13535.

Deviations: the vectors of categories are all of `embedding_size` (the paper: about
6 * cardinality ** 0.25); the mixture of low-rank experts is left out, a single low rank
is there.

The authors train with Adam; 1e-3 is a start.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table
from kerazoo.zoo.regression.mlp import dense_layers


def _cross(first, x, rank, name):
    """Multiply the first features with a map of the present ones (equation 1)."""
    mapped = x
    if rank:
        mapped = layers.Dense(rank, use_bias=False, name=f"{name}_down")(mapped)
    mapped = layers.Dense(x.shape[-1], name=f"{name}_dense")(mapped)
    crossed = layers.Multiply(name=f"{name}_multiply")([first, mapped])
    return layers.Add(name=f"{name}_add")([crossed, x])


@register(
    task="regression",
    paper="Wang et al. 2021, arXiv:2008.13535",
    year=2021,
    variants={"dcn_v2": {"params": 68_569, "multiply_adds": 68_032}},
)
def dcn_v2(
    num_crosses: int = 3,
    depth: int = 2,
    width: int = 256,
    structure: str = "stacked",
    rank: int | None = None,
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_size: int = 16,
    embedding_options: dict[str, Any] | None = None,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "dcn_v2",
) -> keras.Model:
    """Build DCN-V2: layers that multiply features with each other, and an MLP.

    Args:
        num_crosses: cross layers; n of them reach products of n + 1 features.
        depth: number of dense layers.
        width: their units.
        structure: "stacked" for the MLP after the cross layers, "parallel" for both on
            the features.
        rank: of the cross layers' matrices, to spare parameters; None for a full one.
        num_features: columns of numbers, standardised.
        cardinalities: number of codes of each column of categories.
        num_targets: numbers to be predicted for a sample.
        head: "mean", "mean_variance", or the levels of quantiles.
        embeddings: of numbers: "none", "piecewise_linear" or "periodic".
        embedding_size: length of the vectors of embedded columns.
        embedding_options: arguments of the encoding layer of the embeddings.
        dropout: share of the features dropped in training after each dense layer, in
            [0, 1).
        activation: any Keras activation name, or "prelu".
        name: the model's name.

    Shapes:
        input: "numbers" (batch, num_features), "categories" (batch, columns).
        output: (batch, numbers * num_targets), as the head says.

    Raises:
        ValueError: num_crosses, depth, width or rank is below 1, or no such structure,
            columns, head or embeddings.
    """
    _table.check_at_least_one(
        num_crosses=num_crosses,
        depth=depth,
        width=width,
        rank=1 if rank is None else rank,
    )
    if structure not in ("stacked", "parallel"):
        raise ValueError(
            f'structure must be "stacked" or "parallel"; got {structure!r}'
        )
    inputs = _table.table_inputs(num_features, cardinalities)
    x = _table.table_row(
        inputs, cardinalities, embeddings, embedding_size, embedding_options
    )
    first = crossed = x
    for cross in range(1, num_crosses + 1):
        crossed = _cross(first, crossed, rank, f"cross{cross}")
    if structure == "stacked":
        x = dense_layers(crossed, (width,) * depth, dropout, activation)
    else:
        deep = dense_layers(first, (width,) * depth, dropout, activation)
        x = layers.Concatenate(name="both")([crossed, deep])
    outputs = _table.prediction(x, head, num_targets)
    return _table.table_model(inputs, outputs, name)
