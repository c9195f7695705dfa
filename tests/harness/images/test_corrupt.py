"""Labels that are made worse on purpose are worse by what was asked, and no more."""

import numpy as np
import pytest

from kerazoo.harness.images.corrupt import flip_labels, thin_out

TARGETS = np.random.default_rng(0).integers(0, 5, 2000)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_a_share_of_the_labels_becomes_another_class(share):
    flipped = flip_labels(TARGETS, share, num_classes=5, seed=1)
    assert (flipped != TARGETS).sum() == share * 2000
    assert flipped.min() >= 0 and flipped.max() <= 4
    for name in range(5 if share else 0):  # every other class is as likely
        found = np.bincount(flipped[(name == TARGETS) & (flipped != name)], minlength=5)
        others = np.delete(found, name)
        assert others.min() > 0.5 * others.mean()


def test_the_seed_decides_which():
    one, same, other = (flip_labels(TARGETS, 0.4, 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert thin_out(TARGETS, 9, 1).tolist() == thin_out(TARGETS, 9, 1).tolist()
    assert thin_out(TARGETS, 9, 1).tolist() != thin_out(TARGETS, 9, 2).tolist()


@pytest.mark.parametrize("ratio", [1, 10, 50])
def test_classes_become_rarer_by_a_constant_factor(ratio):
    targets = np.repeat(np.arange(3), 1000)
    kept = thin_out(targets, ratio, seed=0)
    assert (np.diff(kept) > 0).all()
    expected = [1000, round(1000 / ratio**0.5), 1000 // ratio]
    assert np.bincount(targets[kept]).tolist() == expected


def test_no_class_is_lost_or_asked_for_more_than_it_has():
    targets = np.array([0] * 10 + [1] + [2] * 2)
    counts = np.bincount(targets[thin_out(targets, 100, seed=0)])
    assert counts.tolist() == [10, 1, 1]
