"""Losses with variables of their own, saved with a model and trained as part of it."""

import keras
from keras import ops

from kerazoo.losses._base import require


class WithVariables:
    """Variables of a loss, which a model carries while it trains.

    They are saved and loaded with the compiled model. Keras looks for variables to
    train in the model alone, and so `attach(model)` is called once before `fit`.
    """

    _attached = False

    def add_variable(self, shape, initializer, trainable):
        """Return a new float32 variable, to be made in the constructor."""
        # Keras saves and loads the layers that it finds in the loss of a model.
        self._layer = keras.layers.Layer()
        return self._layer.add_weight(
            shape, initializer, "float32", trainable=trainable
        )

    def attach(self, model: keras.Model) -> None:
        """Let a model carry the variables, so that its optimizer and JAX change them.

        It is called before the first `fit`; the harness does so itself. A loaded model
        predicts and evaluates as it is, though Keras warns that it skipped the state of
        the optimizer. To go on training, compile it with `loss=model.loss`, attach,
        call `model.optimizer.build(model.trainable_variables)`, and read that state
        with `model.load_weights(file)`.

        Args:
            model: a functional or subclassed model.

        Raises:
            ValueError: the model is Sequential, or its optimizer knows its variables.
        """
        optimizer = getattr(model, "optimizer", None)
        known = optimizer is not None and optimizer.built
        if known and self._layer.trainable_variables and not self._carried(model):
            raise ValueError(
                "The optimizer has seen the model without the variables of the loss: "
                "compile the model again, then call loss.attach(model), then fit."
            )
        # Keras tracks this name, and saves nothing under names with two underscores:
        # the variables are saved with the loss, and a loaded model has no such name.
        setattr(model, f"__{self._layer.name}", self._layer)
        rule = "functional or subclassed; Sequential carries only its own layers"
        require(self._carried(model), "model", rule, type(model).__name__)
        self._attached = True

    def _carried(self, model) -> bool:
        own = {id(v) for v in self._layer.variables}
        return own <= {id(v) for v in model.variables}

    def require_attached(self) -> None:
        """Raise a ValueError if no model carries the variables."""
        if not self._attached:
            raise ValueError(
                f"{self.name} has variables of its own, which no model carries: call "
                "loss.attach(model) before model.fit."
            )

    def trained_if_attached(self, values):
        """Return values that cannot be differentiated before `attach`.

        To evaluate needs no `attach`, and only the backward pass tells training from
        evaluation on every backend.
        """
        if self._attached:
            return values

        @ops.custom_gradient
        def unchanged(x):
            def refuse(*args, upstream=None):
                self.require_attached()

            return x, refuse

        return unchanged(values)
