"""Keras 3 models that run on the TensorFlow, JAX and PyTorch backends.

`list_models` and `model_card` import no framework; `create_model` imports Keras.
"""

from kerazoo.zoo.registry import (
    ModelCard,
    check_arguments,
    create_model,
    find_weights,
    list_models,
    model_card,
)

__all__ = [
    "ModelCard",
    "check_arguments",
    "create_model",
    "find_weights",
    "list_models",
    "model_card",
    "reset_head",
]


def __getattr__(name: str):
    if name == "reset_head":
        from kerazoo.zoo.surgery import reset_head

        return reset_head
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
