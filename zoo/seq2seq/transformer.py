"""The Transformer, encoder and decoder, Vaswani et al. 2017, arXiv:1706.03762.

`transformer_base` and `transformer_big` are those of the paper's table 3, with its
joined vocabulary of 37,000; its 65 and 213 million parameters are rounded, and of
vocabularies that differ a little. `transformer_tiny` and `transformer_small` are for
small vocabularies, and normalize first, so that they train without warm-up.

Deviations: the order of the sines (see `positions.py`); as in the authors' code,
projections of attention have no bias, and the embedding begins with the standard
deviation 1 / sqrt(width). The options not of the paper name theirs.

The layers are in `transformer_layers.py`, their parts in `transformer_blocks.py`,
`attention.py` and `positions.py`.
"""

import keras

from kerazoo.zoo.registry import register
from kerazoo.zoo.seq2seq.transformer_layers import (
    TransformerDecoder,
    TransformerEncoder,
)


@register(
    task="seq2seq",
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    year=2017,
    failed_exports=("tflite-int8",),
    variants={
        "transformer_tiny": {
            "params": 939_520,
            "multiply_adds": 31_195_136,
            "arguments": {"num_layers": 2, "width": 128, "hidden": 512},
            "pretrained": ("cmudict",),
        },
        "transformer_small": {"params": 3_978_240, "multiply_adds": 131_072_000},
        "transformer_base": {
            "params": 63_045_632,
            "multiply_adds": 2_034_368_512,
            "arguments": {
                "num_layers": 6,
                "width": 512,
                "hidden": 2048,
                "num_heads": 8,
                "norm_first": False,
                "source_vocabulary": 37000,
                "target_vocabulary": 37000,
                "tied": "all",
            },
        },
        "transformer_big": {
            "params": 214_171_648,
            "multiply_adds": 6_887_309_312,
            "arguments": {
                "num_layers": 6,
                "width": 1024,
                "hidden": 4096,
                "num_heads": 16,
                "norm_first": False,
                "dropout": 0.3,
                "source_vocabulary": 37000,
                "target_vocabulary": 37000,
                "tied": "all",
            },
        },
    },
)
def transformer(
    num_layers: int = 3,
    width: int = 256,
    hidden: int = 512,
    num_heads: int = 4,
    key_value_heads: int | None = None,
    source_vocabulary: int = 64,
    target_vocabulary: int = 64,
    tied: str = "target",
    norm_first: bool = True,
    positions: str = "sinusoidal",
    activation: str = "relu",
    norm: str = "layer",
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    max_length: int = 256,
    name: str = "transformer",
) -> keras.Model:
    """Build the Transformer: attention from a sequence to itself, and to another.

    Args:
        num_layers: blocks of the encoder, and as many of the decoder.
        width: channels of a token, a multiple of num_heads.
        hidden: units within a block.
        num_heads: attention heads.
        key_value_heads: heads that hold keys and values, a divisor of num_heads;
            fewer make the cache of decoding smaller (grouped-query attention,
            arXiv:2305.13245). None is one each, as in the paper.
        source_vocabulary: tokens of the source, the special ones included.
        target_vocabulary: tokens of the target, the special ones included.
        tied: which weights are one: "none", "target" (its embedding and the output
            layer), or "all" (the source's embedding too, for one joined vocabulary).
        norm_first: normalize before each part rather than after it, as the paper does.
        positions: "sinusoidal", "learned" or "rotary".
        activation: of the hidden units, "relu", "gelu" or "swiglu" (arXiv:2002.05202;
            it has half as many weights again).
        norm: "layer" or "rms" (arXiv:1910.07467).
        dropout: share dropped in training of the vectors that enter, and of what every
            part adds, in [0, 1).
        attention_dropout: share of the attention weights dropped, in [0, 1).
        max_length: limit of a sequence; only "learned" positions have one.
        name: the model's name.

    Shapes:
        input: "source" (batch, source_length) and "target" (batch, target_length),
            int32, padded with 0 at the end; the target begins with START.
        output: logits (batch, target_length, target_vocabulary), float32.

    Raises:
        ValueError: a size is below 1, or does not divide as it must, or there is no
            such choice; the vocabularies differ though all is tied.
    """
    if tied == "all" and source_vocabulary != target_vocabulary:
        raise ValueError(
            'tied="all" needs one joined vocabulary; got source_vocabulary='
            f"{source_vocabulary} and target_vocabulary={target_vocabulary}: "
            'take tied="target"'
        )
    options = {
        "num_layers": num_layers,
        "width": width,
        "hidden": hidden,
        "num_heads": num_heads,
        "key_value_heads": key_value_heads,
        "norm_first": norm_first,
        "positions": positions,
        "activation": activation,
        "norm": norm,
        "dropout": dropout,
        "attention_dropout": attention_dropout,
        "max_length": max_length,
        "tied": tied,
    }
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encoder = TransformerEncoder(source_vocabulary, **options, name="encoder")
    decoder = TransformerDecoder(target_vocabulary, **options, name="decoder")
    logits = decoder([target, encoder(source), source])
    return keras.Model([source, target], logits, name=name)
