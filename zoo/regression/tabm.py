"""TabM, Gorishniy et al. 2024, arXiv:2410.24210: k MLPs that share their kernels.

`tabm` scales features by weights of each member around every layer, `tabm_mini` before
the first one only. Both have a last layer for each member, and begin as the same
function: all scales but the first start at one.

Deviations: categories are embedded (the paper: one-hot), as one-hot rows of k members
grow with the cardinality. The first scales are drawn one by one; the authors' code
draws one for all channels of a column, which it calls a historical artefact.

The defaults are the authors': k 32, depth 3 (2 with embeddings), width 512, dropout
0.1, AdamW with learning rate 2e-3 and weight decay 3e-4. They also clip gradients to
norm 1.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.layers import activate
from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table
from kerazoo.zoo.regression.embeddings import SeparateDense, within
from kerazoo.zoo.regression.members import (
    MemberAverage,
    MemberDense,
    MemberModel,
    MemberScale,
)


@register(
    task="regression",
    paper="Gorishniy et al. 2024, arXiv:2410.24210",
    year=2024,
    recipe={"learning_rate": 2e-3, "weight_decay": 3e-4},
    variants={
        "tabm": {
            "arguments": {"mini": False},
            "params": 676_128,
            "multiply_adds": 16_924_672,
        },
        "tabm_mini": {
            "arguments": {"mini": True},
            "params": 546_592,
            "multiply_adds": 16_924_672,
        },
    },
)
def tabm(
    mini: bool = False,
    num_members: int = 32,
    depth: int = 3,
    width: int = 512,
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_size: int = 16,
    embedding_options: dict[str, Any] | None = None,
    dropout: float = 0.1,
    activation: str = "relu",
    name: str = "tabm",
) -> keras.Model:
    """Build TabM: an ensemble of MLPs for little more than the parameters of one.

    `fit` trains every member for itself; in all other use the model gives their average
    (see `MemberModel`).

    Args:
        mini: scale features once, before the first layer, in place of around each.
        num_members: k, how many members there are.
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
        output: (batch, numbers * num_targets), as the head says; when training
            (batch, members, numbers * num_targets).

    Raises:
        ValueError: num_members, depth or width is below 1, or no such columns, head or
            embeddings.
    """
    _table.check_at_least_one(num_members=num_members, depth=depth, width=width)
    inputs = _table.table_inputs(num_features, cardinalities)
    x = _table.table_row(
        inputs, cardinalities, embeddings, embedding_size, embedding_options
    )
    # With embeddings, signs alone would leave the members too much alike (section 5).
    scale = "random_signs" if embeddings == "none" else "normal"
    if mini:
        x = MemberScale(num_members, scale, name="member_scale")(x)
    for layer in range(1, depth + 1):
        if mini:
            limit = within(x.shape[-1] ** -0.5)
            x = layers.Dense(
                width,
                kernel_initializer=limit,
                bias_initializer=limit,
                name=f"dense{layer}",
            )(x)
        else:
            first = scale if layer == 1 else "ones"
            x = MemberDense(width, num_members, first, name=f"dense{layer}")(x)
        x = activate(x, activation, f"dense{layer}_{activation}", axes=(1,))
        x = layers.Dropout(dropout, name=f"dense{layer}_dropout")(x)
    units = _table.num_outputs(head, num_targets)
    x = SeparateDense(units, dtype="float32", name="member_predictions")(x)
    outputs = MemberAverage(
        variance=head == "mean_variance",
        only_in_use=True,
        dtype="float32",
        name="prediction",
    )(x)
    return _table.table_model(inputs, outputs, name, MemberModel)
