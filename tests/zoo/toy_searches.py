"""Searches of toy models, and what a plain search in NumPy finds of the same."""

import numpy as np
from numpy_beam_search import beam_search
from toy_translation import in_numpy

SOURCES = [[5, 6, 2], [4, 4, 7, 9, 10, 2], [3, 2]]
PREFIXES = [[], [7], [9, 9, 4]]


def eager(translator):
    """Compiling takes seconds, a search without it takes less than one."""
    translator.compile(run_eagerly=True)
    return translator


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert [[*tokens, 2] for tokens, _ in ours] == [tokens for tokens, _ in theirs]
        scores = [[score for _, score in one] for one in (ours, theirs)]
        np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-4)


def reference(layers, options, prefixes=((), (), ())):
    return [
        beam_search(in_numpy(*layers, source), options, prefix)
        for source, prefix in zip(SOURCES, prefixes, strict=True)
    ]
