"""Which data, which shapes, which preprocessing?

Pairs are read, brought into one form, and split by source; vocabularies are fitted on
the training pairs. Models are trained on token ids in batches of few shapes. Answers
are judged as texts: `Data.references` has each source with all the targets it has.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from config import Config

from kerazoo.harness import Data, DataError, data_name, digest, tell, texts
from kerazoo.harness.texts import Pair, PairBatches, Splits, Tokeniser
from kerazoo.zoo.seq2seq.tokens import END, PAD, START, UNKNOWN

NUM_CALIBRATION = 256  # training batches' sources that quantisation reads at most


def load_data(config: Config) -> Data:
    """Load the three splits that a config describes.

    Raises:
        DataError: the pairs cannot be had, or cannot be used as they are.
    """
    chosen = config.data
    splits, notes = read_splits(config)
    notes += [] if chosen.whole else texts.find_leaks(splits)
    splits = {k: texts.thin_out(pairs, chosen.limit) for k, pairs in splits.items()}
    # A dictionary is in order; the first words of a split should be as all of them.
    splits["validation"] = mixed(splits["validation"], chosen.split_seed)
    tokenisers = fit_tokenisers(config, splits["train"])
    batches = {}
    for split, pairs in splits.items():
        splits[split], batches[split] = batches_of(
            split, pairs, tokenisers, config, notes
        )
    notes.append(f"train: {batches['train'].note}")
    if config.model.facts:
        notes.append("vocabularies are those that the weights know")
    known = config.bleu_words or config.model.facts.get("bleu_words")
    words = known or texts.words_of_bleu([pair.target for pair in splits["train"]])
    if config.metric == "bleu" and words != (config.bleu_words or "13a"):
        notes.append("targets are written without spaces, so BLEU counts characters")
    tell(notes)
    references = {k: texts.group_by_source(pairs) for k, pairs in splits.items()}
    sizes = {split: len(sources) for split, (sources, _) in references.items()}
    source, target = texts.normalisers(chosen.normalise, chosen.lowered)
    longest_source = longest(batches, "sources")
    common = {
        "name": data_name(chosen),
        "sizes": {**sizes, "train": len(splits["train"])},
        "labels": [],
        "calibration": batches["train"].buckets[-1].sources[:NUM_CALIBRATION],
        "digest": digest(*map(as_bytes, splits.values())),
        "task": "seq2seq",
        "target": target_name(config),
        "tokenisers": tokenisers,
        "references": references,
        "metadata": {
            "metric": config.metric,
            "bleu_words": words,
            "source_tokeniser": tokenisers[0].to_json(),
            "target_tokeniser": tokenisers[1].to_json(),
            "special_tokens": {
                "pad": PAD,
                "start": START,
                "end": END,
                "unknown": UNKNOWN,
            },
            "source_normaliser": asdict(source),
            "target_normaliser": asdict(target),
            "longest_source": longest_source,  # END included
            "longest_target": longest(batches, "labels"),
            "decoding": asdict(config.decoding),
            "mean_tokens": batches["train"].mean_tokens,  # labels in a batch
        },
    }
    served = Data(
        train=[],  # what is served is not trained
        validation=served_batches("validation", common, config),
        test=served_batches("test", common, config),
        **common,
    )
    return Data(
        train=batches["train"].dataset(config.seed),
        validation=batches["validation"].dataset(),
        test=batches["test"].dataset(),
        notes=notes,
        served=served,
        **common,
    )


def read_splits(config: Config) -> tuple[Splits, list[str]]:
    """Read pairs that are known by name, a file, two files, or a folder of splits."""
    chosen = config.data
    missing = {
        "validation": chosen.validation_share,
        "test": chosen.test_share,
        "seed": chosen.split_seed,
    }
    if chosen.source != "pairs":
        options = {"stress": True} if chosen.stress else {}  # of cmudict
        splits = getattr(texts.datasets, chosen.source)(chosen.path, **options)
        return texts.complete_splits(splits, **missing), []
    files = {"train": (chosen.path, chosen.target_path)}
    if Path(chosen.path).expanduser().is_dir():
        if chosen.target_path:
            raise DataError(f"--data.target_path is for a file; {chosen.path} is none.")
        folder = Path(chosen.path).expanduser()
        needed = "test" if chosen.whole else "train"
        files = texts.find_split_files(folder, chosen.columns, needed)
    if chosen.whole:
        files = {"test": files.get("test") or files["train"]}
    splits, notes = {}, []
    for split, paths in files.items():
        splits[split], odd = texts.read_pairs(
            *paths,
            most_odd=chosen.most_odd,
            columns=chosen.columns,
            delimiter=chosen.delimiter,
            encoding=chosen.encoding,
            normalise=texts.normalisers(chosen.normalise, chosen.lowered),
        )
        notes += odd
    if chosen.whole:  # nothing is trained
        return dict.fromkeys(texts.SPLITS, splits["test"]), notes
    return texts.complete_splits(splits, **missing), notes


def mixed(pairs: list[Pair], seed: int) -> list[Pair]:
    """Return the pairs in a random order."""
    return [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))]


def fit_tokenisers(config: Config, pairs: list[Pair]) -> tuple[Tokeniser, Tokeniser]:
    """Fit a vocabulary of each side, or a joined one, on the training pairs.

    Weights to start from bring theirs along.
    """
    if config.model.facts:
        return texts.of_facts(config.model.facts)
    chosen = config.data
    sides = [pair.source for pair in pairs], [pair.target for pair in pairs]
    options = {"size": chosen.vocabulary_size, "byte_fallback": chosen.byte_fallback}
    if chosen.joined:
        kind, _ = chosen.tokens
        joined = texts.fit_tokeniser(kind, [*sides[0], *sides[1]], **options)
        return joined, joined
    source, target = (
        texts.fit_tokeniser(kind, side, **options)
        for kind, side in zip(chosen.tokens, sides, strict=True)
    )
    return source, target


def batches_of(
    split: str,
    pairs: list[Pair],
    tokenisers: tuple[Tokeniser, Tokeniser],
    config: Config,
    notes: list[str],
) -> tuple[list[Pair], PairBatches]:
    """Encode pairs and sort them into batches; note those that are too long for it."""
    most = config.data.max_length
    kept, sides = [], ([], [])
    for pair in pairs:
        ids = [t.encode(text) for t, text in zip(tokenisers, pair[:2], strict=True)]
        if max(map(len, ids)) < most:  # END takes a place
            kept.append(pair)
            for side, row in zip(sides, ids, strict=True):
                side.append(row)
    if not kept:
        raise DataError(f"{split}: no pair is within --data.max_length {most} tokens.")
    if split == "train":
        notes += unknown_tokens(sides)
    if len(kept) < len(pairs):
        notes.append(
            f"{len(pairs) - len(kept):,} of {len(pairs):,} pairs of {split} were left "
            f"out: a side is longer than --data.max_length {most} tokens"
        )
    return kept, texts.make_batches(
        *sides,
        tokens_per_batch=config.data.tokens_per_batch,
        num_buckets=config.data.buckets,
    )


def unknown_tokens(sides: tuple[list[list[int]], list[list[int]]]) -> list[str]:
    """Note what share of each side's tokens the vocabularies lack."""
    notes = []
    for name, rows in zip(("source", "target"), sides, strict=True):
        if lacking := np.mean(np.concatenate(rows) == UNKNOWN):
            notes.append(f"{lacking:.1%} of the {name} tokens are in no vocabulary")
    return notes


def served_batches(split: str, common: dict, config: Config) -> list:
    """Return what an exported model is asked: batches of (source ids, source number).

    All sources are padded to the longest one of training; longer ones lose their end.
    """
    encode = common["tokenisers"][0].encode
    most, size = common["metadata"]["longest_source"], config.decoding.batch_size
    sources, _ = common["references"][split]
    rows = [[*encode(text)[: most - 1], END] for text in sources]
    ids = texts.padded(rows, length=most)
    numbers = np.arange(len(sources))
    starts = range(0, len(sources), size)
    return [(ids[i : i + size], numbers[i : i + size]) for i in starts]


def longest(batches: dict[str, PairBatches], side: str) -> int:
    """Return the length of the longest source or label of training."""
    return max(getattr(b, side).shape[1] for b in batches["train"].buckets)


def target_name(config: Config) -> str:
    """Say what is predicted, for people."""
    chosen = config.data
    if chosen.source != "pairs":
        return "phonemes"
    return chosen.columns[1] if chosen.columns else "target"


def as_bytes(pairs: list[Pair]) -> np.ndarray:
    """Return what changes with any text of some pairs."""
    text = "\n".join(f"{pair.source}\t{pair.target}" for pair in pairs)
    return np.frombuffer(text.encode(), "uint8")
