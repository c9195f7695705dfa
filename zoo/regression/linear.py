"""Linear regression with the penalties of ridge and lasso.

Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634, and Tibshirani 1996,
doi:10.1111/j.2517-6161.1996.tb02080.x.

Deviations: it is fitted by gradients. Beside the mean squared error of n samples, l2 is
alpha / n of scikit-learn's `Ridge`, and l1 is 2 * alpha of its `Lasso`; the bias is
free, categories are not.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table
from kerazoo.zoo.regression.categories import CategoryEmbedding
from kerazoo.zoo.regression.embeddings import embed_numbers


def linear_terms(
    inputs: dict[str, keras.KerasTensor],
    cardinalities: tuple[int, ...],
    units: int,
    penalty: keras.Regularizer | None = None,
    **embedding: Any,
) -> list[keras.KerasTensor]:
    """Return what numbers and categories add to a linear prediction.

    Args:
        inputs: from `table_inputs`.
        cardinalities: number of codes of each column of categories.
        units: how many numbers are predicted.
        penalty: of every weight but the bias.
        **embedding: how numbers are embedded, as in `embed_numbers`.
    """
    terms = []
    if "numbers" in inputs:
        x = embed_numbers(inputs["numbers"], **embedding)
        if len(x.shape) == 3:
            x = layers.Flatten(name="numbers_row")(x)
        weights = layers.Dense(
            units, kernel_regularizer=penalty, dtype="float32", name="numbers_weights"
        )
        terms.append(weights(x))
    if "categories" in inputs:
        weights = CategoryEmbedding(
            cardinalities,
            units,
            limit=0.0,
            regularizer=penalty,
            total=True,
            dtype="float32",
            name="categories_weights",
        )
        terms.append(weights(inputs["categories"]))
    return terms


@register(
    task="regression",
    paper="Tibshirani 1996, doi:10.1111/j.2517-6161.1996.tb02080.x",
    year=1996,
    variants={"linear": {"params": 9, "multiply_adds": 8}},
)
def linear(
    l1: float = 0.0,
    l2: float = 0.0,
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_size: int = 16,
    embedding_options: dict[str, Any] | None = None,
    name: str = "linear",
) -> keras.Model:
    """Build a linear model: a weight for every number and for every category.

    Args:
        l1: penalty on the sum of the absolute weights, at least 0.
        l2: penalty on the sum of the squared weights, at least 0.
        num_features: columns of numbers, standardised.
        cardinalities: number of codes of each column of categories.
        num_targets: numbers to be predicted for a sample.
        head: "mean", "mean_variance", or the levels of quantiles.
        embeddings: of numbers: "none", "piecewise_linear" or "periodic".
        embedding_size: length of the vectors of embedded columns.
        embedding_options: arguments of the encoding layer of the embeddings.
        name: the model's name.

    Shapes:
        input: "numbers" (batch, num_features), "categories" (batch, columns).
        output: (batch, numbers * num_targets), as the head says.

    Raises:
        ValueError: a penalty is below 0, or no such columns, head or embeddings.
    """
    if min(l1, l2) < 0:
        raise ValueError(f"l1 and l2 must be at least 0; got {l1} and {l2}")
    inputs = _table.table_inputs(num_features, cardinalities)
    terms = linear_terms(
        inputs,
        cardinalities,
        _table.num_outputs(head, num_targets),
        keras.regularizers.L1L2(l1, l2) if l1 or l2 else None,
        embeddings=embeddings,
        size=embedding_size,
        options=embedding_options,
    )
    return _table.table_model(inputs, _table.sum_of(terms), name)
