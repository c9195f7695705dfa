"""Small sequence to sequence models that between them use every option."""

import keras
import numpy as np

from kerazoo import zoo

SMALL = {
    "num_layers": 2,
    "width": 16,
    "source_vocabulary": 13,
    "target_vocabulary": 13,
}
TRANSFORMER = {"hidden": 24, "num_heads": 4}
MODELS = {
    "paper": ("transformer_base", {**TRANSFORMER, "tied": "all"}),
    "tiny": ("transformer_tiny", TRANSFORMER),
    "learned": (
        "transformer_tiny",
        {
            **TRANSFORMER,
            "positions": "learned",
            "activation": "gelu",
            "tied": "none",
            "max_length": 14,
        },
    ),
    "modern": (
        "transformer_tiny",
        {
            **TRANSFORMER,
            "positions": "rotary",
            "activation": "swiglu",
            "norm": "rms",
            "key_value_heads": 1,
            "tied": "all",
        },
    ),
    "grouped": (
        "transformer_base",
        {**TRANSFORMER, "key_value_heads": 2, "norm": "rms", "tied": "none"},
    ),
    "lstm": ("lstm_small", {}),
}
SOURCE = np.array([[5, 6, 7, 2, 0, 0], [8, 9, 10, 11, 12, 2]], "int32")
TARGET = np.array(
    [[1, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0], [1, 9, 9, 12, 4, 7, 8, 5, 6, 11, 10, 4]],
    "int32",
)


def small_model(case, **arguments):
    """Return a model whose weights are far enough from zero to matter."""
    name, options = MODELS[case]
    model = zoo.create_model(name, **{**SMALL, **options, **arguments})
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1 and weight.dtype == "float32":
            moved = np.asarray(keras.ops.convert_to_numpy(weight.value))
            weight.assign(moved + generator.normal(0.0, 0.2, weight.shape))
        elif "lstm" in case and len(weight.shape) == 2:
            weight.assign(generator.normal(0.0, 0.4, weight.shape))
    return model


def logits_by_steps(model, source, target, max_length):
    """Return logits (batch, length, vocabulary) and attention from cached steps."""
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    context, state = decoder.begin(encoder(source), source, max_length)
    logits, attention = [], []
    for position in range(target.shape[1]):
        token = target[:, position]
        new, state, weights = decoder.step(token, position, context, state)
        logits.append(keras.ops.convert_to_numpy(new))
        attention.append(keras.ops.convert_to_numpy(weights))
    return np.stack(logits, axis=1), np.stack(attention, axis=1)
