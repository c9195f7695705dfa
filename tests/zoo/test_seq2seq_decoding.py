"""Searches for answers, each beside a plain one, and what is refused."""

import dataclasses

import numpy as np
import pytest
from keras import ops
from toy_searches import PREFIXES, SOURCES, assert_same, eager, reference
from toy_translation import SIZE, in_numpy, toy

from kerazoo import zoo
from kerazoo.zoo.seq2seq.beam_search import extend
from kerazoo.zoo.seq2seq.constraints import IMPOSSIBLE
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
from kerazoo.zoo.seq2seq.sampling import draw


def random_options(generator) -> Decoding:
    pick = generator.choice
    beam_size = int(generator.integers(1, 7))
    max_length = int(generator.integers(4, 9))
    return Decoding(
        max_length=max_length,
        min_length=int(pick([0, 0, 2, max_length - 1])),
        beam_size=beam_size,
        n_best=int(generator.integers(1, beam_size + 1)),
        length_penalty_kind=str(pick(["none", "wu", "average"])),
        length_penalty=float(pick([0.0, 0.6, 1.5])),
        coverage_penalty=float(pick([0.0, 0.4])),
        no_repeat_ngram=int(pick([0, 0, 1, 2, 3])),
    )


@pytest.mark.parametrize("seed", range(20))
def test_searches_equal_a_plain_one(seed):
    generator = np.random.default_rng(seed)
    options = random_options(generator)
    layers = toy(seed, end=generator.uniform(-1, 2))
    prefixes = PREFIXES if seed % 3 == 0 else ([], [], [])
    found = eager(Translator(*layers, options)).decode(SOURCES, prefixes)
    assert_same(found, reference(layers, options, prefixes))


def test_greedy_takes_the_most_probable_token():
    layers = toy(3)
    found = eager(Translator(*layers, Decoding(max_length=9))).decode(SOURCES)
    for source, ((tokens, _),) in zip(SOURCES, found, strict=True):
        predict, chosen = in_numpy(*layers, source), []
        while len(chosen) < 8 and 2 not in chosen:
            log_probs, _ = predict(chosen)
            chosen.append(2 + int(np.argmax(log_probs[2:])))  # no PAD and no START
        assert tokens == [token for token in chosen if token != 2]


def test_a_beam_of_one_is_greedy():
    generator = np.random.default_rng(0)
    log_probs = generator.normal(size=(50, SIZE)).astype("float32") - 3
    totals = -generator.uniform(size=50).astype("float32")
    finished = generator.uniform(size=50) < 0.3
    tokens, sums, parents = extend(
        *map(ops.convert_to_tensor, (log_probs, totals, finished)), 1
    )
    best = np.argmax(log_probs, axis=1)
    assert np.array_equal(tokens, np.where(finished, 0, best))
    longer = totals + log_probs.max(axis=1)
    np.testing.assert_array_equal(sums, np.where(finished, totals, longer))
    assert np.array_equal(parents, range(50))


def test_finished_rows_stay_as_they_are():
    # The decoder's numbers are NaN for a row from the step after its end on.
    layers = toy(0, end=0.5)
    for options in (Decoding(max_length=20), Decoding(max_length=20, beam_size=3)):
        outputs = eager(Translator(*layers, options)).predict_on_batch(
            np.array([[5, 6, 2, 0], [4, 7, 9, 2], [3, 2, 0, 0], [8, 2, 0, 0]])
        )
        assert len(set(outputs["lengths"][:, 0].tolist())) > 1
        for tokens, length in zip(outputs["tokens"], outputs["lengths"], strict=True):
            assert tokens[0, length[0] - 1] == 2
            assert np.all(tokens[0, : length[0] - 1] > 2)
            assert np.all(tokens[0, length[0] :] == 0)
        assert np.all(np.isfinite(outputs["scores"]))


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_row_depends_on_no_other_row_and_on_no_padding(beam_size):
    options = Decoding(
        max_length=12, beam_size=beam_size, n_best=beam_size, coverage_penalty=0.2
    )
    translator = eager(Translator(*toy(2, end=0.5), options))
    together = translator.decode(SOURCES)
    for source, expected in zip(SOURCES, together, strict=True):
        for padding in (0, 5):
            (alone,) = translator.decode([source + [0] * padding])
            assert [tokens for tokens, _ in alone] == [tokens for tokens, _ in expected]
            scores = [[score for _, score in one] for one in (alone, expected)]
            np.testing.assert_allclose(*scores, rtol=1e-5, atol=1e-5)


def test_the_loop_ends_when_all_have_ended():
    encoder, decoder = toy(1, end=1.0)
    greedy = eager(Translator(encoder, decoder, Decoding(max_length=30)))
    found = greedy.decode(SOURCES)
    assert decoder.num_steps == max(len(tokens) + 1 for ((tokens, _),) in found) < 30


def test_a_beam_stops_as_soon_as_its_result_is_certain():
    steps = {}
    for n_best in (1, 5):
        layers = toy(1, end=1.0)
        options = Decoding(
            max_length=12, beam_size=5, n_best=n_best, length_penalty=0.0
        )
        found = eager(Translator(*layers, options)).decode(SOURCES)
        assert_same(found, reference(layers, options))  # which never stops early
        steps[n_best] = layers[1].num_steps
        longest = max(len(tokens) + 1 for row in found for tokens, _ in row)
        assert longest <= steps[n_best]
    assert steps[1] < steps[5] <= 12


def test_a_forced_length_is_kept():
    options = Decoding(max_length=11, min_length=10, beam_size=2, n_best=2)
    found = eager(Translator(*toy(1, end=5.0), options)).decode(SOURCES)
    assert {len(tokens) for row in found for tokens, _ in row} == {10}


def test_there_may_be_fewer_hypotheses_than_were_asked_for():
    layers = toy(0)
    options = Decoding(max_length=4, beam_size=3, n_best=3)
    translator = eager(Translator(*layers, options))
    found = translator.decode(SOURCES[:1], [[9, 9, 9]])
    assert [tokens for tokens, _ in found[0]] == [[9, 9, 9]]
    outputs = translator.predict_on_batch([np.array([[5, 2]]), np.array([[9, 9, 9]])])
    assert outputs["lengths"].tolist() == [[4, 0, 0]]
    assert np.all(outputs["scores"][:, 1:] == IMPOSSIBLE)
    assert np.all(outputs["tokens"][:, 1:] == 0)


# --------------------------------------------------------------------------- sampling


def plain_draw(log_probs, chance, temperature, top_k, top_p):
    probabilities = np.exp(log_probs / temperature)
    order = np.argsort(-probabilities)[: top_k or None]
    probabilities = probabilities[order] / probabilities[order].sum()
    fewest = 1 + int(np.sum(np.cumsum(probabilities) < top_p))
    order, probabilities = order[:fewest], probabilities[:fewest]
    sums = np.cumsum(probabilities / probabilities.sum())
    return order[np.sum(sums <= chance)]


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("top_k", [0, 1, 4, 99])
@pytest.mark.parametrize("top_p", [0.01, 0.7, 1.0])
def test_draws_equal_plain_ones(temperature, top_k, top_p):
    generator = np.random.default_rng(0)
    log_probs = generator.normal(size=(200, SIZE)).astype("float32")
    chances = generator.uniform(size=200).astype("float32")
    how = (temperature, top_k, top_p)
    found = draw(ops.convert_to_tensor(log_probs), ops.convert_to_tensor(chances), *how)
    pairs = zip(log_probs.astype("float64"), chances, strict=True)
    assert found.numpy().tolist() == [plain_draw(*pair, *how) for pair in pairs]


def test_a_chance_just_below_one_picks_a_token_that_takes_part():
    log_probs = np.full((1, 5000), IMPOSSIBLE, "float32")
    log_probs[0, 100:200] = 0.1
    chance = np.nextafter(np.float32(1), np.float32(0))
    (token,) = draw(ops.convert_to_tensor(log_probs), ops.convert_to_tensor([chance]))
    assert 100 <= int(token) < 200


def test_samples_come_as_often_as_they_are_probable():
    layers = toy(0)
    options = Decoding(max_length=2, sample=True, n_best=4000, seed=3)
    (found,) = eager(Translator(*layers, options)).decode(SOURCES[:1])
    log_probs, _ = in_numpy(*layers, SOURCES[0])([])
    expected = np.exp(log_probs) * (np.arange(SIZE) > 1)
    expected /= expected.sum()
    first = [(tokens or [2])[0] for tokens, _ in found]
    shares = np.bincount(first, minlength=SIZE) / len(first)
    np.testing.assert_allclose(
        shares, expected, atol=4 * np.sqrt(0.25 / len(first)), rtol=0
    )
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)


def test_seeds_make_samples_repeat():
    layers = toy(0)

    def samples(seed, **how):
        options = Decoding(max_length=9, sample=True, n_best=3, seed=seed, **how)
        return eager(Translator(*layers, options)).decode(SOURCES)

    assert samples(1) == samples(1)
    assert samples(1) != samples(2)
    hot = samples(1, temperature=3.0)
    assert len({tuple(tokens) for row in hot for tokens, _ in row}) > 5
    greedy = eager(Translator(*layers, Decoding(max_length=9))).decode(SOURCES)
    for only in ({"top_k": 1}, {"top_p": 1e-3}, {"temperature": 1e-3}):
        found = samples(1, **only)
        assert [row[:1] for row in found] == [
            [(tokens, pytest.approx(score))] for ((tokens, score),) in greedy
        ]


def test_the_score_of_a_sample_is_its_log_probability():
    layers = toy(0)
    options = Decoding(
        max_length=9, sample=True, temperature=1.7, top_k=5, length_penalty_kind="none"
    )
    found = eager(Translator(*layers, options)).decode(SOURCES)
    for source, ((tokens, score),) in zip(SOURCES, found, strict=True):
        predict, tokens = in_numpy(*layers, source), [*tokens, 2]
        steps = [predict(tokens[:i])[0][token] for i, token in enumerate(tokens)]
        assert score == pytest.approx(sum(steps), abs=1e-4)


# ---------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 0}, "max_length must be a whole number from 1 up; got 0"),
        ({"beam_size": 2.0}, "beam_size must be a whole number from 1 up; got 2.0"),
        ({"top_k": -1, "sample": True}, "top_k must be a whole number from 0 up"),
        ({"length_penalty": -0.1}, "length_penalty must be at least 0, .* got -0.1"),
        ({"coverage_penalty": -1.0}, "coverage_penalty must be at least 0"),
        (
            {"length_penalty": float("nan")},
            "length_penalty must be at least 0, .* got nan",
        ),
        ({"max_length": 5, "min_length": 5}, "below max_length, .* got 5 and 5"),
        ({"length_penalty_kind": "gnmt"}, "one of none, wu, average; got 'gnmt'"),
        ({"temperature": 0, "sample": True}, "temperature must be above 0; got 0"),
        ({"top_p": 1.5, "sample": True}, "top_p must be above 0, at most 1; got 1.5"),
        ({"sample": True, "beam_size": 4}, "beam_size must be 1; got 4"),
        ({"n_best": 2}, "n_best must be at most beam_size, 1; got 2"),
        ({"seed": 1, "top_p": 0.5}, "top_p, seed would do nothing without sample=True"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Decoding(**options)


@pytest.mark.parametrize(
    ("prefixes", "message"),
    [
        ([[4]], "as many as sources, 3; got 1"),
        ([[4] * 6, [], []], "shorter than max_length, 6; got 6 tokens"),
        ([[4, 2], [], []], r"must not hold END, token 2; got \[4, 2\]"),
        ([[], [1, 4], []], r"must not hold START, token 1; got \[1, 4\]"),
        ([[4, 0, 4], [], []], r"must not hold PAD, token 0; got \[4, 0, 4\]"),
        ([[], [], [4, 11]], r"of the vocabulary, below 11; got token 11 in \[4, 11\]"),
        ([[-1], [], []], "of the vocabulary, below 11; got token -1"),
    ],
)
def test_prefixes_that_cannot_be_are_refused(prefixes, message):
    with pytest.raises(ValueError, match=message):
        Translator(*toy(), Decoding(max_length=6)).decode(SOURCES, prefixes)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([4, 9, 2], r"of the vocabulary, below 9; got token 9 in \[4, 9, 2\]"),
        ([4, -1, 2], "of the vocabulary, below 9; got token -1"),
        (4, "a source must be a list of tokens; got 4"),
        ([[4, 2]], r"a source must be a list of tokens; got \[\[4, 2\]\]"),
    ],
)
@pytest.mark.parametrize("name", ["transformer_tiny", "lstm_small"])
def test_sources_that_cannot_be_are_refused(name, source, message):
    sizes = {"source_vocabulary": 9, "target_vocabulary": 7}
    model = zoo.create_model(name, width=8, num_layers=1, **sizes)
    translator = Translator.of(model, Decoding(max_length=3))
    assert translator.decode([]) == []
    with pytest.raises(ValueError, match=message):
        translator.decode([[8, 2], source])


def test_options_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Decoding().beam_size = 3
