"""Models of operators that TFLite has in its Flex part alone."""

import keras
from keras import layers, ops


def erf_model():
    inputs = keras.Input((4,), name="pixels")
    return keras.Model(inputs, ops.erf(layers.Dense(2, name="dense")(inputs)))
