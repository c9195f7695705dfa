"""Which loss? Any `keras.losses.Loss` will do, also a class of your own."""

import keras
from config import Config

from kerazoo import losses
from kerazoo.harness import Data


def build_loss(config: Config, data: Data) -> keras.losses.Loss:
    """Build the loss between class indices, or shares of classes, and logits."""
    known = {"num_classes": len(data.labels), "class_counts": data.class_counts}
    takes = losses.list_arguments(config.loss)
    arguments = {k: v for k, v in known.items() if k in takes} | config.loss_arguments
    if config.label_smoothing:
        arguments["label_smoothing"] = config.label_smoothing
    return losses.get(config.loss, **arguments)
