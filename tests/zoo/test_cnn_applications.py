import importlib
import math

import keras
import numpy as np
import pytest

from kerazoo import zoo
from kerazoo.zoo.counting import multiply_adds

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

MODELS = zoo.list_models("imagenet_*")
SMALL = ["imagenet_mobilenet", "imagenet_mobilenet_v2", "imagenet_mobilenet_v3_small"]
SHAPE = (64, 64, 3)
# Preprocessing → a model with it, and keras.applications' module.
MODES = {
    "caffe": ("imagenet_vgg16", "vgg16"),
    "inside": ("imagenet_mobilenet_v3_small", "mobilenet_v3"),
    "tf": ("imagenet_mobilenet_v2", "mobilenet_v2"),
    "torch": ("imagenet_densenet121", "densenet"),
}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).uniform(0, 255, (2, *SHAPE)).astype("float32")


def keras_backbone(name):
    application = zoo.model_card(name).arguments["application"]
    return getattr(keras.applications, application)(
        weights=None, include_top=False, pooling="avg", input_shape=SHAPE
    )


def features(model, pixels):
    head = model.get_layer("dropout")
    return np.asarray(keras.Model(model.input, head.input)(pixels))


def test_every_constructor_of_keras_is_registered():
    public = {n for n in dir(keras.applications) if n[0].isupper()}
    registered = [zoo.model_card(name).arguments["application"] for name in MODELS]
    assert sorted(registered) == sorted(public)


def test_every_mode_of_preprocessing_is_tested():
    assert {zoo.model_card(n).arguments["preprocessing"] for n in MODELS} == set(MODES)


@pytest.mark.parametrize("name", MODELS)
def test_preprocessing_is_what_keras_documents_for_the_family(name):
    arguments = zoo.model_card(name).arguments
    constructor = getattr(keras.applications, arguments["application"])
    module = importlib.import_module(constructor.__module__)
    black = np.zeros((1, 1, 1, 3), "float32")
    first_value = float(module.preprocess_input(black)[0, 0, 0, 0])
    expected = {"tf": -1.0, "torch": -2.118, "caffe": -103.939, "inside": 0.0}
    assert first_value == pytest.approx(expected[arguments["preprocessing"]], abs=1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_equals_keras_with_its_preprocessing_and_loads_its_files(
    mode, pixels, tmp_path, randomize
):
    name, module = MODES[mode]
    backbone = keras_backbone(name)
    randomize(backbone)
    backbone.save_weights(tmp_path / "backbone.weights.h5")
    model = zoo.create_model(
        name, input_shape=SHAPE, weights=str(tmp_path / "backbone.weights.h5")
    )
    preprocess = getattr(keras.applications, module).preprocess_input
    expected = np.asarray(backbone(preprocess(pixels.copy())))
    spread = expected.std()
    assert spread > 1e-3, "a constant output would compare equal to anything"
    np.testing.assert_allclose(
        features(model, pixels), expected, rtol=1e-3, atol=1e-3 * spread
    )


def test_a_grey_image_equals_its_three_equal_channels(pixels):
    model = zoo.create_model("imagenet_mobilenet", input_shape=SHAPE)
    grey = zoo.create_model("imagenet_mobilenet", input_shape=(64, 64, 1))
    grey.set_weights(model.get_weights())
    one = pixels[..., :1]
    np.testing.assert_allclose(
        grey(one), model(np.repeat(one, 3, -1)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    "name",
    [n if n in SMALL else pytest.param(n, marks=pytest.mark.slow) for n in MODELS],
)
def test_costs_are_the_declared_ones(name):
    card = zoo.model_card(name)
    model = zoo.create_model(name)
    params = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert params == card.params
    assert multiply_adds(model) == card.multiply_adds


# keras.applications' own tables count all weights; these are the trainable ones.
@pytest.mark.parametrize(
    "name, params",
    [
        ("imagenet_resnet50", 25_583_592),
        ("imagenet_densenet121", 7_978_856),
        ("imagenet_mobilenet_v2", 3_504_872),
        ("imagenet_efficientnet_b0", 5_288_548),
        ("imagenet_xception", 22_855_952),
        ("imagenet_inception_v3", 23_817_352),
        ("imagenet_convnext_tiny", 28_589_128),
    ],
)
def test_declared_params_are_the_published_ones(name, params):
    assert zoo.model_card(name).params == params


@pytest.mark.parametrize("name", ["imagenet_mobilenet_v3_small", "imagenet_resnet50"])
def test_one_step_changes_the_head_and_the_first_convolution(name, pixels):
    model = zoo.create_model(name, input_shape=SHAPE, num_classes=3, dropout=0.1)
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    model.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    assert np.isfinite(model.train_on_batch(pixels, np.array([0, 2])))
    for index in (0, -1):
        new = model.trainable_weights[index].numpy()
        assert (new != before[index]).any()


def test_imagenet_weights_offline_say_what_to_do(run_python, tmp_path):
    printed = run_python(
        """
        from kerazoo import zoo
        try:
            zoo.create_model("imagenet_mobilenet", weights="imagenet")
        except FileNotFoundError as error:
            print(error)
        """,
        KERAS_HOME=str(tmp_path),
        https_proxy="http://127.0.0.1:9",
    )
    message = printed.splitlines()[-1]
    assert f"imagenet_mobilenet: its ImageNet weights are not in {tmp_path}" in message
    assert "https://storage.googleapis.com/" in message and "_no_top.h5" in message
    assert "Without a network, download that file" in message


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"input_shape": (64, 64, 4)}, ValueError, "1 or 3 channels"),
        ({"input_shape": (16, 16, 3)}, ValueError, "at least 32x32"),
        ({"weights": "nowhere.h5"}, FileNotFoundError, "no file 'nowhere.h5'"),
    ],
)
def test_a_wrong_argument_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        zoo.create_model("imagenet_mobilenet", **arguments)


def test_a_file_that_keras_would_load_wrongly_is_refused(tmp_path):
    file = tmp_path / "efficientnetb0_notop.h5"
    file.touch()
    with pytest.raises(ValueError, match='only through weights="imagenet"'):
        zoo.create_model("imagenet_efficientnet_b0", weights=str(file))
