"""Which data, which shapes, which preprocessing?

A table is read, typed, checked and split; everything that is fitted is fitted on its
training rows. Models are trained on encoded columns and a scaled target. The exported
model takes the raw columns and answers in the target's unit: `Data.served` has the
same rows in that form.
"""

from dataclasses import replace

import numpy as np
from config import Config

from kerazoo.harness import Data
from kerazoo.harness.data import tell
from kerazoo.harness.tables import datasets, outliers, reading, streaming, tabular
from kerazoo.harness.tables.batches import make_batches, served_batches
from kerazoo.harness.tables.predict import known_encoding
from kerazoo.harness.tables.splits import SPLITS, mixed
from kerazoo.harness.tables.target import scale_target

NUM_CALIBRATION = 256  # training rows from which quantisation reads its ranges


def load_data(config: Config) -> Data:
    """Load the three splits that a config describes.

    Raises:
        DataError: the table cannot be had, or cannot be used as it is.
    """
    tabular.check_backend()
    chosen = config.data
    # A table in memory, or a file that is too large for it. Of the latter, `sample` is
    # some rows, and `whole` has every row's target.
    source = read_rows(config)
    print(source.sample.report())
    rows = split(config, source.whole)
    rows["train"], targets, touched = outliers.treat_target(
        source.whole,
        rows["train"],
        winsorise=chosen.target_winsorise,
        clip_iqr=chosen.target_clip_iqr,
        drop_iqr=chosen.target_drop_iqr,
    )
    near = streaming.sampled(rows, source.positions)  # the rows of the sample
    rows, near = (mixed(splits, config.seed) for splits in (rows, near))
    table = replace(source.sample, targets=targets[source.positions])
    encoding = known_encoding(table, config.model.facts)
    encoding = encoding or tabular.fit_encoding(
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
    encoded = source.encode(encoding)
    scaled = scale_target(targets, encoding["target"])
    columns = tabular.served_columns(table.frame, encoding)
    few = {name: array[source.positions] for name, array in encoded.items()}
    features = tabular.plain_features(few.values(), encoding)
    # From the whole of a file, which may be sorted: quantisation clips what is beyond.
    some = near["train"][:: -(-len(near["train"]) // NUM_CALIBRATION)]
    common = {
        "name": table.name,
        "labels": [],
        "digest": source.digest,
        "task": "regression",
        "target": table.target,
        "metadata": {
            "encoding": encoding,
            "head": config.head,
            **({} if config.head == "mean" else {"interval": tabular.INTERVAL}),
        },
    }
    served = Data(
        **{k: served_batches(columns, table.targets, i) for k, i in near.items()},
        calibration={name: array[some] for name, array in columns.items()},
        features={split: (features[i], table.targets[i]) for split, i in near.items()},
        sizes={split: len(indices) for split, indices in near.items()},
        **common,
    )
    how = {"batch_size": config.batch_size, "seed": config.seed}
    return Data(
        train=make_batches(encoded, scaled, rows["train"], training=True, **how),
        validation=make_batches(encoded, scaled, rows["validation"], **how),
        test=make_batches(encoded, scaled, rows["test"], **how),
        calibration={name: array[some] for name, array in few.items()},
        sizes={split: len(indices) for split, indices in rows.items()},
        notes=notes,
        served=served,
        **common,
    )


def read_rows(config: Config) -> streaming.InMemory | streaming.Stream:
    """Read a table, or if it is too large for the memory, a sample of it."""
    chosen = config.data
    large = streaming.is_large(chosen.path, chosen.stream_above)
    if chosen.source != "table" or not large:
        return streaming.InMemory(read_table(config))
    stream = streaming.read_stream(
        chosen.path,
        chosen.target,
        kinds=chosen.kinds,
        exclude=chosen.exclude,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        how=chosen.split,
        column=chosen.split_column,
        num_sampled=chosen.limit or chosen.stream_sample,
        seed=config.seed,
    )
    return streaming.InMemory(stream.sample) if chosen.limit else stream


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
    return reading.read_table(
        source,
        target,
        kinds=chosen.kinds,
        exclude=chosen.exclude,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        limit=chosen.limit,
    )


def split(config: Config, table: reading.Table) -> dict[str, np.ndarray]:
    """Return the places of each split's rows."""
    chosen = config.data
    if chosen.whole:
        return dict.fromkeys(SPLITS, np.arange(len(table.targets)))
    return reading.split_rows(
        table,
        how=chosen.split,
        column=chosen.split_column,
        validation_share=chosen.validation_share,
        test_share=chosen.test_share,
        seed=config.seed,
    )
