"""Splits go by source, do not move, and tell where one leaks into another."""

from itertools import chain

import pytest

from kerazoo.harness import DataError
from kerazoo.harness.texts.files import Pair
from kerazoo.harness.texts.splits import (
    complete_splits,
    find_leaks,
    find_split_files,
    split_pairs,
    thin_out,
)
from kerazoo.harness.texts.text import source_key


def pairs(*sources, line=1):
    return [Pair(source, f"t{i}", line) for i, source in enumerate(sources)]


MANY = pairs(*[f"{word}{i}" for i in range(100) for word in ("Word", "word", "wörd")])


def test_pairs_of_one_source_stay_together_whatever_its_form():
    splits = split_pairs(MANY, validation=0.2, test=0.1)
    keys = {name: {source_key(p.source) for p in part} for name, part in splits.items()}
    assert {name: len(found) for name, found in keys.items()} == {
        "train": 140,
        "validation": 40,
        "test": 20,
    }
    assert not keys["train"] & keys["test"] and not keys["train"] & keys["validation"]
    assert not keys["validation"] & keys["test"]
    assert sorted(chain(*splits.values())) == sorted(MANY)


def test_the_split_goes_by_the_seed_and_not_by_the_order():
    first = split_pairs(MANY, seed=3)
    again = split_pairs(MANY[::-1], seed=3)
    other = split_pairs(MANY, seed=4)
    assert {n: set(p) for n, p in first.items()} == {
        n: set(p) for n, p in again.items()
    }
    assert set(first["test"]) != set(other["test"])


def test_sizes_can_be_numbers():
    splits = split_pairs(MANY, validation=7, test=9)
    sizes = [len({source_key(p.source) for p in part}) for part in splits.values()]
    assert sizes == [184, 7, 9]


def test_a_split_that_would_be_empty_is_an_error():
    with pytest.raises(DataError, match="no pairs left for validation: of 3"):
        split_pairs(pairs("a", "b", "c"), validation=0.1, test=0.4)
    with pytest.raises(DataError, match="no pairs left for train"):
        split_pairs(pairs("a", "b", "c"), validation=1, test=2)


def test_missing_splits_are_taken_out_of_the_training_pairs():
    given = {"train": MANY, "test": pairs("other")}
    splits = complete_splits(given, validation=0.1, test=0.1, seed=0)
    assert list(splits) == ["train", "validation", "test"]
    assert splits["test"] == given["test"]
    assert sorted(splits["train"] + splits["validation"]) == sorted(MANY)
    assert len({source_key(p.source) for p in splits["validation"]}) == 20
    whole = {**given, "validation": pairs("third")}
    assert complete_splits(whole, validation=0.1, test=0.1, seed=0) == whole


def test_a_given_validation_split_is_kept_and_the_test_split_taken():
    given = {"train": MANY, "validation": pairs("other")}
    splits = complete_splits(given, validation=0.1, test=0.1, seed=0)
    assert splits["validation"] == given["validation"]
    assert sorted(splits["train"] + splits["test"]) == sorted(MANY)
    assert len({source_key(p.source) for p in splits["test"]}) == 20


def test_leaks_are_reported_with_their_share():
    splits = {
        "train": pairs("a", "Straße", "b"),
        "validation": pairs("c", "d"),
        "test": pairs("STRASSE", "d", "e", "f"),
    }
    assert find_leaks(splits) == [
        "1 sources of test (25.0%) also stand in train, so that its scores are too "
        "good: STRASSE",
        "1 sources of test (25.0%) also stand in validation, so that its scores are "
        "too good: d",
    ]
    assert find_leaks({"train": MANY, "test": pairs("other")}) == []


@pytest.mark.parametrize(
    ("names", "columns", "found"),
    [
        (
            ["train.tsv", "valid.tsv.gz", "test.tsv", "README.md"],
            (),
            {"train": 1, "validation": 1, "test": 1},
        ),
        (["g014b2b.train.gz", "g014b2b.test.gz"], (), {"train": 1, "test": 1}),
        (["train.jsonl", "dev.csv"], (), {"train": 1, "validation": 1}),
        (
            ["train.de", "train.en", "test.en.gz", "test.de", "test.fr"],
            ("en", "de"),
            {"train": 2, "test": 2},
        ),
    ],
)
def test_the_files_of_a_folder_are_found(names, columns, found, tmp_path):
    for name in names:
        (tmp_path / name).touch()
    files = find_split_files(tmp_path, columns)
    assert {split: len(paths) for split, paths in files.items()} == found
    if columns:
        assert [file.name for file in files["test"]] == ["test.en.gz", "test.de"]


def test_a_folder_without_one_training_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="There is no folder"):
        find_split_files(tmp_path / "gone")
    with pytest.raises(DataError, match="has no file train"):
        find_split_files(tmp_path)
    (tmp_path / "train.tsv").touch()
    (tmp_path / "train.csv").touch()
    with pytest.raises(
        DataError, match=r"several files for train: train\.csv, train\.tsv"
    ):
        find_split_files(tmp_path)


def test_thinning_out_keeps_all_the_targets_of_a_source():
    kept = thin_out([*MANY, *MANY], 3)
    assert [p.source for p in kept] == ["Word0", "wörd49", "wörd99"] * 2
    assert thin_out(MANY, 0) == MANY == thin_out(MANY, 1000)
