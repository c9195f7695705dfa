import math

import keras
import numpy as np
import pytest
from seq2seq_models import MODELS, SOURCE, TARGET, logits_by_steps, small_model

from kerazoo import zoo
from kerazoo.zoo.counting import multiply_adds
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def params(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def test_every_builder_is_in_the_table():
    names = zoo.list_models(task="seq2seq")
    builders = {zoo.model_card(name).builder for name in names}
    used = {zoo.model_card(name).builder for name, _ in MODELS.values()}
    assert builders == used
    assert names == zoo.list_models(kind="seq2seq")


def paper_params(num_layers, width, hidden, vocabulary):
    """Count as Vaswani et al. 2017 have it, section by section."""
    attention = 4 * width * width  # 3.2.2: queries, keys, values, output; no bias
    forward = (width * hidden + hidden) + (hidden * width + width)  # 3.3
    norm = 2 * width  # 3.1: one after every sub-layer
    encoder = attention + forward + 2 * norm
    decoder = 2 * attention + forward + 3 * norm
    return num_layers * (encoder + decoder) + vocabulary * width  # 3.4: one matrix


def test_the_papers_models_have_the_papers_params():
    base = paper_params(num_layers=6, width=512, hidden=2048, vocabulary=37_000)
    assert base == 63_045_632 == params(zoo.create_model("transformer_base"))
    assert base == zoo.model_card("transformer_base").params
    big = paper_params(num_layers=6, width=1024, hidden=4096, vocabulary=37_000)
    assert big == 214_171_648 == zoo.model_card("transformer_big").params


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if "_b" in name else [])
        for name in zoo.list_models(kind="seq2seq")
    ],
)
def test_costs_are_the_declared_ones(name):
    card = zoo.model_card(name)
    model = zoo.create_model(name)
    assert model.name == name
    assert params(model) == card.params
    assert multiply_adds(model) == card.multiply_adds


# Width 16, hidden 24, 2 blocks each, 13 tokens; a head has 4 channels.
@pytest.mark.parametrize(
    "case, expected",
    [
        ("paper", paper_params(2, 16, 24, 13)),
        # Two vocabularies, and a normalization at the end of each stack.
        ("tiny", paper_params(2, 16, 24, 2 * 13) + 2 * 32),
        # Three vocabularies, two tables of positions.
        ("learned", paper_params(2, 16, 24, 3 * 13) + 2 * 32 + 2 * 14 * 16),
        (
            "modern",
            # No position; norms without a center; a gate; keys and values of one head.
            paper_params(2, 16, 24, 13)
            + 2 * (16 - 5 * 16)
            + 4 * (16 * 24 + 24)
            - 6 * (2 * 16 * 12),
        ),
        (
            "grouped",
            paper_params(2, 16, 24, 3 * 13) - 2 * 5 * 16 - 6 * (2 * 16 * 8),
        ),
        (
            "lstm",
            (13 * 16 + 4 * 4 * 8 * (16 + 8 + 1))  # both directions of two layers
            + (13 * 16 + 2 * 4 * 16 * (16 + 16 + 1))
            + (8 * 64 + 64)  # where the decoder starts
            + 16 * 16
            + (32 * 16 + 16)
            + (16 * 13 + 13),
        ),
    ],
)
def test_params_are_those_of_the_formula(case, expected):
    assert params(small_model(case)) == expected


@pytest.mark.parametrize("case", MODELS)
def test_one_step_gives_every_weight_a_finite_gradient(case):
    keras.utils.set_random_seed(0)
    arguments = {} if case == "lstm" else {"attention_dropout": 0.1}
    model = small_model(case, **arguments)
    assert model.output_shape == (None, None, 13)
    before = [np.array(weight) for weight in model.trainable_weights]
    model.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    labels = np.pad(TARGET[:, 1:], ((0, 0), (0, 1)))
    assert np.isfinite(model.train_on_batch([SOURCE, TARGET], labels))
    for old, weight in zip(before, model.trainable_weights, strict=True):
        new = np.array(weight)
        assert np.isfinite(new).all(), weight.path
        assert (old != new).any(), weight.path


@pytest.mark.parametrize("case", ["tiny", "lstm"])
def test_dropout_acts_in_training_only(case):
    model = small_model(case, dropout=0.5)
    np.testing.assert_array_equal(*(model([SOURCE, TARGET]) for _ in range(2)))
    noisy = [np.asarray(model([SOURCE, TARGET], training=True)) for _ in range(2)]
    assert (noisy[0] != noisy[1]).any()


def test_the_loop_of_the_lstm_equals_keras():
    encoder = small_model("lstm", dropout=0.0).get_layer("encoder")
    ours, keras_own = encoder(SOURCE), encoder(SOURCE, training=True)
    real = SOURCE != 0
    np.testing.assert_allclose(
        np.asarray(ours)[real], np.asarray(keras_own)[real], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("case", MODELS)
def test_a_saved_model_answers_and_decodes_the_same(case, tmp_path):
    model = small_model(case)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    rebuilt = keras.Model.from_config(model.get_config())
    rebuilt.set_weights(model.get_weights())
    expected = np.asarray(model([SOURCE, TARGET]))
    target = TARGET[:, :3]
    for other in (loaded, rebuilt):
        assert params(other) == params(model)  # what was tied is tied
        np.testing.assert_array_equal(other([SOURCE, TARGET]), expected)
        stepped, _ = logits_by_steps(other, SOURCE, target, 4)
        np.testing.assert_allclose(stepped, expected[:, :3], rtol=1e-5, atol=1e-5)


def test_what_is_tied_is_one_weight():
    model = small_model("paper")
    paths = [w.path for w in model.weights if "embedding" in w.path]
    assert paths == ["encoder/embedding/embeddings"]


def test_a_decoder_alone_says_where_its_embedding_is():
    from kerazoo.zoo.seq2seq.transformer_layers import TransformerDecoder

    decoder = TransformerDecoder(13, width=16, tied="all")
    memory = np.zeros((2, 6, 16), "float32")
    with pytest.raises(ValueError, match="the embedding of its encoder"):
        decoder([TARGET, memory, SOURCE])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("case", ["paper", "modern", "lstm"])
def test_half_precision_gives_nearly_the_same(case, policy):
    reference = small_model(case)
    expected = np.asarray(reference([SOURCE, TARGET]))
    keras.config.set_dtype_policy(policy)
    try:
        model = small_model(case)
    finally:
        keras.config.set_dtype_policy("float32")
    model.set_weights(reference.get_weights())
    logits = model([SOURCE, TARGET])
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    tolerance = 0.03 if policy == "mixed_float16" else 0.15
    np.testing.assert_allclose(logits, expected, atol=tolerance)
    stepped, attention = logits_by_steps(model, SOURCE, TARGET[:, :3], 3)
    np.testing.assert_allclose(stepped, expected[:, :3], atol=tolerance)
    assert np.isfinite(attention).all()
    assert np.isfinite(model([np.zeros_like(SOURCE), TARGET])).all()


def test_a_tiny_transformer_learns_to_copy():
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 7, 4096)
    places = np.arange(7)
    words = generator.integers(4, 12, (4096, 7)) * (places < lengths[:, None])
    source = (words + 2 * (places == lengths[:, None])).astype("int32")
    target = np.concatenate([np.ones((4096, 1)), words[:, :6]], axis=1).astype("int32")
    model = zoo.create_model(
        "transformer_tiny",
        source_vocabulary=12,
        target_vocabulary=12,
        width=64,
        hidden=128,
        dropout=0.0,
    )
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, 7 * 64)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    data = {"source": source, "target": target}
    weights = (source != 0).astype("float32")
    model.fit(data, source, sample_weight=weights, batch_size=64, epochs=7, verbose=0)
    translator = Translator.of(model, Decoding(max_length=9))
    translator.compile(run_eagerly=True)
    fresh = [
        [*generator.integers(4, 12, generator.integers(1, 7)).tolist(), 2]
        for _ in range(100)
    ]
    decoded = [[*best[0][0], 2] for best in translator.decode(fresh)]
    assert decoded == fresh


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("transformer_tiny", {"width": 20}, "even multiple of num_heads; got 20 and 4"),
        ("transformer_tiny", {"key_value_heads": 3}, "must be a divisor of num_heads"),
        ("transformer_tiny", {"positions": "none"}, "positions must be one of sinus"),
        ("transformer_tiny", {"activation": "tanh"}, "activation must be one of relu"),
        ("transformer_tiny", {"norm": "batch"}, "norm must be one of layer, rms; got"),
        ("transformer_tiny", {"tied": "both"}, "tied must be one of none, target, all"),
        ("transformer_tiny", {"num_layers": 0}, "num_layers must be at least 1; got 0"),
        ("transformer_tiny", {"target_vocabulary": 4}, "vocabulary must be at least 5"),
        ("transformer_base", {"source_vocabulary": 50}, "needs one joined vocabulary"),
        ("lstm_small", {"width": 17}, "width even; got 64, 2 and 17"),
    ],
)
def test_a_wrong_argument_is_refused_when_building(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, **arguments)


def test_more_tokens_than_learned_positions_are_refused():
    model = small_model("learned")
    long = np.ones((2, 15), "int32")
    with pytest.raises(ValueError, match=r"14 learned positions.*15"):
        model([SOURCE, long])
    memory = model.get_layer("encoder")(SOURCE)
    with pytest.raises(ValueError, match=r"14 learned positions.*15"):
        model.get_layer("decoder").begin(memory, SOURCE, 15)
