"""Which data, which shapes, which preprocessing?

A table is read, typed, checked and split; everything that is fitted is fitted on its
training rows. Models are trained on encoded columns and a scaled target. What leaves
the house takes the raw columns and answers in the target's unit: `Data.served` has the
same rows in that form.
"""

from dataclasses import replace

import numpy as np
import tensorflow as tf
from config import Config

from kerazoo.harness import Data
from kerazoo.harness.data import digest, tell
from kerazoo.harness.tables import datasets, outliers, reading, streaming, tabular
from kerazoo.harness.tables.table_encoder import encode
from kerazoo.harness.tables.target import scale_target

NUM_CALIBRATION = 256  # training rows from which quantisation reads its ranges
BATCH_SERVED = 1024  # rows in a batch that is only looked at


def load_data(config: Config) -> Data:
    """Load the three splits that a config describes.

    Raises:
        DataError: the table cannot be had, or cannot be used as it is.
    """
    tabular.check_backend()
    chosen = config.data
    stream = read_stream(config) if is_streamed(config) else None
    # Of a stream, `table` is a sample; `whole` has every row's target.
    table = stream.sample if stream else read_table(config)
    whole = stream.whole if stream else table
    print(table.report())
    rows = reading.split_rows(
        whole,
        how=chosen.split,
        column=chosen.split_column,
        validation_share=chosen.validation_share,
        test_share=chosen.test_share,
        seed=config.seed,
    )
    rows["train"], targets, touched = outliers.treat_target(
        whole,
        rows["train"],
        winsorise=chosen.target_winsorise,
        clip_iqr=chosen.target_clip_iqr,
        drop_iqr=chosen.target_drop_iqr,
    )
    near = rows  # the rows of the table
    if stream:
        near = streaming.sampled(rows, stream.positions)
    rows, near = (mixed(splits, config.seed) for splits in (rows, near))
    table = replace(table, targets=targets[stream.positions] if stream else targets)
    encoding = tabular.fit_encoding(
        table,
        near["train"],
        chosen.target_transform,
        number_transform=chosen.number_transform,
        winsorise=chosen.winsorise,
        clip_iqr=chosen.clip_iqr,
    )
    touched += outliers.drawn_in(table.frame.iloc[near["train"]], encoding)
    notes = [*table.notes, *touched]
    tell(notes)
    columns = tabular.served_columns(table.frame, encoding)
    names = ("numbers", "categories")
    encoded = dict(zip(names, encode(columns, encoding), strict=True))
    encoded = {name: array for name, array in encoded.items() if array.shape[1]}
    features = tabular.plain_features(encoded.values(), encoding)
    # From the whole of a file, which may be sorted: quantisation clips what is beyond.
    some = near["train"][:: -(-len(near["train"]) // NUM_CALIBRATION)]
    calibration = {name: array[some] for name, array in encoded.items()}
    scaled = scale_target(targets, encoding["target"])
    if stream:
        encoded = stream.encode(encoding)
        code = stream.digest
    else:
        code = digest(*columns.values(), targets)
    common = {
        "name": table.name,
        "labels": [],
        "digest": code,
        "task": "regression",
        "target": table.target,
        "metadata": {
            "encoding": encoding,
            "head": config.head,
            "interval": tabular.INTERVAL,
        },
    }
    served = Data(
        **{split: in_rows(columns, table.targets, near[split]) for split in near},
        calibration={name: array[some] for name, array in columns.items()},
        features={split: (features[i], table.targets[i]) for split, i in near.items()},
        sizes={split: len(indices) for split, indices in near.items()},
        **common,
    )
    make = streamed_batches if stream else batches
    return Data(
        train=make(encoded, scaled, rows["train"], config, training=True),
        validation=make(encoded, scaled, rows["validation"], config),
        test=make(encoded, scaled, rows["test"], config),
        calibration=calibration,
        sizes={split: len(indices) for split, indices in rows.items()},
        notes=notes,
        served=served,
        **common,
    )


def read_table(config: Config) -> reading.Table:
    """Read a file, or a data set that is known by name.

    The place for a frame of your own, of pandas or polars:
    `return reading.read_table(frame, "price")`.
    """
    chosen = config.data
    source, target = chosen.path, chosen.target
    if chosen.source != "table":
        source, known = getattr(datasets, chosen.source)(chosen.path)
        target = target or known
    elif streaming.is_large(source, chosen.stream_above):
        # With a limit, for otherwise it would be streamed.
        return read_stream(config, num_sampled=chosen.limit).sample
    return reading.read_table(
        source,
        target,
        kinds=chosen.kinds,
        exclude=chosen.exclude,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        limit=chosen.limit,
    )


def is_streamed(config: Config) -> bool:
    """Say whether the table is too large to be held in memory."""
    chosen = config.data
    large = streaming.is_large(chosen.path, chosen.stream_above)
    return chosen.source == "table" and large and not chosen.limit


def read_stream(config: Config, num_sampled: int = 0) -> streaming.Stream:
    """Read a large file in pieces; of how many rows all is kept is `stream_sample`."""
    chosen = config.data
    return streaming.read_stream(
        chosen.path,
        chosen.target,
        kinds=chosen.kinds,
        exclude=chosen.exclude,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        how=chosen.split,
        column=chosen.split_column,
        num_sampled=num_sampled or chosen.stream_sample,
        seed=config.seed,
    )


def mixed(rows: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Put the validation rows in random order: exports are verified on the first ones.

    A file may be sorted, and its first rows would be all of one kind.
    """
    order = np.random.default_rng(seed).permutation(rows["validation"])
    return {**rows, "validation": order}


def batches(
    inputs: dict[str, np.ndarray],
    targets: np.ndarray,
    rows: np.ndarray,
    config: Config,
    training: bool = False,
) -> tf.data.Dataset:
    """Make batches of (encoded columns, scaled target); training ones are shuffled."""
    chosen = {name: array[rows] for name, array in inputs.items()}
    dataset = tf.data.Dataset.from_tensor_slices((chosen, targets[rows]))
    if training:
        dataset = dataset.shuffle(len(rows), seed=config.seed)
    # Left on, autotuning makes a short `fit` return seconds late (TensorFlow 2.21).
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.batch(config.batch_size).prefetch(4).with_options(options)


def streamed_batches(
    inputs: dict[str, np.ndarray],
    targets: np.ndarray,
    rows: np.ndarray,
    config: Config,
    training: bool = False,
) -> tf.data.Dataset:
    """Make the same batches from arrays on disk."""
    generator = np.random.default_rng(config.seed)
    size = config.batch_size

    def draw():
        order = streaming.shuffled(rows, generator) if training else rows
        for start in range(0, len(order), size):
            some = order[start : start + size]
            yield {name: array[some] for name, array in inputs.items()}, targets[some]

    columns = {
        name: tf.TensorSpec((None, array.shape[1]), array.dtype)
        for name, array in inputs.items()
    }
    signature = (columns, tf.TensorSpec((None,), targets.dtype))
    dataset = tf.data.Dataset.from_generator(draw, output_signature=signature)
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(-(-len(rows) // size))
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(4).with_options(options)


def in_rows(
    columns: dict[str, np.ndarray], targets: np.ndarray, rows: np.ndarray
) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Make batches of (raw columns by name, target in its own unit)."""
    parts = np.array_split(rows, max(1, -(-len(rows) // BATCH_SERVED)))
    return [({k: v[i] for k, v in columns.items()}, targets[i]) for i in parts]
