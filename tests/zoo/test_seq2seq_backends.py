"""The models on other backends, and as TFLite files of built-in operators."""

import importlib.util

import numpy as np
import pytest
from seq2seq_models import SOURCE, TARGET, logits_by_steps, small_model

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


# The Transformer with all that is not the paper's, and the LSTM.
CASES = ("modern", "lstm")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of models as .keras files, with their logits."""
    folder = tmp_path_factory.mktemp("saved")
    for case in CASES:
        model = small_model(case)
        np.save(folder / f"{case}.npy", model([SOURCE, TARGET]))
        model.save(folder / f"{case}.keras")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same_logits(saved, run_python, backend, request):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    printed = run_python(
        f"""
        import pathlib, sys
        sys.path.append({str(request.path.parent)!r})
        import keras, numpy as np
        from seq2seq_models import SOURCE, TARGET, logits_by_steps
        import kerazoo.zoo.seq2seq.lstm, kerazoo.zoo.seq2seq.transformer
        assert keras.backend.backend() == {backend!r}
        for case in {CASES!r}:
            file = pathlib.Path({str(saved)!r}) / f"{{case}}.keras"
            model = keras.saving.load_model(file)
            expected = np.load(file.with_suffix(".npy"))
            logits = keras.ops.convert_to_numpy(model([SOURCE, TARGET]))
            np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
            stepped, _ = logits_by_steps(model, SOURCE, TARGET[:, :2], 5)
            np.testing.assert_allclose(stepped, expected[:, :2], rtol=1e-4, atol=1e-4)
            print(case)
        assert "tensorflow" not in sys.modules
        """,
        KERAS_BACKEND=backend,
    )
    assert printed.split() == list(CASES)


def runner(model, folder, function, **signature):
    """Convert a function of named tensors, and return the file's own function."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    module = tf.Module()
    module.held = [weight.value for weight in model.weights]
    specs = {
        name: tf.TensorSpec(shape, dtype, name=name)
        for name, (shape, dtype) in signature.items()
    }
    concrete = tf.function(function).get_concrete_function(**specs)
    tf.saved_model.save(module, folder, signatures=concrete)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return Interpreter(model_content=converter.convert()).get_signature_runner()


@pytest.mark.parametrize("case", CASES)
def test_encoder_and_step_convert_to_built_in_operators(case, tmp_path):
    model = small_model(case)
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    source = SOURCE[:1]
    encode = runner(
        model,
        tmp_path / "encode",
        lambda source: {"memory": encoder(source)},
        source=((1, None), "int32"),
    )
    np.testing.assert_allclose(
        encode(source=source)["memory"], encoder(source), rtol=1e-4, atol=1e-5
    )
    context, state = decoder.begin(encoder(source), source, 5)
    kept = {f"c_{k}": v for k, v in context.items()}
    kept.update({f"s_{k}": v for k, v in state.items()})

    def one_step(token, position, **kept):
        context = {k[2:]: v for k, v in kept.items() if k.startswith("c_")}
        state = {k[2:]: v for k, v in kept.items() if k.startswith("s_")}
        logits, state, attention = decoder.step(token, position, context, state)
        new = {f"s_{k}": v for k, v in state.items()}
        return {"logits": logits, "attention": attention, **new}

    step = runner(
        model,
        tmp_path / "step",
        one_step,
        token=((1,), "int32"),
        position=((), "int32"),
        **{name: (x.shape, "float32") for name, x in kept.items()},
    )
    kept = {name: np.asarray(x) for name, x in kept.items()}
    expected, _ = logits_by_steps(model, source, TARGET[1:, :4], 5)
    for position in range(4):
        token = TARGET[1:, position]
        found = step(token=token, position=np.int32(position), **kept)
        np.testing.assert_allclose(
            found["logits"], expected[:, position], rtol=1e-4, atol=1e-4
        )
        kept.update({k: v for k, v in found.items() if k.startswith("s_")})
