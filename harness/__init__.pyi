"""The names that templates use, by the files that they stand in."""

from .config import (
    ExportFormat as ExportFormat,
    TrainingConfig as TrainingConfig,
    above as above,
    at_least as at_least,
    for_task as for_task,
    one_of as one_of,
    parse_config as parse_config,
    share as share,
)
from .data import (
    Data as Data,
    data_name as data_name,
    digest as digest,
    prefetched as prefetched,
    tell as tell,
)
from .errors import DataError as DataError
from .model_config import ModelConfig as ModelConfig
from .run import tracked_run as tracked_run
from .training import (
    build_optimizer as build_optimizer,
    load_weights as load_weights,
)
from .two_passes import TwoPassModel as TwoPassModel
