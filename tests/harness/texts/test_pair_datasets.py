"""Pairs that are known by name: their sizes, their split, and their form."""

import gzip
import hashlib
import re
from itertools import chain

import pytest

from kerazoo.harness import DataError
from kerazoo.harness.texts import datasets
from kerazoo.harness.texts.splits import complete_splits, find_leaks, group_by_source


@pytest.fixture(scope="module")
def cmudict():
    return datasets.cmudict("")


def test_cmudict_is_whole_and_split_by_word(cmudict):
    assert {split: len(pairs) for split, pairs in cmudict.items()} == {
        "train": 116_709,
        "validation": 5_327,
        "test": 12_824,
    }
    words = {split: group_by_source(pairs)[0] for split, pairs in cmudict.items()}
    assert len(words["train"]) == 109_052
    assert (len(words["validation"]), len(words["test"])) == (5_000, 12_000)
    assert find_leaks(cmudict) == []
    assert all(
        re.fullmatch(r"[a-z'.-]+", word) for part in words.values() for word in part
    )


def test_the_split_of_cmudict_never_moves(cmudict):
    words = "\n".join(group_by_source(cmudict["test"])[0])
    assert hashlib.sha256(words.encode()).hexdigest()[:12] == "52dd0389196a"


def test_cmudict_has_each_pronunciation_once(cmudict):
    pairs = [pair[:2] for part in cmudict.values() for pair in part]
    assert len(set(pairs)) == len(pairs)
    assert len({phone for _, target in pairs for phone in target.split()}) == 39
    sources, targets = group_by_source([*chain(*cmudict.values())])
    found = dict(zip(sources, targets, strict=True))
    assert sorted(found["tomato"]) == ["T AH M AA T OW", "T AH M EY T OW"]
    assert found["aalto"] == ["AA L T OW"]  # the file has a comment there


def test_stress_can_be_kept(cmudict):
    stressed = datasets.cmudict("", stress=True)
    phones = {p for part in stressed.values() for x in part for p in x.target.split()}
    assert len(phones) == 69
    assert sum(map(len, stressed.values())) > sum(map(len, cmudict.values()))
    # Scores with and without stress are of the same words.
    first, second = (group_by_source(s["test"])[0] for s in (cmudict, stressed))
    assert first == second


def test_the_licence_comes_along():
    licence = (datasets.CMUDICT.parent / "LICENSE").read_text()
    assert "Carnegie Mellon University" in licence and "Redistributions" in licence


def test_pronalsyl_is_read_from_its_folder(tmp_path):
    train = [f"W{'ABC'[i % 3]}{chr(65 + i)}\tT{i % 5} AH" for i in range(20)]
    (tmp_path / "g014b2b.train.gz").write_bytes(
        gzip.compress("\n".join(train).encode())
    )
    (tmp_path / "g014b2b.test.gz").write_bytes(gzip.compress(b"ABBY  AE B IY\n"))
    (tmp_path / "README.md").write_text("train and test")
    given = datasets.pronalsyl(str(tmp_path))
    assert [pair[:2] for pair in given["test"]] == [("abby", "AE B IY")]
    splits = complete_splits(given, validation=0.2, test=0.5, seed=0)
    sizes = {split: len(pairs) for split, pairs in splits.items()}
    assert sizes == {"train": 16, "validation": 4, "test": 1}


def test_without_its_folder_one_line_says_what_pronalsyl_needs(tmp_path):
    with pytest.raises(DataError, match="pronalsyl does not come along"):
        datasets.pronalsyl("")
    (tmp_path / "g014b2b.train").write_text("A\tAH\n")
    with pytest.raises(DataError, match=r"has no file g014b2b\.test\.gz"):
        datasets.pronalsyl(str(tmp_path))
