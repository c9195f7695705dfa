"""What is shown of a model that predicts tokens, but for padding."""

import keras
from keras import ops

from kerazoo.zoo.seq2seq.tokens import PAD


class TokenMean(keras.metrics.Metric):
    """The mean over the true tokens of a batch; a subclass says of what.

    Shapes:
        y_true: (batch, time), token ids.
        y_pred: (batch, time, vocabulary), logits.
    """

    def __init__(self, name: str):
        super().__init__(name=name)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def values(self, y_true, y_pred):
        """Return one value for every token: (batch, time)."""
        raise NotImplementedError

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch."""
        del sample_weight
        y_true = ops.cast(y_true, "int32")
        counts = ops.cast(ops.not_equal(y_true, PAD), "float32")
        values = ops.cast(self.values(y_true, y_pred), "float32")
        self.total.assign_add(ops.sum(values * counts))
        self.count.assign_add(ops.sum(counts))

    def result(self):
        """Return the mean so far."""
        return self.total / ops.maximum(self.count, 1)


class TokenAccuracy(TokenMean):
    """The share of tokens that are predicted, given the true ones before them."""

    def __init__(self, name: str = "token_accuracy"):
        super().__init__(name)

    def values(self, y_true, y_pred):
        """Return 1 where the likeliest token is the true one: (batch, time)."""
        return ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))


class Perplexity(TokenMean):
    """e to the mean cross-entropy of a token, without any label smoothing."""

    def __init__(self, name: str = "perplexity"):
        super().__init__(name)

    def values(self, y_true, y_pred):
        """Return the cross-entropy of each token: (batch, time)."""
        return keras.losses.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=True
        )

    def result(self):
        """Return e to the mean so far."""
        return ops.exp(super().result())
