"""Pairs for training, validation and test: given as files, or taken by source.

All pairs of one source stay together: a word that was trained on with one of its
pronunciations must not be asked for with another.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from kerazoo.harness.errors import DataError
from kerazoo.harness.texts.files import SUFFIXES, Pair, file_kind
from kerazoo.harness.texts.text import source_key
from kerazoo.harness.wording import listed, shown

Splits = dict[str, list[Pair]]
SPLITS = ("train", "validation", "test")
# What the files of a folder may be called, before the first dot.
NAMES = {"train": ("train",), "validation": ("validation", "valid", "dev", "val")}
NAMES["test"] = ("test",)


def split_pairs(
    pairs: list[Pair],
    *,
    validation: float = 0.05,
    test: float = 0.05,
    seed: int = 0,
) -> Splits:
    """Split by source: pairs whose sources differ only in form stay together.

    The split depends on the set of sources and the seed, not on the order of the pairs.

    Args:
        pairs: all of them.
        validation: below 1 a share of the sources, else their number.
        test: the same; 0: none.
        seed: of the draw.

    Raises:
        DataError: a split would be empty.
    """
    keys = [source_key(pair.source) for pair in pairs]
    sources = sorted(set(keys))
    order = np.random.default_rng(seed).permutation(len(sources))
    shares = {"test": test, "validation": validation}
    sizes = {
        name: round(share * len(sources)) if share < 1 else int(share)
        for name, share in shares.items()
    }
    sizes["train"] = len(sources) - sum(sizes.values())
    wanted = [name for name in SPLITS if shares.get(name, 1)]
    empty = [name for name in wanted if sizes[name] < 1]
    if empty:
        raise DataError(
            f"There are no pairs left for {' and '.join(empty)}: of {len(sources):,} "
            f"different sources, {validation:g} are for validation and {test:g} for "
            "test. Give other shares, or more pairs."
        )
    place, start = {}, 0
    for name, size in sizes.items():
        place |= {sources[i]: name for i in order[start : start + size]}
        start += size
    splits: Splits = {name: [] for name in wanted}
    for key, pair in zip(keys, pairs, strict=True):
        splits[place[key]].append(pair)
    return splits


def complete_splits(
    splits: Splits, *, validation: float, test: float, seed: int
) -> Splits:
    """Take the splits that are missing out of the training pairs.

    Raises:
        DataError: as `split_pairs` does.
    """
    missing = {
        "validation": 0.0 if "validation" in splits else validation,
        "test": 0.0 if "test" in splits else test,
    }
    if not missing["validation"] and not missing["test"]:
        return splits
    taken = split_pairs(splits["train"], **missing, seed=seed)
    return {name: taken.get(name) or splits[name] for name in SPLITS}


def find_leaks(splits: Splits) -> list[str]:
    """Report the sources that stand in two splits, whatever their form."""
    keys = {
        name: {source_key(pair.source): pair.source for pair in pairs}
        for name, pairs in splits.items()
    }
    notes = []
    for first, second in combinations([name for name in SPLITS if name in keys], 2):
        both = sorted(keys[first].keys() & keys[second].keys())
        if both:
            examples = listed([shown(keys[second][key], 30) for key in both], 3)
            share = len(both) / len(keys[second])
            notes.append(
                f"{len(both):,} sources of {second} ({share:.1%}) also stand in "
                f"{first}, so that its scores are too good: {examples}"
            )
    return notes


def find_split_files(
    folder: Path, columns: Sequence[str] = (), needed: str = "train"
) -> dict[str, tuple[Path, ...]]:
    """Find a folder's files of train, validation and test.

    They are called `train.tsv`, `valid.csv.gz` and so on; two aligned text files have
    the columns for suffixes, such as `train.de` and `train.en`. In the layout of
    PRONALSYL, `g014b2b.train.gz` and `g014b2b.test.gz`, the split stands in the middle.

    Args:
        folder: what the user named.
        columns: what the user named, if anything.
        needed: the split that must be there.

    Raises:
        DataError: there is no file of that split, or there are two of one.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {shown(str(folder))}.")
    found = {}
    for split, names in NAMES.items():
        files = [
            file
            for file in sorted(folder.iterdir())
            if file.is_file() and set(file.name.lower().split(".")[:2]) & {*names}
        ]
        single = [f for f in files if file_kind(f) in SUFFIXES]
        aligned = [f for c in columns for f in files if file_kind(f) == f".{c.lower()}"]
        if len(single) > 1:
            raise DataError(
                f"{shown(str(folder))} has several files for {split}: "
                f"{listed([shown(file.name) for file in single])}."
            )
        if single or len(aligned) == 2:
            found[split] = tuple(single or aligned)
    if needed not in found:
        raise DataError(
            f"{shown(str(folder))} has no file {needed}.tsv (or .txt, .csv, .jsonl, "
            f"each also with .gz) and no pair of aligned files such as {needed}.de and "
            f"{needed}.en with --data.columns '[de, en]'."
        )
    return found


def group_by_source(pairs: list[Pair]) -> tuple[list[str], list[list[str]]]:
    """Return the different sources in order, and the different targets of each.

    >>> group_by_source([Pair("a", "x", 1), Pair("b", "y", 2), Pair("a", "z", 3)])
    (['a', 'b'], [['x', 'z'], ['y']])
    """
    targets: dict[str, dict[str, None]] = {}
    for pair in pairs:
        targets.setdefault(pair.source, {})[pair.target] = None
    return list(targets), [list(found) for found in targets.values()]


def thin_out(pairs: list[Pair], limit: int) -> list[Pair]:
    """Keep the pairs of some sources, spread evenly; 0: all.

    >>> thin_out([Pair(s, "x", 1) for s in "abcde"], 2)
    [Pair(source='a', target='x', line=1), Pair(source='e', target='x', line=1)]
    """
    sources = list(dict.fromkeys(pair.source for pair in pairs))
    if not 0 < limit < len(sources):
        return pairs
    # The first ones would be all alike in a sorted file.
    chosen = np.linspace(0, len(sources) - 1, limit).astype(int)
    kept = {sources[i] for i in chosen}
    return [pair for pair in pairs if pair.source in kept]
