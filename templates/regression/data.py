"""Which data, which shapes, which preprocessing?

A table is read, typed, checked and split; everything that is fitted is fitted on its
training rows. Models are trained on encoded columns and a scaled target. What leaves
the house takes the raw columns and answers in the target's unit: `Data.served` has the
same rows in that form.
"""

import numpy as np
import tensorflow as tf
from config import Config

from kerazoo.harness import Data, tables, tabular, tabular_datasets
from kerazoo.harness.data import digest
from kerazoo.harness.table_encoder import encode

NUM_CALIBRATION = 256  # training rows from which quantisation reads its ranges
BATCH_SERVED = 1024  # rows in a batch that is only looked at


def load_data(config: Config) -> Data:
    """Load the three splits that a config describes.

    Raises:
        DataError: the table cannot be had, or cannot be used as it is.
    """
    chosen = config.data
    table = read_table(config)
    print(table.report())
    rows = tables.split_rows(
        table,
        how=chosen.split,
        column=chosen.split_column,
        validation_share=chosen.validation_share,
        test_share=chosen.test_share,
        seed=config.seed,
    )
    notes = list(table.notes)
    if chosen.drop_outliers:
        rows["train"], note = without_outliers(table, rows["train"], config)
        notes.append(note)
    encoding = tabular.fit_encoding(
        table, rows["train"], chosen.target_transform, chosen.winsorise
    )
    notes += tabular.winsorised_notes(table, rows["train"], encoding)
    columns = tabular.served_columns(table.frame, encoding)
    names = ("numbers", "categories")
    encoded = dict(zip(names, encode(columns, encoding), strict=True))
    encoded = {name: array for name, array in encoded.items() if array.shape[1]}
    scaled = tabular.scale_target(table.targets, encoding["target"])
    common = {
        "name": chosen.source,
        "sizes": {split: len(indices) for split, indices in rows.items()},
        "labels": [],
        "digest": digest(*columns.values(), table.targets),
        "task": "regression",
        "target": table.target,
        "metadata": {
            "encoding": encoding,
            "head": config.head,
            "interval": tabular.INTERVAL,
        },
    }
    features = tabular.plain_features(encoded.values(), encoding)
    # From the whole of a file, which may be sorted: quantisation clips what is beyond.
    some = rows["train"][:: -(-len(rows["train"]) // NUM_CALIBRATION)]
    served = Data(
        **{split: in_rows(columns, table.targets, rows[split]) for split in rows},
        calibration={name: array[some] for name, array in columns.items()},
        features={split: (features[i], table.targets[i]) for split, i in rows.items()},
        **common,
    )
    return Data(
        train=batches(encoded, scaled, rows["train"], config, training=True),
        validation=batches(encoded, scaled, rows["validation"], config),
        test=batches(encoded, scaled, rows["test"], config),
        calibration={name: array[some] for name, array in encoded.items()},
        notes=notes,
        served=served,
        **common,
    )


def read_table(config: Config) -> tables.Table:
    """Read a file, or a data set that is known by name."""
    chosen = config.data
    source, target = chosen.path, chosen.target
    if chosen.source != "table":
        source, known = getattr(tabular_datasets, chosen.source)(chosen.path)
        target = target or known
    return tables.read_table(
        source,
        target,
        kinds=chosen.kinds,
        exclude=chosen.exclude,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        limit=chosen.limit,
    )


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


def in_rows(
    columns: dict[str, np.ndarray], targets: np.ndarray, rows: np.ndarray
) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Make batches of (raw columns by name, target in its own unit)."""
    parts = np.array_split(rows, max(1, -(-len(rows) // BATCH_SERVED)))
    return [({k: v[i] for k, v in columns.items()}, targets[i]) for i in parts]


def without_outliers(
    table: tables.Table, rows: np.ndarray, config: Config
) -> tuple[np.ndarray, str]:
    """Leave out training rows whose target lies far outside; say how many."""
    low, high = tables.iqr_bounds(table.targets[rows], config.data.drop_outliers)
    kept = rows[(table.targets[rows] >= low) & (table.targets[rows] <= high)]
    note = (
        f"{len(rows) - len(kept)} training rows were left out: their {table.target} "
        f"lies outside {low:g} to {high:g}"
    )
    return kept, note
