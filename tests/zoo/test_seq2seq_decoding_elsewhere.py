"""The same searches compiled, saved, of a Transformer, as TFLite, on other backends."""

import functools
import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from numpy_beam_search import beam_search
from toy_searches import PREFIXES, SOURCES, assert_same, eager, reference
from toy_translation import toy

from kerazoo.zoo import create_model
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator


@pytest.mark.parametrize(
    "options",
    [
        Decoding(max_length=9),
        Decoding(
            max_length=9, beam_size=4, n_best=3, coverage_penalty=0.2, no_repeat_ngram=2
        ),
    ],
    ids=["greedy", "beam"],
)
def test_compiling_changes_nothing(options):
    layers = toy(0, end=0.5)
    translator = Translator(*layers, options)
    for jit in (True, False):
        translator.compile(jit_compile=jit)
        found = translator.decode(SOURCES, PREFIXES)
        assert_same(found, reference(layers, options, PREFIXES))


@pytest.mark.parametrize("jit", [True, False])
def test_compiled_samples_repeat(jit):
    options = Decoding(max_length=9, sample=True, n_best=2, top_k=6, top_p=0.9)
    found = []
    for _ in range(2):
        translator = Translator(*toy(0), options)
        translator.compile(jit_compile=jit)
        found += [translator.decode(SOURCES), translator.decode(SOURCES)]
    assert found[0] == found[1] == found[2] == found[3]


def test_a_translator_is_saved_with_its_options(tmp_path):
    options = Decoding(
        max_length=9, beam_size=3, n_best=2, length_penalty_kind="average"
    )
    translator = eager(Translator(*toy(0), options, name="to_french"))
    translator.save(tmp_path / "translator.keras")
    loaded = keras.saving.load_model(tmp_path / "translator.keras")
    assert (loaded.name, loaded.decoding) == ("to_french", options)
    assert loaded.compiled and not loaded.run_eagerly
    assert eager(loaded).decode(SOURCES) == translator.decode(SOURCES)


# ------------------------------------------------------------------- a real Transformer


@pytest.fixture(scope="module")
def small_transformer():
    keras.utils.set_random_seed(0)
    model = create_model(
        "transformer_tiny",
        **{"num_layers": 2, "width": 16, "hidden": 32, "num_heads": 4},
        **{"key_value_heads": 2, "tied": "all"},
        **{"source_vocabulary": 13, "target_vocabulary": 13},
    )
    generator = np.random.default_rng(0)
    for weight in model.weights:
        noise = generator.normal(0.0, 0.4, weight.shape)
        weight.assign(ops.convert_to_numpy(weight) + noise)
    return model


def recomputed(model, max_length):
    """Return a function that gives what `beam_search` asks of a source, uncached."""
    import tensorflow as tf

    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")

    @tf.function
    def compute(source, target):
        maps = decoder.attention_maps([target, encoder(source), source])
        return model([source, target]), maps[:, -1]

    def of_source(source):
        padded = np.zeros((1, 8), "int32")
        padded[0, : len(source)] = source

        @functools.cache
        def predict(tokens):
            target = np.zeros((1, max_length), "int32")
            target[0, : 1 + len(tokens)] = [1, *tokens]
            logits, maps = compute(tf.constant(padded), tf.constant(target))
            logits = logits.numpy()[0, len(tokens)].astype("float64")
            attention = maps.numpy()[0, :, len(tokens), : len(source)].mean(axis=0)
            return logits - np.log(np.exp(logits).sum()), attention

        return lambda tokens: predict(tuple(tokens))

    return of_source


@pytest.mark.parametrize(
    "options",
    [
        Decoding(max_length=8),
        Decoding(
            max_length=6, beam_size=3, n_best=2, coverage_penalty=0.3, no_repeat_ngram=2
        ),
    ],
    ids=["greedy", "beam"],
)
def test_a_transformer_decodes_as_if_all_were_recomputed(
    small_transformer, options, tmp_path
):
    translator = Translator.of(small_transformer, options)
    translator.compile(jit_compile=False)
    found = translator.decode(SOURCES)
    uncached = recomputed(small_transformer, options.max_length)
    assert_same(found, [beam_search(uncached(one), options) for one in SOURCES])
    # Weights that encoder and decoder share are found again.
    translator.save(tmp_path / "translator.keras")
    loaded = keras.saving.load_model(tmp_path / "translator.keras")
    assert loaded.decode(SOURCES) == found


def test_a_transformer_decodes_the_same_as_tflite(small_transformer, tmp_path):
    translator = Translator.of(small_transformer, Decoding(max_length=16))
    translator.compile(jit_compile=False)
    assert_same_as_tflite(translator, tmp_path)


# -------------------------------------------------------------------------- as TFLite


def to_tflite(translator, folder):
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(translator)
    archive.add_endpoint(
        "serving_default",
        lambda source: translator(source, training=False),
        input_signature=[tf.TensorSpec((1, 6), "int32", name="source")],
    )
    archive.write_out(str(folder), verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter.convert()


@pytest.mark.parametrize(
    "options",
    [
        Decoding(max_length=9),
        Decoding(
            max_length=9,
            min_length=2,
            beam_size=4,
            n_best=2,
            coverage_penalty=0.2,
            no_repeat_ngram=2,
        ),
    ],
    ids=["greedy", "beam"],
)
def test_the_whole_loop_runs_as_tflite(options, tmp_path):
    assert_same_as_tflite(eager(Translator(*toy(0, end=0.5), options)), tmp_path)


def assert_same_as_tflite(translator, folder):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=to_tflite(translator, folder))
    runner = runner.get_signature_runner("serving_default")
    for source in SOURCES:
        padded = np.zeros((1, 6), "int32")
        padded[0, : len(source)] = source
        expected, found = translator.predict_on_batch(padded), runner(source=padded)
        for name in ("tokens", "lengths"):
            np.testing.assert_array_equal(found[name], expected[name])
        np.testing.assert_allclose(found["scores"], expected["scores"], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_decode_the_same(run_python, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    printed = run_python(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import keras
        from toy_searches import PREFIXES, SOURCES, assert_same, reference
        from toy_translation import toy
        from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
        assert keras.backend.backend() == {backend!r}
        layers = toy(0, end=0.5)
        for options in (
            Decoding(max_length=8),
            Decoding(max_length=8, beam_size=3, n_best=2, coverage_penalty=0.3,
                     no_repeat_ngram=2, min_length=3),
        ):
            translator = Translator(*layers, options)
            found = translator.decode(SOURCES, PREFIXES)
            assert_same(found, reference(layers, options, PREFIXES))
        options = Decoding(max_length=8, sample=True, n_best=2, top_p=0.9)
        one, two = (Translator(*layers, options) for _ in range(2))
        assert one.decode(SOURCES) == two.decode(SOURCES)
        assert "tensorflow" not in sys.modules
        print("the same")
        """,
        KERAS_BACKEND=backend,
    )
    assert printed.split() == ["the", "same"]
