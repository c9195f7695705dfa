"""What a token may depend on, and that cached steps give what whole targets give."""

import functools

import keras
import numpy as np
import pytest
from seq2seq_models import MODELS, SOURCE, TARGET, logits_by_steps, small_model

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

small_model = functools.cache(small_model)


def assert_same_bits(found, expected):
    assert np.array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("case", MODELS)
def test_no_token_depends_on_a_later_one(case):
    model = small_model(case)
    changed = TARGET.copy()
    changed[:, 4:] = 7
    before, after = (np.asarray(model([SOURCE, x])) for x in (TARGET, changed))
    assert_same_bits(after[:, :4], before[:, :4])
    assert np.abs(after[:, 4:] - before[:, 4:]).max() > 1e-3


@pytest.mark.parametrize("case", MODELS)
def test_padding_of_the_source_may_hold_anything(case):
    model = small_model(case)
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    memory = np.asarray(encoder(SOURCE))
    logits = np.asarray(decoder([TARGET, memory, SOURCE]))
    # The decoder: another memory in the places of padding, then in one that is none.
    padded = (SOURCE == 0)[..., None]
    assert_same_bits(decoder([TARGET, memory + 9 * padded, SOURCE]), logits)
    shifted = memory + 9 * (SOURCE == 7)[..., None]
    assert np.abs(decoder([TARGET, shifted, SOURCE]) - logits).max() > 1e-3
    context, state = decoder.begin(memory, SOURCE, 3)
    expected = decoder.step(TARGET[:, 0], 0, context, state)
    context, state = decoder.begin(memory + 9 * padded, SOURCE, 3)
    found = decoder.step(TARGET[:, 0], 0, context, state)
    assert_same_bits(found[0], expected[0])
    assert_same_bits(found[2], expected[2])
    assert (np.asarray(found[2])[SOURCE == 0] == 0).all()
    # The encoder: another vector for the token of padding.
    table = encoder.embedding.embeddings
    old = np.array(table)
    try:
        table.assign(np.concatenate([old[:1] + 9, old[1:]]))
        real = SOURCE != 0
        assert_same_bits(np.asarray(encoder(SOURCE))[real], memory[real])
    finally:
        table.assign(old)


@pytest.mark.parametrize("case", MODELS)
def test_more_padding_changes_nothing(case):
    model = small_model(case)
    wider = np.pad(SOURCE, ((0, 0), (0, 5)))
    longer = np.pad(TARGET[:, :8], ((0, 0), (0, 3)))
    expected = model([SOURCE, TARGET[:, :8]])
    found = np.asarray(model([wider, longer]))[:, :8]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", MODELS)
def test_a_source_without_any_token_gives_numbers(case):
    assert np.isfinite(small_model(case)([np.zeros_like(SOURCE), TARGET])).all()


@pytest.mark.parametrize("length, max_length", [(1, 1), (5, 9), (12, 12)])
@pytest.mark.parametrize("case", MODELS)
def test_cached_steps_equal_the_full_computation(case, length, max_length):
    model = small_model(case)
    target = TARGET[:, :length]
    stepped, attention = logits_by_steps(model, SOURCE, target, max_length)
    assert stepped.dtype == np.float32
    full = model([SOURCE, target])
    np.testing.assert_allclose(stepped, full, rtol=1e-5, atol=1e-5)
    decoder, memory = model.get_layer("decoder"), model.get_layer("encoder")(SOURCE)
    maps = np.asarray(decoder.attention_maps([target, memory, SOURCE]))
    assert maps.shape[0] == 2 and maps.shape[3:] == (length, SOURCE.shape[1])
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(attention, maps[:, -1].mean(axis=1), atol=1e-5)


@pytest.mark.parametrize("case", MODELS)
def test_the_batch_is_the_first_axis_of_all_that_is_kept(case):
    decoder = small_model(case).get_layer("decoder")
    memory = small_model(case).get_layer("encoder")(SOURCE)
    context, state = decoder.begin(memory, SOURCE, 9)
    assert {x.shape[0] for x in [*context.values(), *state.values()]} == {2}
    swapped = [{k: x[::-1] for k, x in kept.items()} for kept in (context, state)]
    position = keras.ops.convert_to_tensor(0, "int32")
    token = np.array([4, 5], "int32")
    one = decoder.step(token, position, context, state)[0]
    other = decoder.step(token[::-1].copy(), position, *swapped)[0]
    np.testing.assert_allclose(other[::-1], one, rtol=1e-5, atol=1e-6)


def test_grouped_queries_make_the_cache_smaller():
    shapes = {}
    for case in ("tiny", "grouped", "modern"):
        model = small_model(case)
        memory = model.get_layer("encoder")(SOURCE)
        _, state = model.get_layer("decoder").begin(memory, SOURCE, 9)
        shapes[case] = tuple(state["keys"].shape)
    assert shapes == {
        "tiny": (2, 2, 4, 9, 4),
        "grouped": (2, 2, 2, 9, 4),
        "modern": (2, 2, 1, 9, 4),
    }


def test_a_single_group_equals_heads_that_are_all_the_same():
    shared, own = (small_model("tiny", key_value_heads=n) for n in (1, 4))
    for mine, theirs in zip(own.weights, shared.weights, strict=True):
        value = np.array(theirs)
        repeats = mine.shape[-1] // value.shape[-1]
        mine.assign(np.tile(value, repeats) if repeats > 1 else value)
    np.testing.assert_allclose(
        own([SOURCE, TARGET]), shared([SOURCE, TARGET]), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("case", ["tiny", "learned", "modern"])
def test_the_order_of_the_source_counts(case):
    model = small_model(case)
    source = SOURCE[1:]
    encoder = model.get_layer("encoder")
    order = [2, 0, 1, 4, 3, 5]
    turned = np.asarray(encoder(source[:, order]))
    assert np.abs(turned - np.asarray(encoder(source))[:, order]).max() > 1e-2


def test_rotary_scores_depend_on_distances_alone():
    from kerazoo.zoo.seq2seq.positions import rotate

    x, y = np.random.default_rng(0).normal(size=(2, 1, 1, 1, 8)).astype("float32")
    scores = [
        float(
            np.sum(np.asarray(rotate(x, [start])) * np.asarray(rotate(y, [start + 3])))
        )
        for start in (0, 1, 50)
    ]
    assert scores == pytest.approx([scores[0]] * 3, abs=1e-4)
    assert abs(scores[0] - float(np.sum(x * y))) > 1e-2


def test_sinusoids_are_the_papers():
    from kerazoo.zoo.seq2seq.positions import sinusoids

    found = np.asarray(sinusoids(np.arange(40), 6))
    for place in range(40):
        for i in range(3):
            angle = place / 10_000 ** (2 * i / 6)
            assert found[place, i] == pytest.approx(np.sin(angle), abs=1e-5)
            assert found[place, 3 + i] == pytest.approx(np.cos(angle), abs=1e-5)
