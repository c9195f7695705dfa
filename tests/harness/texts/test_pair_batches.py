"""Batches hold every pair once, in few shapes, within the tokens that were allowed."""

from itertools import combinations

import numpy as np
import pytest

from kerazoo.harness.texts.batches import _bounds, make_batches
from kerazoo.zoo.seq2seq.tokens import END, PAD, START

TOKENS = 120


def ragged(seed=0, num=300, longest=20):
    draw = np.random.default_rng(seed)
    return [
        [
            draw.integers(4, 50, draw.integers(1, longest + 1)).tolist()
            for _ in range(num)
        ]
        for _ in range(2)
    ]


def unpadded(batches):
    """Return (source, target, labels) of every row that is no filling."""
    rows = []
    for inputs, labels in batches:
        for row in zip(*map(np.asarray, (*inputs.values(), labels)), strict=True):
            assert all(ids.dtype == "int32" for ids in row)
            rows.append(tuple(tuple(ids[ids != PAD].tolist()) for ids in row))
    return [row for row in rows if any(row)]


@pytest.mark.parametrize("seed", [None, 0])
def test_every_pair_is_there_once_with_shifted_targets(seed):
    sources, targets = ragged()
    batches = make_batches(sources, targets, tokens_per_batch=TOKENS)
    expected = [
        ((*s, END), (START, *t), (*t, END))
        for s, t in zip(sources, targets, strict=True)
    ]
    for _ in range(2):
        assert sorted(unpadded(batches.dataset(seed))) == sorted(expected)


def test_padding_stands_at_the_end_only():
    batches = make_batches(*ragged(), tokens_per_batch=TOKENS)
    for inputs, labels in batches.dataset():
        for ids in (*inputs.values(), labels):
            real = ids.numpy() != PAD
            assert (real[:, :-1] >= real[:, 1:]).all()


def test_there_are_few_shapes_and_none_is_too_large():
    batches = make_batches(*ragged(), tokens_per_batch=TOKENS, num_buckets=4)
    shapes = {
        (*inputs["source"].shape, inputs["target"].shape[1], labels.shape[1])
        for inputs, labels in batches.dataset(0)
    }
    assert 2 <= len(shapes) <= 4
    for pairs, source, target, label in shapes:
        assert pairs * max(source, label) <= TOKENS and target == label


def test_a_pair_longer_than_a_batch_has_one_of_its_own():
    batches = make_batches([[5] * 30, [6]], [[5], [6]], tokens_per_batch=8)
    shapes = [tuple(inputs["source"].shape) for inputs, _ in batches.dataset()]
    assert shapes == [(1, 2), (1, 31)]


def test_the_length_is_known_and_right():
    batches = make_batches(*ragged(), tokens_per_batch=TOKENS)
    dataset = batches.dataset(0)
    assert len(dataset) == batches.num_batches == sum(1 for _ in dataset)


def test_epochs_differ_and_the_seed_repeats_them():
    batches = make_batches(*ragged(), tokens_per_batch=TOKENS)

    def epochs(seed):
        dataset = batches.dataset(seed)
        return [unpadded(dataset) for _ in range(2)]

    first = epochs(1)
    assert first == epochs(1)
    assert first[0] != first[1] and first[0] != epochs(2)[0]
    assert epochs(None)[0] == epochs(None)[1]


def test_the_padding_share_is_that_of_the_batches():
    batches = make_batches(*ragged(), tokens_per_batch=TOKENS)
    ids = [
        x
        for inputs, y in batches.dataset()
        for x in (inputs["source"].numpy(), y.numpy())
    ]
    counted = 1 - sum(np.count_nonzero(x) for x in ids) / sum(x.size for x in ids)
    assert batches.padding == pytest.approx(counted)
    assert f"{counted:.1%} of their tokens are padding" in batches.note


@pytest.mark.parametrize("num_buckets", [1, 2, 3])
def test_buckets_are_the_best_that_there_are(num_buckets):
    lengths = np.random.default_rng(0).geometric(0.3, 60)

    def padded(bounds):
        return sum(min(b for b in bounds if b >= length) for length in lengths)

    there = sorted(set(lengths.tolist()))
    least = min(
        padded([*some, there[-1]]) for some in combinations(there[:-1], num_buckets - 1)
    )
    found = _bounds(lengths, num_buckets)
    assert len(found) <= num_buckets and padded(found) == least
    assert _bounds(np.array([3, 3, 3]), 8) == [3]
