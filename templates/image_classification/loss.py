"""Which loss? Any `keras.losses.Loss` will do, also a class of your own."""

import keras
from config import Config

from kerazoo import losses


def build_loss(config: Config) -> keras.losses.Loss:
    """Build the loss between class indices, or shares of classes, and logits."""
    arguments = dict(config.loss_arguments)
    if config.label_smoothing:
        arguments["label_smoothing"] = config.label_smoothing
    return losses.get(config.loss, **arguments)
