"""Which data, which shapes, which preprocessing?

A table is read, typed, checked and split; everything that is fitted is fitted on its
training rows. Models are trained on encoded columns and a scaled target. The exported
model takes the raw columns and answers in the target's unit: `Data.served` has the
same rows in that form.
"""

from dataclasses import replace

import numpy as np
from config import Config

from kerazoo.harness import Data, tables, tell

NUM_CALIBRATION = 256  # training rows from which quantisation reads its ranges


def load_data(config: Config) -> Data:
    """Load the three splits that a config describes.

    Raises:
        DataError: the table cannot be had, or cannot be used as it is.
    """
    tables.check_backend()
    chosen = config.data
    # A table in memory, or a file that is too large for it. Of the latter, `sample` is
    # some rows, and `whole` has every row's target.
    source = read_rows(config)
    print(source.sample.report())
    rows = split(config, source.whole)
    rows["train"], targets, touched = tables.treat_target(
        source.whole,
        rows["train"],
        winsorise=chosen.target_winsorise,
        clip_iqr=chosen.target_clip_iqr,
        drop_iqr=chosen.target_drop_iqr,
    )
    near = tables.sampled(rows, source.positions)  # the rows of the sample
    rows, near = (tables.mixed(splits, config.seed) for splits in (rows, near))
    table = replace(source.sample, targets=targets[source.positions])
    # Of weights to start from, or fitted.
    encoding = config.model.facts.get("encoding") or tables.fit_encoding(
        table,
        near["train"],
        chosen.target_transform,
        number_transform=chosen.number_transform,
        winsorise=chosen.winsorise,
        clip_iqr=chosen.clip_iqr,
    )
    touched += tables.drawn_in(table.frame.iloc[near["train"]], encoding)
    notes = [*table.notes, *touched]
    tell(notes)
    encoded = source.encode(encoding)
    scaled = tables.scale_target(targets, encoding["target"])
    columns = tables.served_columns(table.frame, encoding)
    few = {name: array[source.positions] for name, array in encoded.items()}
    features = tables.plain_features(few.values(), encoding)
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
            **({} if config.head == "mean" else {"interval": tables.INTERVAL}),
        },
    }
    own = table.targets
    served = Data(
        **{k: tables.served_batches(columns, own, i) for k, i in near.items()},
        calibration={name: array[some] for name, array in columns.items()},
        features={split: (features[i], own[i]) for split, i in near.items()},
        sizes={split: len(indices) for split, indices in near.items()},
        **common,
    )
    how = {"batch_size": config.batch_size, "seed": config.seed}
    return Data(
        train=tables.make_batches(encoded, scaled, rows["train"], training=True, **how),
        validation=tables.make_batches(encoded, scaled, rows["validation"], **how),
        test=tables.make_batches(encoded, scaled, rows["test"], **how),
        calibration={name: array[some] for name, array in few.items()},
        sizes={split: len(indices) for split, indices in rows.items()},
        notes=notes,
        served=served,
        **common,
    )


def read_rows(config: Config) -> tables.InMemory | tables.Stream:
    """Read a table, or if it is too large for the memory, a sample of it."""
    chosen = config.data
    large = tables.is_large(chosen.path, chosen.stream_above)
    if chosen.source != "table" or not large:
        return tables.InMemory(read_table(config))
    stream = tables.read_stream(
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
        known=config.model.facts.get("encoding"),
    )
    return tables.InMemory(stream.sample) if chosen.limit else stream


def read_table(config: Config) -> tables.Table:
    """Read a file, or a data set that is known by name.

    The place for a frame of your own, of pandas or polars: README.md has the lines.
    """
    chosen = config.data
    source, target = chosen.path, chosen.target
    if chosen.source != "table":
        source, known = getattr(tables.datasets, chosen.source)(chosen.path)
        target = target or known
    return tables.read_table(
        source,
        target,
        kinds=chosen.kinds,
        exclude=chosen.exclude,
        delimiter=chosen.delimiter,
        encoding=chosen.encoding,
        limit=chosen.limit,
        known=config.model.facts.get("encoding"),
    )


def split(config: Config, table: tables.Table) -> dict[str, np.ndarray]:
    """Return the places of each split's rows."""
    chosen = config.data
    if chosen.whole:
        return dict.fromkeys(tables.SPLITS, np.arange(len(table.targets)))
    return tables.split_rows(
        table,
        how=chosen.split,
        column=chosen.split_column,
        validation_share=chosen.validation_share,
        test_share=chosen.test_share,
        seed=config.seed,
    )
