"""FT-Transformer, Gorishniy et al. 2021, arXiv:2106.11959, section 3.3.

Every column becomes a token; a Transformer with normalization before each part, but
for the very first, reads them; the prediction is made of the class token.

Deviations: the last block computes all tokens, though one is used; no column has a bias
beside the vectors of its categories; attention begins as Keras's own.

The defaults are the authors', who train them with AdamW, learning rate 1e-4 and weight
decay 1e-5.
"""

from typing import Any

import keras
from keras import layers

from kerazoo.zoo.registry import register
from kerazoo.zoo.regression import _table
from kerazoo.zoo.regression.categories import CategoryEmbedding
from kerazoo.zoo.regression.embeddings import (
    ClassToken,
    SeparateDense,
    embed_numbers,
)


def _norm(x, name):
    return layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm")(x)


def _attention(x, num_heads, dropout, name):
    attention = layers.MultiHeadAttention(
        num_heads, x.shape[-1] // num_heads, dropout=dropout, name=f"{name}_attention"
    )
    return attention(x, x)


def _gated(x, hidden, dropout, activation, name):
    """Two dense layers, of which the first is gated (ReGLU, arXiv:2002.05202)."""
    value = layers.Dense(hidden, name=f"{name}_value")(x)
    gate = layers.Dense(hidden, activation, name=f"{name}_gate")(x)
    gated = layers.Multiply(name=f"{name}_gated")([value, gate])
    gated = layers.Dropout(dropout, name=f"{name}_dropout")(gated)
    return layers.Dense(x.shape[-1], name=f"{name}_dense")(gated)


@register(
    task="regression",
    paper="Gorishniy et al. 2021, arXiv:2106.11959, section 3.3",
    year=2021,
    variants={"ft_transformer": {"params": 894_913, "multiply_adds": 8_057_664}},
)
def ft_transformer(
    num_blocks: int = 3,
    width: int = 192,
    num_heads: int = 8,
    hidden: int = 256,
    num_features: int = 8,
    cardinalities: tuple[int, ...] = (),
    num_targets: int = 1,
    head: str | tuple[float, ...] = "mean",
    embeddings: str = "none",
    embedding_options: dict[str, Any] | None = None,
    dropout: float = 0.1,
    attention_dropout: float = 0.2,
    residual_dropout: float = 0.0,
    activation: str = "relu",
    name: str = "ft_transformer",
) -> keras.Model:
    """Build the FT-Transformer: attention between the columns of a table.

    Args:
        num_blocks: how many there are.
        width: channels of a token, a multiple of num_heads; it is the size of every
            embedding.
        num_heads: attention heads.
        hidden: units within a block, the paper has 4 / 3 of the width.
        num_features: columns of numbers, standardised.
        cardinalities: number of codes of each column of categories.
        num_targets: numbers to be predicted for a sample.
        head: "mean", "mean_variance", or the levels of quantiles.
        embeddings: of numbers: "none" (the number times a vector, plus another, as in
            the paper), "piecewise_linear" or "periodic".
        embedding_options: arguments of the encoding layer of the embeddings.
        dropout: share of the hidden units dropped in training, in [0, 1).
        attention_dropout: share of the attention weights dropped, in [0, 1).
        residual_dropout: share dropped of what a part adds, in [0, 1).
        activation: any Keras activation name, of the gate.
        name: the model's name.

    Shapes:
        input: "numbers" (batch, num_features), "categories" (batch, columns).
        output: (batch, numbers * num_targets), as the head says.

    Raises:
        ValueError: num_blocks or hidden is below 1, the width is no multiple of
            num_heads, or no such columns, head or embeddings.
    """
    _table.check_at_least_one(
        num_blocks=num_blocks, width=width, num_heads=num_heads, hidden=hidden
    )
    if width % num_heads:
        raise ValueError(
            f"width must be a multiple of num_heads; got {width} and {num_heads}"
        )
    inputs = _table.table_inputs(num_features, cardinalities)
    tokens = []
    if "numbers" in inputs:
        x = embed_numbers(inputs["numbers"], embeddings, width, embedding_options)
        if len(x.shape) == 2:
            x = SeparateDense(width, name="numbers_embedding")(x)
        tokens.append(x)
    if "categories" in inputs:
        embedding = CategoryEmbedding(cardinalities, width, name="categories_embedding")
        tokens.append(embedding(inputs["categories"]))
    x = layers.Concatenate(axis=1, name="tokens")(tokens) if tokens[1:] else tokens[0]
    x = ClassToken(name="class_token")(x)
    num_columns = x.shape[1] - 1
    for block in range(1, num_blocks + 1):
        prefix = f"block{block}"
        for part in ("attention", "gated"):
            # Without the first normalization the paper finds it easier to train.
            first = block == 1 and part == "attention"
            y = x if first else _norm(x, f"{prefix}_{part}")
            if part == "attention":
                y = _attention(y, num_heads, attention_dropout, prefix)
            else:
                y = _gated(y, hidden, dropout, activation, prefix)
            y = layers.Dropout(residual_dropout, name=f"{prefix}_{part}_drop")(y)
            x = layers.Add(name=f"{prefix}_{part}_add")([x, y])
    x = layers.Cropping1D((0, num_columns), name="class_token_alone")(x)
    x = layers.Flatten(name="class_token_row")(x)
    x = layers.Activation("relu", name="head_relu")(_norm(x, "head"))
    outputs = _table.prediction(x, head, num_targets)
    return _table.table_model(inputs, outputs, name)
