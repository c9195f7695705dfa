"""Bring a model into the form in which it is exported and served."""

from typing import TYPE_CHECKING, Any

from kerazoo.harness.own_code import own_definitions

if TYPE_CHECKING:
    import keras


def portable(model: "keras.Model") -> "keras.Model":
    """Return a model in float32, with inputs of the names that it is read back with.

    A mixed-precision model exports to operators that no phone has, and is rebuilt; an
    input without a name has another one (`keras_tensor`) until it is saved and loaded;
    a `Sequential` becomes functional, as it has no `input` before it is called.
    """
    import keras

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    policies = {x.dtype_policy.compute_dtype for x in model._flatten_layers()}
    for tensor in model.inputs:
        tensor.name = tensor._keras_history.operation.name
    if not policies & {"float16", "bfloat16"}:
        return model
    # By the config, as it also has the models, wrapped layers and inputs inside.
    with keras.saving.custom_object_scope(own_definitions(model)):
        rebuilt = type(model).from_config(_whole(model.get_config()))
    rebuilt.set_weights(model.get_weights())
    return rebuilt


def _whole(config: Any) -> Any:
    """Replace half precision by float32, at any depth of a config."""
    if isinstance(config, dict):
        return {key: _whole(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(map(_whole, config))
    half = {"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"}
    return "float32" if isinstance(config, str) and config in half else config
