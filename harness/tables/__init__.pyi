"""The names that templates use, by the files that they stand in."""

from . import datasets as datasets
from .batches import (
    make_batches as make_batches,
    served_batches as served_batches,
)
from .metric import UnscaledRMSE as UnscaledRMSE
from .outliers import (
    drawn_in as drawn_in,
    treat_target as treat_target,
)
from .reading import (
    Table as Table,
    read_table as read_table,
)
from .splits import (
    SPLITS as SPLITS,
    mixed as mixed,
    split_rows as split_rows,
)
from .streaming import (
    InMemory as InMemory,
    Stream as Stream,
    is_large as is_large,
    read_stream as read_stream,
    sampled as sampled,
)
from .tabular import (
    INTERVAL as INTERVAL,
    attach_columns as attach_columns,
    cardinalities as cardinalities,
    check_backend as check_backend,
    fit_encoding as fit_encoding,
    num_features as num_features,
    plain_features as plain_features,
    served_columns as served_columns,
)
from .target import scale_target as scale_target
