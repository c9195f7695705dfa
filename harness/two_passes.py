"""Pass inputs through a model twice a step, for losses that compare both answers."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerazoo")
class TwoPassModel(keras.Model):
    """A model whose loss is given two answers to each input: see `losses.RDropLoss`.

    In training, dropout differs between the passes. In validation there is none, and
    one pass stands for both. Everything else, metrics too, sees the first pass alone.

    Shapes:
        y_pred of the loss: (batch, 2, …), where the model's output is (batch, …).

    >>> inputs = keras.Input((4,))
    >>> model = TwoPassModel.of(keras.Model(inputs, keras.layers.Dense(3)(inputs)))
    >>> model.output_shape
    (None, 3)
    """

    @classmethod
    def of(cls, model: keras.Model) -> "TwoPassModel":
        """Return a functional model's twin that shares its layers and weights."""
        return cls(model.input, model.output, name=model.name)

    def compute_loss(  # noqa: D102  (Keras documents it)
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        second = self(x, training=True) if training else y_pred
        both = ops.stack([y_pred, second], axis=1)
        return super().compute_loss(x, y, both, sample_weight, training)
