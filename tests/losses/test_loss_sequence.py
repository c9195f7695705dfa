"""Padding, masks, batches cut in pieces, and decoding: what sequence losses promise."""

import os
import subprocess
import sys
from itertools import pairwise, product

import keras
import numpy as np
import pytest
from keras.src.backend import set_keras_mask

from kerazoo import losses
from kerazoo.losses.crf import viterbi

RNG = np.random.default_rng(0)
TOKENS = np.array([[3, 1, 2, 4, 1], [2, 4, 0, 0, 0], [1, 0, 0, 0, 0], [4, 3, 3, 0, 0]])
LOGITS = 2 * RNG.normal(size=(4, 5, 6))
COUNTS = TOKENS != 0
TOKEN_LOSSES = ["token_cross_entropy", "token_focal", "unlikelihood"]


def masked(y_pred, mask):
    y_pred = keras.ops.convert_to_tensor(y_pred.astype("float32"))
    set_keras_mask(y_pred, keras.ops.convert_to_tensor(mask))
    return y_pred


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


# --------------------------------------------------------------------------- padding


@pytest.mark.parametrize("name", TOKEN_LOSSES)
def test_the_mean_is_over_tokens_whatever_the_padding(name):
    values = np.array(losses.get(name, reduction="none")(TOKENS, LOGITS))
    assert not values[~COUNTS].any()
    expected = values[COUNTS].mean()
    close(losses.get(name)(TOKENS, LOGITS), expected)
    longer = np.pad(TOKENS, [(0, 0), (0, 3)])
    more = np.concatenate([LOGITS, RNG.normal(size=(4, 3, 6))], axis=1)
    close(losses.get(name)(longer, more), expected)
    close(losses.get(name, reduction="sum")(longer, more), values.sum())


@pytest.mark.parametrize("name", TOKEN_LOSSES)
def test_another_id_of_padding(name):
    elsewhere = np.where(COUNTS, TOKENS, -100)
    loss = losses.get(name, ignore_index=-100)
    close(loss(elsewhere, LOGITS), losses.get(name)(TOKENS, LOGITS))


def test_a_mask_that_says_what_the_padding_says_changes_nothing():
    loss, weight = losses.get("token_cross_entropy"), RNG.uniform(size=(4, 5))
    close(loss(TOKENS, masked(LOGITS, COUNTS)), loss(TOKENS, LOGITS))
    value = loss(TOKENS, masked(LOGITS, COUNTS), sample_weight=weight)
    close(value, loss(TOKENS, LOGITS, sample_weight=weight))


def test_a_token_counts_where_both_mask_and_padding_say_so():
    loss = losses.get("token_cross_entropy")
    values = np.array(losses.get("token_cross_entropy", reduction=None)(TOKENS, LOGITS))
    mask = RNG.uniform(size=(4, 5)) < 0.6
    both = mask & COUNTS
    assert 1 < both.sum() < min(mask.sum(), COUNTS.sum())
    close(loss(TOKENS, masked(LOGITS, mask)), values[both].mean())


def test_a_weight_a_sequence_weighs_all_its_tokens():
    weight = np.array([1.0, 2.0, 0.5, 3.0])
    for options in ({}, {"ignore_index": None}):
        loss = losses.get("token_cross_entropy", reduction="sum", **options)
        spread = np.repeat(weight[:, None], 5, axis=1)
        value = loss(TOKENS, LOGITS, sample_weight=weight)
        close(value, loss(TOKENS, LOGITS, sample_weight=spread))


def test_ignored_tokens_are_no_candidates_for_unlikelihood():
    """Left padding: what is ignored has not been said."""
    y_true, y_pred = np.array([[-100, 0, 2]]), LOGITS[:1, :3]
    loss = losses.get("unlikelihood", ignore_index=-100, reduction=None)
    values = np.array(loss(y_true, y_pred))[0, 1:]
    close(values, np.array(loss(y_true[:, 1:], y_pred[:, 1:]))[0])


def test_smoothing_is_fairseqs():
    """Keras's share of V / (V - 1) times as much is spread over all tokens."""
    ours = losses.get("token_cross_entropy", label_smoothing=0.1)
    theirs = losses.get("cross_entropy", label_smoothing=0.1 * 6 / 5, ignore_index=0)
    close(ours(TOKENS, LOGITS), theirs(TOKENS, LOGITS))


# ------------------------------------------------------------------- gradient pieces


def gradient(loss, pieces, **weights):
    """The mean of the pieces' gradients, as Keras accumulates them, and of losses."""
    tf = pytest.importorskip("tensorflow")
    kernel = tf.Variable(KERNEL)
    slopes, values = [], []
    for piece in pieces:
        with tf.GradientTape() as tape:
            logits = tf.matmul(LOGITS[piece].astype("float32"), kernel)
            sample = {name: w[piece] for name, w in weights.items()}
            values.append(loss(TOKENS[piece], logits, **sample))
        slopes.append(tape.gradient(values[-1], kernel).numpy())
    return np.mean(slopes, axis=0), np.mean(values)


KERNEL = RNG.normal(size=(6, 6)).astype("float32")
WHOLE = [[0, 1, 2, 3]]
CUTS = [[[0], [1, 2, 3]], [[0, 1], [2, 3]], [[3, 2, 1], [0]]]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", TOKEN_LOSSES)
def test_a_normalizer_gives_one_gradient_however_the_batch_is_cut(name, cut):
    whole, value = gradient(losses.get(name, normalizer=12.0), WHOLE)
    slope, mean = gradient(losses.get(name, normalizer=6.0), cut)
    close(slope, whole)
    close(mean, value)
    tokens = COUNTS.sum()  # the mean over tokens, when the normalizer is their number
    close(value * 12.0 / tokens, losses.get(name)(TOKENS, LOGITS @ KERNEL))


@pytest.mark.parametrize("cut", CUTS)
def test_exact_means_come_from_weights_when_the_tokens_are_known(cut):
    whole, value = gradient(losses.get("token_cross_entropy"), WHOLE)
    loss = losses.get("token_cross_entropy", reduction="sum")
    weight = np.full(TOKENS.shape, len(cut) / COUNTS.sum())
    slope, mean = gradient(loss, cut, sample_weight=weight)
    close(slope, whole)
    close(mean, value)


def test_without_a_normalizer_short_pieces_weigh_too_much():
    whole, _ = gradient(losses.get("token_cross_entropy"), WHOLE)
    slope, _ = gradient(losses.get("token_cross_entropy"), CUTS[0])
    assert np.abs(slope - whole).max() > 0.01


def test_a_normalizer_and_a_mask():
    loss = losses.get("token_cross_entropy", normalizer=6.0)
    close(loss(TOKENS, masked(LOGITS, COUNTS)), loss(TOKENS, LOGITS))


# ------------------------------------------------------------------------------- CTC

LABELS = np.array([[1, 2, 0], [3, 3, 1]])
FRAMES = 2 * RNG.normal(size=(2, 7, 4))


def test_masked_frames_do_not_count():
    loss = losses.get("ctc", reduction="none")
    mask = np.arange(7) < np.array([[4], [6]])
    values = loss(LABELS, masked(FRAMES, mask))
    close(values[0], loss(LABELS[:1], FRAMES[:1, :4])[0])
    close(values[1], loss(LABELS[1:], FRAMES[1:, :6])[0])


def test_any_class_may_be_the_blank():
    order = [1, 2, 3, 0]  # the blank comes last, and labels one earlier
    loss = losses.get("ctc", blank_index=3)
    close(loss((LABELS - 1) % 4, FRAMES[..., order]), losses.get("ctc")(LABELS, FRAMES))


def test_labels_that_do_not_fit_are_nan_in_a_compiled_step():
    model = keras.Sequential([keras.layers.Identity()])
    model.compile(loss=losses.get("ctc"))
    assert np.isfinite(model.test_on_batch(FRAMES, LABELS))
    assert np.isnan(model.test_on_batch(FRAMES[:, :3], LABELS))


def test_the_same_as_keras():
    close(losses.get("ctc")(LABELS, FRAMES), keras.losses.CTC()(LABELS, FRAMES))


# ------------------------------------------------------------------------------- CRF

CRF_PRED = 2 * RNG.normal(size=(3, 7, 3))  # four steps and three rows of transitions
CRF_TAGS = np.array([[0, 2, 1, 0], [1, 1, -1, -1], [2, -1, -1, -1]])


def shorter(sample, steps):
    """One sequence of fewer steps, with its transitions."""
    return np.concatenate([CRF_PRED[sample, :steps], CRF_PRED[sample, 4:]])[None]


def test_crf_padding_is_as_good_as_absence():
    loss = losses.get("crf", reduction=None)
    values = loss(CRF_TAGS, CRF_PRED)
    mask = np.pad(CRF_TAGS != -1, [(0, 0), (0, 3)])
    close(loss(np.maximum(CRF_TAGS, 0), masked(CRF_PRED, mask)), values)
    for sample, steps in enumerate([4, 2, 1]):
        alone = loss(CRF_TAGS[sample : sample + 1, :steps], shorter(sample, steps))
        close(values[sample], alone[0])


def test_sequences_of_padding_do_not_count():
    empty = np.array([[0, 2, 1, 0], [-1, -1, -1, -1], [2, -1, -1, -1]])
    values = np.array(losses.get("crf", reduction=None)(empty, CRF_PRED))
    assert values[1] == 0
    close(losses.get("crf")(empty, CRF_PRED), values[[0, 2]].mean())


def test_viterbi_finds_the_best_sequence():
    mask = CRF_TAGS != -1
    tags, score = (keras.ops.convert_to_numpy(x) for x in viterbi(CRF_PRED, mask))
    for sample, steps in enumerate([4, 2, 1]):
        z = CRF_PRED[sample]
        best, found = -np.inf, None
        for path in product(range(3), repeat=steps):
            value = sum(z[t, tag] for t, tag in enumerate(path))
            value += sum(z[4 + a, b] for a, b in pairwise(path))
            if value > best:
                best, found = value, path
        assert tags[sample].tolist() == [*found, *[-1] * (4 - steps)]
        close(score[sample], best)
    everything = keras.ops.convert_to_numpy(viterbi(CRF_PRED[:1])[0])
    assert everything.tolist() == tags[:1].tolist()


# The model of the documentation, on each backend: masks, training, saving, decoding.
SCRIPT = """
import sys
import keras, numpy as np
from kerazoo import losses
from kerazoo.losses.crf import viterbi

keras.utils.set_random_seed(0)
num_tags = 3
inputs = keras.Input((None,), dtype="int32")
x = keras.layers.Embedding(6, 8, mask_zero=True)(inputs)
scores = keras.layers.Dense(num_tags)(x)
one = keras.ops.ones_like(scores[:, 0, :1])
pairs = keras.layers.Dense(num_tags**2, use_bias=False, name="transitions")(one)
pairs = keras.layers.Reshape((num_tags, num_tags))(pairs)
model = keras.Model(inputs, keras.ops.concatenate([scores, pairs], axis=1))
# A word 1 is tagged 0 or 1, whichever the word before was not: a matter of transitions.
x = np.tile([[1, 1, 1, 1, 2], [2, 1, 1, 1, 0], [1, 1, 1, 0, 0]], (8, 1))
y = np.tile([[0, 1, 0, 1, 2], [2, 0, 1, 0, -1], [0, 1, 0, -1, -1]], (8, 1))
model.compile(keras.optimizers.Adam(0.1), loss=losses.get("crf"))
history = model.fit(x, y, epochs=40, batch_size=8, verbose=0).history["loss"]
assert history[-1] < 0.1 * history[0], history
model.save(sys.argv[1])
again = keras.saving.load_model(sys.argv[1])
tags = keras.ops.convert_to_numpy(viterbi(again.predict(x, verbose=0), x != 0)[0])
np.testing.assert_array_equal(tags, y)

# Tokens behind a mask, in fit: the loss is that of the tokens alone.
inputs = keras.Input((None,), dtype="int32")
embedded = keras.layers.Embedding(6, 4, mask_zero=True)(inputs)
model = keras.Model(inputs, keras.layers.Dense(6)(embedded))
loss = losses.get("token_cross_entropy")
model.compile("sgd", loss=loss)
value = model.evaluate(x[:3], x[:3], batch_size=3, verbose=0)
logits = keras.ops.convert_to_numpy(model(x[:3]))
expected = float(loss(x[:3], logits))
np.testing.assert_allclose(value, expected, rtol=1e-5)
model.fit(x, x, sample_weight=np.ones(len(x)), verbose=0)

# Frames behind a mask.
inputs = keras.Input((None, 4))
frames = keras.layers.Masking()(inputs)
model = keras.Model(inputs, keras.layers.Dense(4)(frames))
model.compile("sgd", loss=losses.get("ctc"))
frames = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
frames[0, 3:] = 0
labels = np.array([[1, 2], [3, 3]])
value = model.evaluate(frames, labels, verbose=0)
logits = keras.ops.convert_to_numpy(model(frames))
one = losses.get("ctc")
alone = [float(one(labels[:1], logits[:1, :3])), float(one(labels[1:], logits[1:]))]
np.testing.assert_allclose(value, np.mean(alone), rtol=1e-5)
model.fit(frames, labels, verbose=0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_models_with_masks_are_trained_saved_and_decoded(backend, tmp_path):
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "model.keras")],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
