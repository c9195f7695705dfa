import importlib.util
import json

import keras
import numpy as np
import pytest

from kerazoo import zoo

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

SHAPE = (13, 15, 2)
# PReLU, LayerScale and stochastic depth, 1-D.
SMALL_MODELS = {
    "cnn": {"input_shape": SHAPE, "filters": (8, 8), "activation": "prelu"},
    "convnext_atto": {"input_shape": SHAPE, "num_blocks": (1, 1), "filters": (8, 16)},
    "resnet1d": {"input_shape": (17, 2), "filters": (8, 8)},
}
# Paddings of odd sizes, concatenations and gates too.
MODELS = {
    **SMALL_MODELS,
    "resnet20": {"input_shape": SHAPE, "depth": 8},
    "resnet18": {"input_shape": (33, 31, 1), "stem": "imagenet"},
    "densenet_bc100": {"input_shape": SHAPE, "num_layers": (1, 1)},
    "mobilenet_v3_small": {"input_shape": (33, 31, 1)},
    "efficientnet_b0": {"input_shape": SHAPE},
}
# XLA compiles even the initializers, shape by shape: minutes for the larger models.
BACKENDS = {"jax": SMALL_MODELS, "torch": MODELS}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of models as .keras files and weights, with inputs and their logits."""
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    for name, arguments in MODELS.items():
        model = zoo.create_model(name, **arguments)
        inputs = generator.uniform(0, 255, (2, *arguments["input_shape"]))
        np.savez(
            folder / f"{name}.npz",
            inputs=inputs.astype("float32"),
            logits=model(inputs.astype("float32")),
        )
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
    return folder


def test_saved_models_load_where_kerazoo_is_not_installed(saved, run_python):
    printed = run_python(
        f"""
        import pathlib, sys
        sys.modules["kerazoo"] = None  # importing it is an error from here on
        import keras, numpy as np
        for file in sorted(pathlib.Path({str(saved)!r}).glob("*.keras")):
            data = np.load(file.with_suffix(".npz"))
            logits = np.asarray(keras.saving.load_model(file)(data["inputs"]))
            np.testing.assert_allclose(logits, data["logits"], rtol=1e-4, atol=1e-4)
            print(file.stem)
        """
    )
    assert printed.split() == sorted(MODELS)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_other_backends_give_the_same_logits(saved, run_python, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    models = BACKENDS[backend]
    printed = run_python(
        f"""
        import json, pathlib, sys
        import keras, numpy as np
        from kerazoo import zoo
        assert keras.backend.backend() == {backend!r}
        for name, arguments in json.loads({json.dumps(models)!r}).items():
            file = pathlib.Path({str(saved)!r}) / f"{{name}}.npz"
            data = np.load(file)
            model = zoo.create_model(name, **arguments)
            model.load_weights(file.with_suffix(".weights.h5"))
            logits = keras.ops.convert_to_numpy(model(data["inputs"]))
            np.testing.assert_allclose(logits, data["logits"], rtol=1e-3, atol=1e-3)
            print(name)
        assert "tensorflow" not in sys.modules
        """,
        KERAS_BACKEND=backend,
    )
    assert printed.split() == list(models)
