"""Batches of rows: encoded for training, raw for what is served."""

import numpy as np
import tensorflow as tf

from kerazoo.harness.data import prefetched
from kerazoo.harness.tables.streaming import shuffled

BATCH_SERVED = 1024  # rows in a batch that is only looked at

Columns = dict[str, np.ndarray]  # by input, (rows, …)


def make_batches(
    inputs: Columns,
    targets: np.ndarray,
    rows: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    training: bool = False,
) -> tf.data.Dataset:
    """Make batches of (encoded columns, scaled target).

    Args:
        inputs: in memory, or mapped from the disk; these are read batch by batch.
        targets: (rows,).
        rows: places of those to take, in this order.
        batch_size: rows in a batch.
        seed: of the order.
        training: draw the rows in another order in every epoch.
    """
    if any(isinstance(array, np.memmap) for array in inputs.values()):
        return _from_disk(inputs, targets, rows, batch_size, seed, training)
    chosen = {name: array[rows] for name, array in inputs.items()}
    dataset = tf.data.Dataset.from_tensor_slices((chosen, targets[rows]))
    if training:
        dataset = dataset.shuffle(len(rows), seed=seed)
    return prefetched(dataset.batch(batch_size))


def _from_disk(inputs, targets, rows, batch_size, seed, training) -> tf.data.Dataset:
    generator = np.random.default_rng(seed)

    def draw():
        order = shuffled(rows, generator) if training else rows
        for start in range(0, len(order), batch_size):
            some = order[start : start + batch_size]
            yield {name: array[some] for name, array in inputs.items()}, targets[some]

    columns = {
        name: tf.TensorSpec((None, array.shape[1]), array.dtype)
        for name, array in inputs.items()
    }
    signature = (columns, tf.TensorSpec((None,), targets.dtype))
    dataset = tf.data.Dataset.from_generator(draw, output_signature=signature)
    count = tf.data.experimental.assert_cardinality(-(-len(rows) // batch_size))
    return prefetched(dataset.apply(count))


def served_batches(
    columns: Columns, targets: np.ndarray, rows: np.ndarray
) -> list[tuple[Columns, np.ndarray]]:
    """Make batches of (raw columns by name, target in its own unit)."""
    parts = np.array_split(rows, max(1, -(-len(rows) // BATCH_SERVED)))
    return [({k: v[i] for k, v in columns.items()}, targets[i]) for i in parts]
