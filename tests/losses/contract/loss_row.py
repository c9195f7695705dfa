"""What a row of the contract's table says about a loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]  # labels and predictions


def no_pairs(y_true, y_pred) -> list[Pair]:
    return []


@dataclass(frozen=True)
class Kind:
    """What labels and predictions of a family look like.

    Attributes:
        sample: makes labels and predictions of n samples from a random generator.
        twins: other forms of the same labels and predictions, with the same loss.
        extremes: predictions as far out as a model may go.
        perfect: predictions that could not be better.
        one_class: labels of one class only; None where there are no classes.
        activation: turns logits into what from_logits=False takes.
        misfits: labels and predictions whose shapes cannot be aligned.
    """

    sample: Callable[[np.random.Generator, int], Pair]
    extremes: Callable[[np.ndarray], Sequence[np.ndarray]]
    perfect: Callable[[np.ndarray, np.ndarray], np.ndarray]
    twins: Callable[[np.ndarray, np.ndarray], list[Pair]] = no_pairs
    one_class: Callable[[np.ndarray], np.ndarray] | None = None
    activation: Callable[[np.ndarray], np.ndarray] | None = None
    misfits: Callable[[np.ndarray, np.ndarray], list[Pair]] = no_pairs


@dataclass(frozen=True)
class Row:
    """The sample arguments, the oracle and the hand-worked number of one loss.

    Attributes:
        kind: what its labels and predictions look like.
        oracle: a plain loop that returns the value of each sample.
        hand: labels, predictions and the mean loss, worked out on paper.
        arguments: of the loss, for every check but the hand-worked one.
        hand_arguments: of the loss, for the hand-worked number.
        batchwise: a sample's value depends on the other samples of its batch.
        activation: in place of the kind's.
        holds_constants: the gradient leaves out some of the formula on purpose; the
            oracle takes the predictions of those parts as constant_at.
        half_tolerance: of float16 and bfloat16 against float64, relative to 1 + |loss|.
    """

    kind: Kind
    oracle: Callable[[np.ndarray, np.ndarray], Sequence[float]]
    hand: tuple[Any, Any, float]
    arguments: dict[str, Any] = field(default_factory=dict)
    hand_arguments: dict[str, Any] = field(default_factory=dict)
    batchwise: bool = False
    activation: Callable[[np.ndarray], np.ndarray] | None = None
    holds_constants: bool = False
    half_tolerance: float = 0.03
