"""What a finished hypothesis is worth: its log-probability, set right for its length.

Wu et al. 2016, arXiv:1609.08144, section 7, equation 14. There |Y| counts the tokens of
a hypothesis; here END is one of them.
"""

from typing import Literal, get_args

import keras
from keras import ops

from kerazoo.zoo.seq2seq.tokens import PAD

LengthPenalty = Literal["none", "wu", "average"]
LENGTH_PENALTIES = get_args(LengthPenalty)
# Attention is never quite 0, but may be so in half precision, and its log is taken.
LEAST_COVERAGE = 1e-10


def length_penalty(kind: LengthPenalty, alpha: float, length):
    """Return by what the log-probability of a hypothesis is divided; it never falls.

    Args:
        kind: "wu" is ((5 + length) / 6) ** alpha, "average" the length, "none" 1.
        alpha: of "wu".
        length: number of tokens, END included; a number or a tensor.

    >>> length_penalty("wu", 1.0, 7)
    2.0
    """
    if kind == "none":
        return 1.0
    length = float(length) if isinstance(length, int) else ops.cast(length, "float32")
    return length if kind == "average" else ((5.0 + length) / 6.0) ** alpha


def coverage_penalty(
    coverage: keras.KerasTensor, source: keras.KerasTensor, beta: float
) -> keras.KerasTensor:
    """Charge source tokens that got less than 1 of attention in all; at most 0.

    Args:
        coverage: the sum of the attention to every source token over all steps.
        source: the source's tokens; PAD costs nothing.
        beta: the penalty's weight.

    Shapes:
        coverage, source: (hypotheses, source_length).
        output: (hypotheses,).
    """
    logs = ops.log(ops.clip(coverage, LEAST_COVERAGE, 1.0))
    is_real = ops.cast(ops.not_equal(source, PAD), logs.dtype)
    return beta * ops.sum(logs * is_real, axis=-1)
