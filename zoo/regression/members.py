"""Members: several models in one, trained each for itself and averaged in use."""

# ruff: noqa: D102  (what Keras calls is documented there)

import math
from typing import Any

import keras
from keras import layers, ops

from kerazoo.zoo.regression.embeddings import within


def _random_signs(shape, dtype=None):
    return ops.sign(keras.random.uniform(shape, -1.0, 1.0, dtype=dtype))


_SCALES = {
    "ones": keras.initializers.Ones(),
    "normal": keras.initializers.RandomNormal(stddev=1.0),
    "random_signs": _random_signs,
}


def _check_scale(scale: str) -> None:
    if scale not in _SCALES:
        raise ValueError(f"scale must be one of {', '.join(_SCALES)}; got {scale!r}")


@keras.saving.register_keras_serializable(package="kerazoo")
class MemberScale(layers.Layer):
    """Give every member a view of its own of the same features: each scaled by weights.

    Args:
        num_members: how many there are.
        scale: how the weights begin: "ones", "normal" or "random_signs".
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, channels).
        output: (batch, members, channels).

    Raises:
        ValueError: there is no such scale.
    """

    def __init__(self, num_members: int, scale: str = "random_signs", **kwargs):
        super().__init__(**kwargs)
        _check_scale(scale)
        self.num_members = num_members
        self.scale = scale

    def build(self, input_shape):
        self.scale_in = self.add_weight(
            name="scale_in",
            shape=(self.num_members, input_shape[-1]),
            initializer=_SCALES[self.scale],
        )

    def call(self, x):
        return ops.expand_dims(x, 1) * self.scale_in

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_members, input_shape[-1])

    def multiply_adds(self) -> int:
        """Scaling is not counted."""
        return 0

    def get_config(self) -> dict[str, Any]:
        own = {"num_members": self.num_members, "scale": self.scale}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="kerazoo")
class MemberDense(layers.Layer):
    """A dense layer of one kernel for all members, scaled by each on both sides.

    BatchEnsemble, Wen et al. 2020, arXiv:2002.06715: of member i the output is
    s_i * ((r_i * x) W) + b_i. All members begin with the same bias, and with s of
    ones, so that at first they differ by r alone.

    Args:
        units: channels of the output.
        num_members: how many there are.
        scale: how r begins: "ones", "normal" or "random_signs".
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, members, channels), or (batch, channels), the same for all.
        output: (batch, members, units).

    Raises:
        ValueError: there is no such scale.
    """

    def __init__(self, units: int, num_members: int, scale: str = "ones", **kwargs):
        super().__init__(**kwargs)
        _check_scale(scale)
        self.units = units
        self.num_members = num_members
        self.scale = scale

    def build(self, input_shape):
        channels = input_shape[-1]
        limit = within(1 / math.sqrt(channels))
        self.scale_in = self.add_weight(
            name="scale_in",
            shape=(self.num_members, channels),
            initializer=_SCALES[self.scale],
        )
        self.kernel = self.add_weight(
            name="kernel", shape=(channels, self.units), initializer=limit
        )
        self.scale_out = self.add_weight(
            name="scale_out", shape=(self.num_members, self.units), initializer="ones"
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.num_members, self.units),
            initializer=lambda shape, dtype: ops.tile(
                limit((1, self.units), dtype), (self.num_members, 1)
            ),
        )

    def call(self, x):
        if len(x.shape) == 2:
            x = ops.expand_dims(x, 1)
        return ops.matmul(x * self.scale_in, self.kernel) * self.scale_out + self.bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_members, self.units)

    def multiply_adds(self) -> int:
        """The kernel is applied once a member; scaling is not counted."""
        return self.num_members * math.prod(self.kernel.shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "num_members": self.num_members,
            "scale": self.scale,
        }


@keras.saving.register_keras_serializable(package="kerazoo")
class MemberAverage(layers.Layer):
    """Average the predictions of members.

    With `variance`, predictions are means and then logs of variances, and the result is
    the mean and the log of the variance of the members' mixture: the average variance,
    plus the variance of the means (Lakshminarayanan et al. 2017, arXiv:1612.01474).

    Args:
        variance: whether the second half of the predictions are logs of variances.
        only_in_use: True passes the members on unaveraged when training.
        **kwargs: as in `keras.layers.Layer`.

    Shapes:
        input: (batch, members, numbers), or a list of (batch, numbers).
        output: (batch, numbers); with only_in_use, when training, the members.
    """

    def __init__(self, variance: bool = False, only_in_use: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.variance = variance
        self.only_in_use = only_in_use

    def call(self, members, training=False):
        if isinstance(members, list | tuple):
            members = ops.stack(members, axis=1)
        if training and self.only_in_use:
            return members
        if not self.variance:
            return ops.mean(members, axis=1)
        means, log_variances = ops.split(members, 2, axis=-1)
        mean = ops.mean(means, axis=1)
        apart = ops.mean(ops.square(means - ops.expand_dims(mean, 1)), axis=1)
        variance = ops.mean(ops.exp(log_variances), axis=1) + apart
        log_variance = ops.log(ops.maximum(variance, 1e-30))  # above float32's end
        return ops.concatenate([mean, log_variance], axis=-1)

    def compute_output_shape(self, input_shape):
        if isinstance(input_shape, list):
            return input_shape[0]
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        own = {"variance": self.variance, "only_in_use": self.only_in_use}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="kerazoo")
class MemberModel(keras.Model):
    """A functional model whose members are trained each for itself.

    It ends in a `MemberAverage` that is used only in use: `model(x)`, `predict`,
    `evaluate` and every export see the average, (batch, numbers). `fit` sees
    `model(x, training=True)`, (batch, members, numbers), and its loss is the mean of
    the members' losses: the loss of the mean would train one large network, whose
    members lean on each other (arXiv:2410.24210, section 3.3).

    Why a subclass of Model: the loss needs labels and all members, while everything
    after training needs the average alone. With all members as the output, each loss,
    metric, export and client would have to know of them. With them folded into the
    batch, losses that compare the samples of a batch would compare members. So the loss
    is called once a member, on shapes like any other model's, and may be any loss.

    The loss that `fit` shows is thus the members', that of validation the average's.

    A model around this one must be of this class too, or its loss meets three axes:
    `MemberModel(inputs, model(encoded))`.
    """

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        one = super().compute_loss
        if y_pred is None or len(y_pred.shape) < 3:
            return one(x, y, y_pred, sample_weight, training)
        members = ops.unstack(y_pred, axis=1)
        costs = [one(x, y, member, sample_weight, training) for member in members]
        return sum(costs) / len(costs)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if len(y_pred.shape) == 3:
            average = next(
                layer
                for layer in self._flatten_layers()
                if isinstance(layer, MemberAverage)
            )
            y_pred = average(y_pred, training=False)
        return super().compute_metrics(x, y, y_pred, sample_weight)
