"""What is shown of a model that predicts tokens, but for padding.

Shapes of both: y_true (batch, time), token ids; y_pred (batch, time, vocabulary),
logits.
"""

import keras
from keras import ops

from kerazoo.zoo.seq2seq.tokens import PAD


@keras.saving.register_keras_serializable(package="kerazoo")
class TokenAccuracy(keras.metrics.Mean):
    """The share of tokens that are predicted, given the true ones before them."""

    def __init__(self, name: str = "token_accuracy", dtype: str | None = None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch; its tokens all weigh the same."""
        del sample_weight
        likeliest = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        right = ops.equal(ops.cast(y_true, "int32"), likeliest)
        return super().update_state(*_by_token(right, y_true))


@keras.saving.register_keras_serializable(package="kerazoo")
class Perplexity(keras.metrics.Mean):
    """e to the mean cross-entropy of a token, without any label smoothing."""

    def __init__(self, name: str = "perplexity", dtype: str | None = None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch; its tokens all weigh the same."""
        del sample_weight
        costs = keras.losses.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=True
        )
        return super().update_state(*_by_token(costs, y_true))

    def result(self):
        """Return e to the mean so far."""
        return ops.exp(super().result())


def _by_token(values, y_true):
    # In one row: Keras's mean would let a token of a longer batch weigh less.
    return ops.reshape(values, (-1,)), ops.reshape(ops.not_equal(y_true, PAD), (-1,))
