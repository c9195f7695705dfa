import keras
import numpy as np
import pytest
from keras import layers

from kerazoo import zoo
from kerazoo.zoo.surgery import feature_pyramid, reset_head

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

LARGE_IMAGES = {"stem": "imagenet", "input_shape": (97, 65, 3)}
# Name, arguments, and the (height, width, channels) of each map.
PYRAMIDS = [
    ("cnn", {}, [(28, 28, 24), (14, 14, 40), (7, 7, 64)]),
    ("vgg11", {}, [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (2, 2, 512)]),
    ("resnet20", {}, [(32, 32, 16), (16, 16, 32), (8, 8, 64)]),
    ("resnet20", {"input_shape": (13, 15, 2)}, [(13, 15, 16), (7, 8, 32), (4, 4, 64)]),
    (
        "resnet20",
        LARGE_IMAGES,
        [(49, 33, 16), (25, 17, 16), (13, 9, 32), (7, 5, 64)],
    ),
    (
        "resnet18",
        LARGE_IMAGES,
        [(49, 33, 64), (25, 17, 64), (13, 9, 128), (7, 5, 256), (4, 3, 512)],
    ),
    ("wide_resnet16_4", {}, [(32, 32, 64), (16, 16, 128), (8, 8, 256)]),
    (
        "wide_resnet16_4",
        LARGE_IMAGES,
        [(49, 33, 16), (25, 17, 64), (13, 9, 128), (7, 5, 256)],
    ),
    ("densenet_bc100", {}, [(32, 32, 108), (16, 16, 150), (8, 8, 342)]),
    ("mobilenet_v2", {}, [(32, 32, 144), (16, 16, 192), (8, 8, 576), (4, 4, 1280)]),
    ("convnext_atto", {}, [(16, 16, 40), (8, 8, 80), (4, 4, 160), (2, 2, 320)]),
    ("cnn1d", {}, [(128, 32), (64, 64), (32, 128)]),
    ("resnet1d", {}, [(128, 128)]),
    # The sizes are odd and padded, or shrink by valid convolutions too.
    (
        "imagenet_resnet50",
        {"input_shape": (97, 97, 3)},
        [(49, 49, 64), (25, 25, 256), (13, 13, 512), (7, 7, 1024), (4, 4, 2048)],
    ),
    (
        "imagenet_inception_v3",
        {"input_shape": (97, 97, 3)},
        [(46, 46, 64), (20, 20, 192), (9, 9, 288), (4, 4, 768), (1, 1, 2048)],
    ),
    (
        "imagenet_xception",
        {"input_shape": (101, 101, 3)},
        [(48, 48, 64), (24, 24, 128), (12, 12, 256), (6, 6, 728), (3, 3, 2048)],
    ),
    (
        "imagenet_mobilenet_v3_small",
        {"input_shape": (65, 65, 1)},
        [(33, 33, 16), (17, 17, 72), (9, 9, 96), (5, 5, 288), (3, 3, 576)],
    ),
]


@pytest.mark.parametrize("name, arguments, expected", PYRAMIDS)
def test_pyramid_has_one_map_of_each_resolution(name, arguments, expected):
    pyramid = zoo.create_model(name, features_only=True, **arguments)
    assert pyramid.name == f"{name}_features"
    assert [tuple(maps.shape[1:]) for maps in pyramid.outputs] == expected


def test_maps_are_the_ends_of_stages():
    model = zoo.create_model("resnet20")
    ends = ["stage1_3_out", "stage2_3_out", "stage3_3_out"]
    expected = [model.get_layer(end).output for end in ends]
    assert all(
        got is wanted
        for got, wanted in zip(feature_pyramid(model).outputs, expected, strict=True)
    )


def test_the_logits_follow_from_the_coarsest_map():
    model = zoo.create_model("wide_resnet16_4", dropout=0.0)
    pixels = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")
    coarsest = np.asarray(feature_pyramid(model)(pixels)[-1])
    logits = model.get_layer("logits")(coarsest.mean((1, 2)))
    np.testing.assert_allclose(logits, model(pixels), rtol=1e-4, atol=1e-5)


def test_a_map_inside_a_branch_is_never_taken():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", name="trunk")(inputs)
    branch = layers.Conv2D(4, 3, padding="same", name="branch")(x)
    x = layers.Add(name="sum")([x, branch])
    left = layers.Conv2D(4, 3, 2, padding="same", name="left")(x)
    right = layers.MaxPooling2D(2, name="right")(layers.Conv2D(4, 1, name="in")(x))
    x = layers.Concatenate(name="joined")([left, right])
    outputs = layers.GlobalAveragePooling2D()(x)
    pyramid = feature_pyramid(keras.Model(inputs, outputs))
    assert [maps.shape[1:] for maps in pyramid.outputs] == [(8, 8, 4), (4, 4, 8)]


def test_a_pyramid_shares_its_weights_with_the_model():
    model = zoo.create_model("cnn")
    pyramid = feature_pyramid(model)
    assert pyramid.get_layer("stage1_1_conv") is model.get_layer("stage1_1_conv")


def test_crosslinked_cells_give_no_pyramid():
    with pytest.raises(ValueError, match="no feature map that every path runs through"):
        zoo.create_model(
            "imagenet_nasnet_mobile", features_only=True, input_shape=(64, 64, 3)
        )


def test_a_model_without_maps_gives_no_pyramid():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(2)(inputs), name="dense")
    with pytest.raises(ValueError, match="dense has no feature map"):
        feature_pyramid(model)


def test_a_sequential_model_is_refused():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="stack")
    for cut in (feature_pyramid, lambda model: reset_head(model, 2)):
        with pytest.raises(ValueError, match="stack must be a functional model"):
            cut(model)


def test_several_outputs_give_no_pyramid():
    pyramid = zoo.create_model("cnn", features_only=True)
    with pytest.raises(ValueError, match="one input and one output; it has 1 and 3"):
        feature_pyramid(pyramid)


def test_a_layer_used_twice_gives_no_pyramid():
    inputs = keras.Input((8, 8, 1))
    conv = layers.Conv2D(1, 3, name="shared")
    with pytest.raises(ValueError, match="uses a layer more than once"):
        feature_pyramid(keras.Model(inputs, conv(conv(inputs))))


def test_a_new_head_keeps_every_other_weight():
    model = zoo.create_model("cnn", dropout=0.25)
    new = zoo.reset_head(model, 3)
    assert new.output_shape == (None, 3) and new.name == "cnn"
    assert [layer.name for layer in new.layers] == [
        layer.name for layer in model.layers
    ]
    for old_layer, new_layer in zip(model.layers[:-1], new.layers[:-1], strict=True):
        assert old_layer is new_layer
    assert model.output_shape == (None, 10), "the model itself is left as it was"


def test_a_head_can_be_replaced_again_and_saved(tmp_path):
    model = zoo.reset_head(zoo.reset_head(zoo.create_model("cnn1d"), 3), 5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    signal = np.random.default_rng(0).random((2, 128, 1), dtype="float32")
    np.testing.assert_allclose(loaded(signal), model(signal), rtol=1e-6)


def test_a_head_keeps_its_settings():
    inputs = keras.Input((3,))
    head = layers.Dense(4, use_bias=False, dtype="mixed_bfloat16", name="logits")
    new = reset_head(keras.Model(inputs, head(inputs)), 2).layers[-1]
    assert not new.use_bias and new.compute_dtype == "bfloat16" and new.units == 2


@pytest.mark.parametrize("num_classes", [0, -1, 2.5])
def test_an_impossible_number_of_classes_is_refused(num_classes):
    with pytest.raises(ValueError, match="positive integer"):
        reset_head(zoo.create_model("cnn1d"), num_classes)


def test_a_model_without_logits_has_no_head_to_reset():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(2, name="out")(inputs), name="m")
    with pytest.raises(
        ValueError, match=r'm does not end in a dense .*"logits".*\'out\''
    ):
        reset_head(model, 3)
