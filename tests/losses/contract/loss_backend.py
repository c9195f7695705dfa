"""Gradients, compiled calls and masks, the same on every backend."""

import keras
import numpy as np


def call(loss, y_true, y_pred, **kwargs) -> np.ndarray:
    """Return the loss as a NumPy array."""
    return keras.ops.convert_to_numpy(loss(y_true, y_pred, **kwargs))


def probe(loss, with_slope=True):
    """Return a function of labels and predictions: the values, and their sum's slope.

    On JAX it is compiled as a whole: its operations one by one would take far longer.
    Compiling the slope takes most of that, and may be left out there.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def total(y_pred, y_true):
            values = loss(y_true, y_pred)
            return values.sum(), values

        both = jax.jit(jax.grad(total, has_aux=True) if with_slope else total)

        def look(y_true, y_pred):
            slope, values = both(y_pred, y_true)
            return np.asarray(values), np.asarray(slope)

        return look

    def look(y_true, y_pred):
        if backend == "tensorflow":
            import tensorflow as tf

            y_pred = tf.constant(y_pred)
            with tf.GradientTape() as tape:
                tape.watch(y_pred)
                values = loss(y_true, y_pred)
            return values.numpy(), tape.gradient(values, y_pred).numpy()
        import torch

        y_pred = torch.tensor(y_pred, requires_grad=True)
        values = loss(y_true, y_pred)
        values.sum().backward()
        return keras.ops.convert_to_numpy(values), y_pred.grad.numpy()

    return look


def compiled(loss, y_true, y_pred) -> np.ndarray:
    """Return the loss from a compiled call; the batch size is not known beforehand.

    PyTorch's compiler needs a C++ compiler and minutes, and is not asked.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        specs = [
            tf.TensorSpec([None, *array.shape[1:]], array.dtype)
            for array in (y_true, y_pred)
        ]
        return tf.function(loss.__call__, input_signature=specs, jit_compile=True)(
            tf.constant(y_true), tf.constant(y_pred)
        ).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.jit(loss.__call__)(y_true, y_pred))
    return call(loss, y_true, y_pred)


def with_mask(y_pred, mask):
    """Return predictions that carry a Keras mask, as those of a masking layer do."""
    from keras.src.backend import set_keras_mask

    y_pred = keras.ops.convert_to_tensor(y_pred)
    set_keras_mask(y_pred, keras.ops.convert_to_tensor(mask))
    return y_pred
