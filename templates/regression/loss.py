"""Which loss? Any `keras.losses.Loss` will do, also a class of your own."""

import keras
from config import LEVELS, Config

from kerazoo import losses
from kerazoo.harness import Data, tables


def build_loss(config: Config) -> keras.losses.Loss:
    """Build the loss between scaled targets and what the head gives."""
    arguments = dict(config.loss_arguments)
    if config.head == "quantiles":
        arguments = {"quantile": list(LEVELS)} | arguments
    return losses.get(config.loss, **arguments)


def build_metrics(config: Config, data: Data) -> list[keras.metrics.Metric]:
    """Build what is shown for every epoch, in the target's own unit."""
    column = 1 if config.head == "quantiles" else 0  # the median stands in the middle
    return [tables.UnscaledRMSE(data.metadata["encoding"]["target"], column)]
