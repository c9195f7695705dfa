"""Mixture density network. Bishop 1994, Aston University NCRG/94/004."""

import keras
from keras import ops

from kerazoo.losses._regression import HALF_LOG_2PI, VarianceLoss, safe_exp


@keras.saving.register_keras_serializable(package="kerazoo")
class MixtureDensityLoss(VarianceLoss):
    """Learn several possible answers, each with its probability and its spread.

    A sample costs -log(sum over components of p * the product over its targets of a
    Gaussian density), where p is the softmax of the components' logits.

    Task: regression.
    For: questions with several right answers, such as inverse problems.
    Not for: one answer with some noise, or few samples.

    Args:
        min_variance: variances are not taken below it, above 0, in the target's unit
            squared; too low a bound lets a component settle on a single sample.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, …, targets), or (batch,) for one target.
        y_pred: (batch, …, components * (1 + 2 * targets)): a logit per component; the
            means of the first component's targets, of the next …; the logs of the
            variances likewise. How many components is read off.
        before reduction: (batch, …), in nats, of all targets together.

    Raises:
        ValueError: min_variance not above 0, or shapes that do not fit.

    >>> loss = MixtureDensityLoss()  # two components, the same
    >>> round(float(loss(ops.array([3.0]), ops.array([[0.0, 0, 3, 3, 0, 0]]))), 4)
    0.9189
    """

    def call(self, y_true, y_pred):  # noqa: D102
        labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
        if len(labels) == len(predictions) - 1:
            y_true = ops.expand_dims(y_true, -1)
        num_targets = y_true.shape[-1] or 1
        count, rest = divmod(predictions[-1], 1 + 2 * num_targets)
        fits = len(y_true.shape) == len(predictions) and count and not rest
        if not fits or any(
            a != b
            for a, b in zip(y_true.shape[:-1], predictions[:-1], strict=True)
            if None not in (a, b)
        ):
            raise ValueError(
                f"Predictions of shape {predictions} do not fit labels of shape "
                f"{labels}: the last axis must hold 1 + 2 * targets numbers a component"
            )
        logits, rest = y_pred[..., :count], y_pred[..., count:]
        means, log_variances = ops.split(rest, 2, axis=-1)
        cost = 0.0
        for t in range(num_targets):
            own = slice(t, None, num_targets)
            mean, log_variance = means[..., own], log_variances[..., own]
            cost += self.per_target(y_true[..., t : t + 1], mean, log_variance)
        return -ops.logsumexp(ops.log_softmax(logits) - cost, axis=-1)

    def per_bounded(self, r, log_variance):  # noqa: D102
        precision = safe_exp(-log_variance, self.dtype)
        return HALF_LOG_2PI + 0.5 * (log_variance + ops.square(r) * precision)
