"""Batches of pairs by token count, in few shapes, so that few steps are compiled.

Pairs of like length share a bucket; a bucket has one shape of batch. A batch that its
bucket cannot fill is filled up with rows of padding, which cost nothing in a loss that
counts tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import tensorflow as tf

from kerazoo.harness.data import prefetched
from kerazoo.zoo.seq2seq.tokens import END, PAD, START

NUM_BUCKETS = 8
Batch = tuple[dict[str, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Bucket:
    """Pairs of like length, padded to one shape.

    Shapes:
        sources: (pairs, source_length) int32, ending with END.
        labels: (pairs, target_length) int32, ending with END.
    """

    sources: np.ndarray
    labels: np.ndarray
    batch_size: int  # pairs in a batch

    @property
    def num_batches(self) -> int:
        """How many batches an epoch has."""
        return -(-len(self.sources) // self.batch_size)

    def batch(self, rows: np.ndarray) -> Batch:
        """Return a batch of some rows, filled up with rows of padding."""
        missing = self.batch_size - len(rows)
        sources, labels = (
            np.pad(whole[rows], ((0, missing), (0, 0)))
            for whole in (self.sources, self.labels)
        )
        # What comes before each label; END has nothing to say about a next one.
        before = np.where(labels == END, PAD, labels)[:, :-1]
        target = np.pad(before, ((0, 0), (1, 0)))
        target[: len(rows), 0] = START
        return {"source": sources, "target": target}, labels


@dataclass(frozen=True)
class PairBatches:
    """The buckets of a split, and how they are cut into batches."""

    buckets: tuple[Bucket, ...]

    @property
    def num_batches(self) -> int:
        """How many batches an epoch has."""
        return sum(bucket.num_batches for bucket in self.buckets)

    @property
    def mean_tokens(self) -> float:
        """How many labels a batch has, padding left out, over an epoch."""
        return sum(np.count_nonzero(b.labels) for b in self.buckets) / self.num_batches

    @property
    def padding(self) -> float:
        """The share of an epoch's tokens that are padding, on both sides."""
        tokens = whole = 0
        for bucket in self.buckets:
            for side in (bucket.sources, bucket.labels):
                tokens += np.count_nonzero(side)
                whole += bucket.num_batches * bucket.batch_size * side.shape[1]
        return 1 - tokens / whole

    @property
    def note(self) -> str:
        """What the user should know."""
        shapes = ", ".join(
            f"{b.batch_size} x {b.sources.shape[1]}/{b.labels.shape[1]}"
            for b in self.buckets
        )
        return (
            f"{self.num_batches:,} batches an epoch, {self.padding:.1%} of their "
            f"tokens are padding; pairs x lengths: {shapes}"
        )

    def epoch(self, seed: Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield the batches of an epoch; with a seed they are shuffled."""
        draw = None if seed is None else np.random.default_rng(seed)
        order = [(b, rows) for b in self.buckets for rows in _cut(b, draw)]
        if draw is not None:
            order = [order[i] for i in draw.permutation(len(order))]
        for bucket, rows in order:
            yield bucket.batch(rows)

    def dataset(self, seed: int | None = None) -> tf.data.Dataset:
        """Return the batches as a data set; with a seed, each epoch has its own order.

        The order depends on the seed and on how many epochs came before.
        """
        epochs = 0

        def batches() -> Iterator[Batch]:
            nonlocal epochs
            epochs += 1
            yield from self.epoch(None if seed is None else (seed, epochs))

        ids = tf.TensorSpec((None, None), tf.int32)
        dataset = tf.data.Dataset.from_generator(
            batches, output_signature=({"source": ids, "target": ids}, ids)
        )
        dataset = dataset.apply(
            tf.data.experimental.assert_cardinality(self.num_batches)
        )
        return prefetched(dataset)


def make_batches(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    *,
    tokens_per_batch: int,
    num_buckets: int = NUM_BUCKETS,
) -> PairBatches:
    """Sort pairs into buckets by their longer side, so that little is padded.

    Args:
        sources: ids, without START and END.
        targets: the ids of each source's target, in the same order.
        tokens_per_batch: of the longer side, padding included. A pair that is longer
            has a batch of its own.
        num_buckets: the most shapes.
    """
    lengths = np.array(
        [[len(s) + 1, len(t) + 1] for s, t in zip(sources, targets, strict=True)]
    )
    longer = lengths.max(axis=1)
    buckets = []
    for low, high in pairwise([0, *_bounds(longer, num_buckets)]):
        rows = np.flatnonzero((low < longer) & (longer <= high))
        source_length, target_length = lengths[rows].max(axis=0)
        # Batches of one size that leave the least to be filled up.
        num_batches = -(-len(rows) // max(1, tokens_per_batch // int(high)))
        bucket = Bucket(
            sources=_padded([sources[i] for i in rows], source_length),
            labels=_padded([targets[i] for i in rows], target_length),
            batch_size=-(-len(rows) // num_batches),
        )
        buckets.append(bucket)
    return PairBatches(tuple(buckets))


def _bounds(lengths: np.ndarray, num_buckets: int) -> list[int]:
    """Choose the buckets' greatest lengths, so that the sum of paddings is least.

    best[j] is the least number of padded tokens of all sequences up to length j, in as
    many buckets as rounds were made.
    """
    longest = int(lengths.max())
    shorter = np.cumsum(np.bincount(lengths, minlength=longest + 1))
    ends = np.arange(longest + 1)
    best = shorter * ends
    cuts = []
    for _ in range(min(num_buckets, longest) - 1):
        # A last bucket from i to j pads all that are longer than i to j.
        last = (shorter[None, :] - shorter[:, None]) * ends[None, :]
        total = np.where(
            ends[:, None] < ends[None, :], best[:, None] + last, best[None, :]
        )
        cuts.append(total.argmin(axis=0))
        best = total.min(axis=0)
    bounds = [longest]
    for cut in reversed(cuts):
        bounds.append(int(cut[bounds[-1]]))
    return sorted({bound for bound in bounds if shorter[bound] > 0})


def _padded(rows: Sequence[Sequence[int]], length: int) -> np.ndarray:
    padded = np.full((len(rows), length), PAD, "int32")
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
        row[len(ids)] = END
    return padded


def _cut(bucket: Bucket, draw: np.random.Generator | None) -> list[np.ndarray]:
    rows = np.arange(len(bucket.sources))
    if draw is not None:
        draw.shuffle(rows)
    return [
        rows[i : i + bucket.batch_size] for i in range(0, len(rows), bucket.batch_size)
    ]
