"""Linear-chain conditional random field, and decoding. Lafferty et al. 2001, ICML."""

import keras
from keras import ops

from kerazoo.losses._base import BaseLoss, as_tensor, require, seen
from kerazoo.losses._sequence import fits, without_mask


@keras.saving.register_keras_serializable(package="kerazoo")
class CRFLoss(BaseLoss):
    """Judge the tags of a sequence together, with a score for each pair of neighbours.

    With the sum s(y) of the scores of its tags and of their transitions a sequence y
    costs log(sum over every sequence z of exp(s(z))) - s(y). The transitions are
    weights, and come with the predictions: the model appends them to its scores, is
    saved with them, and `viterbi` decodes its output.

    Task: sequence.
    For: tagging where neighbours depend on each other, such as names.
    Not for: independent tags: token_cross_entropy is faster.

    A model of stock layers, from scores of (batch, time, tags), ends so:

        one = keras.ops.ones_like(scores[:, 0, :1])
        pairs = keras.layers.Dense(num_tags**2, use_bias=False, name="transitions")(one)
        pairs = keras.layers.Reshape((num_tags, num_tags))(pairs)
        model = keras.Model(inputs, keras.ops.concatenate([scores, pairs], axis=1))

    Args:
        ignore_index: the tag of padding, which follows a sequence; -1, as 0 is a tag.
        **kwargs: `name`, `reduction`, `dtype`, as in `keras.losses.Loss`.

    Shapes:
        y_true: (batch, time), tags from 0.
        y_pred: (batch, time + tags, tags): scores, and then a row of transitions for
            each tag, to the next one. A mask of (batch, time + tags) or (batch, time)
            pads as ignore_index does.
        before reduction: (batch,), in nats, 0 for a sequence of padding.

    Raises:
        ValueError: shapes that do not fit, tags out of range or behind padding.

    >>> loss = CRFLoss()  # log(4): four sequences of two tags, all alike
    >>> round(float(loss(ops.array([[0, 1]]), ops.zeros((1, 4, 2)))), 4)
    1.3863
    """

    def __init__(self, ignore_index=-1, **kwargs):
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the reduced loss; a mask of steps makes their tags padding."""
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        self.check_shapes(y_true, y_pred)
        y_pred, mask = without_mask(y_pred)
        if mask is not None:
            mask = mask[:, : y_pred.shape[1] - y_pred.shape[2]]
            y_true = ops.where(mask, y_true, self.ignore_index)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):  # noqa: D102
        scores, transitions = parts(y_pred)
        counts = y_true != self.ignore_index
        in_range = ops.logical_and(y_true >= 0, y_true < y_pred.shape[-1])
        tags = ops.cast(ops.where(in_range, y_true, 0), "int32")
        chosen = ops.one_hot(tags, y_pred.shape[-1], dtype=self.dtype)
        chosen = ops.where(ops.expand_dims(counts, -1), chosen, 0.0)
        following = ops.matmul(chosen[:, :-1], transitions) * chosen[:, 1:]
        own = ops.sum(chosen * scores, axis=(1, 2)) + ops.sum(following, axis=(1, 2))
        total = log_partition(scores, transitions, counts)
        values = ops.where(ops.any(counts, axis=1), total - own, 0.0)
        in_range = ops.all(ops.logical_or(in_range, ops.logical_not(counts)), axis=1)
        return ops.where(in_range, values, float("nan"))

    def kept(self, y_true, y_pred):  # noqa: D102
        return ops.any(ops.convert_to_tensor(y_true) != self.ignore_index, axis=1)

    def check(self, y_true, y_pred):  # noqa: D102
        tags, highest = seen(y_true), y_pred.shape[-1] - 1
        if tags is None:
            return
        padding = tags == self.ignore_index
        shown = tags[~padding]
        wrong = shown[(shown < 0) | (shown > highest) | (shown % 1 != 0)]
        require(not wrong.size, "y_true", f"tags in 0..{highest}", wrong[:1].tolist())
        late = tags[(padding[:, :-1] & ~padding[:, 1:]).any(axis=1)]
        require(not len(late), "y_true", "tags, and then padding", late[:1].tolist())

    def check_shapes(self, y_true, y_pred) -> None:
        """Raise a ValueError where tags, scores and transitions do not fit."""
        labels, shape = tuple(y_true.shape), tuple(y_pred.shape)
        good = len(shape) == 3 and (shape[1] is None or shape[1] > shape[2])
        require(good, "y_pred", "of shape (batch, time + tags, tags)", shape)
        time = None if shape[1] is None else shape[1] - shape[2]
        rule = f"of shape {(shape[0], time)}, as y_pred is {shape}"
        require(fits(labels, (shape[0], time)), "y_true", rule, labels)


def parts(y_pred):
    """Split predictions into scores, (batch, time, tags), and (batch, tags, tags)."""
    num_tags = y_pred.shape[-1]
    return y_pred[:, :-num_tags], y_pred[:, -num_tags:]


def over_time(step, scores, counts):
    """Run step(so far, (scores of one step, which count)) from the first step on."""
    later = [ops.swapaxes(x, 0, 1)[1:] for x in (scores, counts)]
    return ops.scan(step, scores[:, 0], tuple(later))


def log_partition(scores, transitions, counts):
    """Return the log of the summed exp(score) of every sequence."""

    def step(before, now):
        score, counted = now
        after = ops.logsumexp(before[:, :, None] + transitions, axis=1) + score
        after = ops.where(counted[:, None], after, before)
        return after, after

    return ops.logsumexp(over_time(step, scores, counts)[0], axis=-1)


def viterbi(y_pred, mask=None):
    """Return the best tags of each sequence, and what they score.

    Args:
        y_pred: (batch, time + tags, tags), as `CRFLoss` takes them.
        mask: (batch, time), True for the steps of a sequence, which come first; None
            where all are.

    Returns:
        (batch, time) tags, -1 behind a sequence, and (batch,) scores.

    >>> tags, score = viterbi(ops.array([[[1.0, 0], [0, 0], [0, 2], [0, 0]]]))
    >>> ops.convert_to_numpy(tags).tolist(), float(score[0])  # 1, and 2 to go on to 1
    ([[0, 1]], 3.0)
    """
    scores, transitions = parts(ops.convert_to_tensor(y_pred))
    counts = ops.ones(ops.shape(scores)[:2]) if mask is None else mask
    counts = ops.cast(counts, "bool")
    every_tag = ops.arange(transitions.shape[-1], dtype=scores.dtype)

    def step(before, now):
        score, counted = now
        pairs = before[:, :, None] + transitions
        after = ops.where(counted[:, None], ops.max(pairs, axis=1) + score, before)
        # On TensorFlow a scan returns nothing but what has the dtype of its state.
        previous = ops.cast(ops.argmax(pairs, axis=1), score.dtype)
        return after, ops.where(counted[:, None], previous, every_tag)

    def back(tag, previous):
        return ops.take_along_axis(previous, tag[:, None], axis=1)[:, 0], tag

    best, previous = over_time(step, scores, counts)
    last = ops.cast(ops.argmax(best, axis=-1), "int32")
    first, others = ops.scan(back, last, ops.cast(previous, "int32"), reverse=True)
    tags = ops.concatenate([first[:, None], ops.swapaxes(others, 0, 1)], axis=1)
    return ops.where(counts, tags, -1), ops.max(best, axis=-1)
