"""Which zoo model?"""

import keras
from config import Config

from kerazoo import zoo
from kerazoo.harness import Data, load_weights, tell


def build_model(config: Config, data: Data) -> keras.Model:
    """Build the classifier that is trained: pixels 0 to 255 in, logits out.

    If the weights to start from know other classes, the last layer begins anew.
    """
    known = config.model.facts.get("labels", data.labels)
    model = zoo.create_model(
        config.model.name,
        input_shape=data.input_shape,
        num_classes=len(known),
        **config.model.arguments,
    )
    load_weights(model, config.model)
    if known != data.labels:
        tell(["the weights know other classes, so the last layer begins anew"])
        model = zoo.reset_head(model, len(data.labels))
    return model


def build_product(model: keras.Model) -> keras.Model:
    """Build the model that is exported: pixels 0 to 255 in, probabilities out."""
    probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")
    return keras.Model(model.inputs, probabilities(model.output), name=model.name)
