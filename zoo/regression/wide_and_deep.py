"""Wide & Deep, Cheng et al. 2016, arXiv:1606.07792.

Deviations: a pair of crossed columns has a weight for every pair of codes (the paper
hashes them into buckets); one optimizer trains both parts (the paper: FTRL with an L1
penalty for the wide part, AdaGrad for the deep one); the vectors of categories are of
`embedding_size` (the paper: 32); numbers enter both parts.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table
from kerazoo.zoo.regression.categories import CrossedCategories
from kerazoo.zoo.regression.linear import linear_terms
from kerazoo.zoo.regression.mlp import dense_layers


@register(
    task="regression",
    paper="Cheng et al. 2016, arXiv:1606.07792",
    year=2016,
    variants={"wide_and_deep": {"params": 665_610, "multiply_adds": 663_816}},
)
def wide_and_deep(
    units: tuple[int, ...] = (1024, 512, 256),
    crosses: tuple[tuple[int, int], ...] = (),
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_size: int = 16,
    embedding_options: dict[str, Any] | None = None,
    dropout: float = 0.0,
    activation: str = "relu",
    name: str = "wide_and_deep",
) -> keras.Model:
    """Build Wide & Deep: the sum of a linear model and a multilayer perceptron.

    Args:
        units: of the dense layers of the deep part.
        crosses: pairs of columns of categories, by index, of which the wide part has a
            weight for every pair of codes.
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
        ValueError: no units, a cross of a column that is not there, or no such columns,
            head or embeddings.
    """
    if not units:
        raise ValueError("units must have one number for each dense layer; got none")
    known = range(len(cardinalities))
    if any(len(pair) != 2 or not {*pair} <= {*known} for pair in crosses):
        raise ValueError(
            f"crosses must be pairs of columns 0 to {len(cardinalities) - 1}; "
            f"got {crosses}"
        )
    num_outputs = _table.num_outputs(head, num_targets)
    inputs = _table.table_inputs(num_features, cardinalities)
    x = _table.table_row(
        inputs, cardinalities, embeddings, embedding_size, embedding_options
    )
    x = dense_layers(x, units, dropout, activation)
    deep = layers.Dense(num_outputs, dtype="float32", name="deep")(x)
    # Numbers enter the wide part as they are, whatever vectors the deep part has.
    terms = linear_terms(
        inputs, cardinalities, num_outputs, embeddings="none", size=0, options=None
    )
    if crosses:
        weights = CrossedCategories(
            crosses, cardinalities, num_outputs, dtype="float32", name="crosses"
        )
        terms.append(weights(inputs["categories"]))
    return _table.table_model(inputs, _table.sum_of([deep, *terms]), name)
