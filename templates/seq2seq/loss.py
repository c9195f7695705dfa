"""Which loss? Any `keras.losses.Loss` will do, also a class of your own."""

import keras
from config import Config

from kerazoo import losses
from kerazoo.harness import Data, texts


def build_loss(config: Config, data: Data) -> keras.losses.Loss:
    """Build the loss between true tokens and logits; padding costs nothing."""
    known = {"label_smoothing": config.label_smoothing}
    if config.gradient_accumulation_steps > 1:
        # So that it does not matter which step of an update has how many tokens.
        known["normalizer"] = data.metadata["mean_tokens"]
    takes = losses.list_arguments(config.loss)
    arguments = {k: v for k, v in known.items() if k in takes} | config.loss_arguments
    return losses.get(config.loss, **arguments)


def build_metrics() -> list[keras.metrics.Metric]:
    """Build what is shown for every epoch, beside the score of decoded answers."""
    return [texts.TokenAccuracy(), texts.Perplexity()]
