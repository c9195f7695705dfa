"""Make training labels worse on purpose, to see which loss bears it."""

import numpy as np


def flip_labels(
    targets: np.ndarray, share: float, num_classes: int, seed: int
) -> np.ndarray:
    """Give a share of the samples the label of another class, drawn evenly.

    This is the symmetric noise of Zhang & Sabuncu 2018, arXiv:1805.07836.

    Args:
        targets: (samples,), class indices.
        share: how many of them are changed, in [0, 1).
        num_classes: the number of classes.
        seed: of the draw.

    >>> sum(flip_labels(np.zeros(4, int), 0.5, num_classes=2, seed=0).tolist())
    2
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(targets))[: round(share * len(targets))]
    flipped = targets.copy()
    flipped[chosen] += rng.integers(1, num_classes, len(chosen))
    return flipped % num_classes


def thin_out(targets: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """Choose samples so that every class is rarer than the one before it.

    Sizes fall by a constant factor from class to class, as in the long-tailed sets of
    Cui et al. 2019, arXiv:1901.05555.

    Args:
        targets: (samples,), class indices.
        ratio: size of the first class over that of the last, at least 1.
        seed: of the draw.

    Returns:
        Positions in targets that are kept, in ascending order; at least one per class.

    >>> len(thin_out(np.repeat([0, 1, 2], 100), ratio=100, seed=0))  # 100 + 10 + 1
    111
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(targets)
    shares = ratio ** -np.linspace(0, 1, len(counts))
    kept = [
        rng.permutation(np.flatnonzero(targets == i))[: max(1, round(counts[0] * s))]
        for i, s in enumerate(shares)
    ]
    return np.sort(np.concatenate(kept))
