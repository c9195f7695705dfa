"""Early-learning regularisation for noisy labels. Liu et al. 2020, arXiv:2007.00151."""

import keras
from keras import ops

from kerazoo.losses._attached import WithVariables
from kerazoo.losses._base import require, seen
from kerazoo.losses.cross_entropy import CrossEntropyLoss


@keras.saving.register_keras_serializable(package="kerazoo")
class EarlyLearningRegularizationLoss(WithVariables, CrossEntropyLoss):
    """Hold a model to what it believed of each sample before it learnt wrong labels.

    With probabilities p and the running mean t = momentum * t + (1 - momentum) * p of a
    training sample, it costs its cross-entropy plus strength * log(1 - sum(t * p)). The
    running means are part of the loss: they are saved and loaded with the compiled
    model. On JAX, `attach(model)` must be called before `fit`.

    Task: noisy labels.
    For: many wrong labels, where each sample's index comes with its label.
    Not for: streams, or so many samples that their memory does not fit.

    Args:
        num_samples: the number of training samples.
        num_classes: the number of classes.
        strength: the weight of the regularisation, at least 0; 3 for CIFAR-10 and 7 for
            CIFAR-100 in the paper.
        momentum: the share of the running mean that stays, in [0, 1).
        **kwargs: `label_smoothing`, `class_weight`, `from_logits` of `CategoricalLoss`;
            `name`, `reduction`, `dtype` of `keras.losses.Loss`. Not `ignore_index`.

    Shapes:
        y_true: (batch, 2), class index and sample index, when training; as for
            `CrossEntropyLoss` when evaluating, which is then what is computed.
        y_pred: (batch, classes), logits.
        before reduction: (batch,), in nats.

    Raises:
        ValueError: a number outside its bounds, training on JAX without `attach`, and
            as `CategoricalLoss` does.

    >>> loss = EarlyLearningRegularizationLoss(10, 2, strength=1.0, momentum=0.5)
    >>> y_true, y_pred = ops.array([[1, 9]]), ops.array([[0.0, 0.0]])
    >>> round(float(loss(y_true, y_pred)), 4)  # log(2) + log(1 - 1 / 4)
    0.4055
    """

    def __init__(self, num_samples, num_classes, strength=3.0, momentum=0.7, **kwargs):
        super().__init__(**kwargs)
        # Keras hands labels over as numbers of the dtype; float32 counts this far.
        good = 0 < num_samples <= 2**24
        require(good, "num_samples", "in 1..2 ** 24", num_samples)
        require(num_classes >= 2, "num_classes", "at least 2", num_classes)
        require(strength >= 0, "strength", "at least 0", strength)
        require(0 <= momentum < 1, "momentum", "in [0, 1)", momentum)
        require(self.ignore_index is None, "ignore_index", "None", self.ignore_index)
        self.num_samples = num_samples
        self.num_classes = num_classes
        self.strength = strength
        self.momentum = momentum
        shape = (num_samples, num_classes)
        self.memory = self.add_variable(shape, "zeros", trainable=False)

    def call(self, y_true, y_pred):  # noqa: D102
        if not has_samples(y_true):
            return super().call(y_true, y_pred)
        values = super().call(y_true[:, 0], y_pred)
        p = ops.softmax(self.logits(y_pred))
        p = ops.clip(p, 1e-4, 1.0 - 1e-4)  # as in the authors' code
        sample = ops.cast(y_true[:, 1], "int32")
        mean = self.momentum * ops.take(self.memory, sample, axis=0)
        belief = ops.cast(p / ops.sum(p, axis=-1, keepdims=True), "float32")
        mean = ops.stop_gradient(mean + (1 - self.momentum) * belief)
        self.memory.assign(ops.scatter_update(self.memory, sample[:, None], mean))
        agreement = ops.sum(ops.cast(mean, p.dtype) * p, axis=-1)
        return values + self.strength * ops.log(1.0 - agreement)

    def check(self, y_true, y_pred):  # noqa: D102
        if not has_samples(y_true):
            return super().check(y_true, y_pred)
        traced = seen(y_pred) is None
        if traced and keras.config.backend() == "jax":
            self.require_attached()  # JAX changes only what a model carries
        labels, highest = seen(y_true), self.num_samples - 1
        if labels is not None:
            wrong = labels[:, 1][(labels[:, 1] < 0) | (labels[:, 1] > highest)]
            rule = f"sample indices in 0..{highest}, in its second column"
            require(not wrong.size, "y_true", rule, wrong[:1].tolist())
        return super().check(y_true[:, 0], y_pred)


def has_samples(y_true) -> bool:
    """Tell pairs of class and sample index from labels alone."""
    return len(y_true.shape) == 2 and y_true.shape[-1] == 2
