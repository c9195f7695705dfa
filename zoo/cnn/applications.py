"""The backbones of keras.applications, with their preprocessing inside the model.

Keras itself builds them and loads their ImageNet weights. What is added: pixels from
0 to 255 as the input of every family, grey images, one head, one registry.
"""

import os
from pathlib import Path

import keras
from keras import layers

from kerazoo.zoo.registry import register

# keras.applications.imagenet_utils: scale and offset of each channel. Families without
# one preprocess inside Keras's own model.
_SCALINGS = {
    "inside": None,
    "tf": {"scale": 1 / 127.5, "offset": -1.0},
    "torch": {
        "scale": [1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)],
        "offset": [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
    },
    "caffe": {"scale": 1.0, "offset": [-103.939, -116.779, -123.68]},
}


@register(
    task="image_classification",
    exports_tested=False,  # forty large models would take hours
    pretrained=("imagenet",),
    variants={
        "imagenet_convnext_tiny": {
            "arguments": {"application": "ConvNeXtTiny", "preprocessing": "inside"},
            "paper": "Liu et al. 2022, arXiv:2201.03545",
            "year": 2022,
            "params": 28_589_128,
            "multiply_adds": 4_455_531_264,
        },
        "imagenet_convnext_small": {
            "arguments": {"application": "ConvNeXtSmall", "preprocessing": "inside"},
            "paper": "Liu et al. 2022, arXiv:2201.03545",
            "year": 2022,
            "params": 50_223_688,
            "multiply_adds": 8_683_712_256,
        },
        "imagenet_convnext_base": {
            "arguments": {"application": "ConvNeXtBase", "preprocessing": "inside"},
            "paper": "Liu et al. 2022, arXiv:2201.03545",
            "year": 2022,
            "params": 88_591_464,
            "multiply_adds": 15_354_729_472,
        },
        "imagenet_convnext_large": {
            "arguments": {"application": "ConvNeXtLarge", "preprocessing": "inside"},
            "paper": "Liu et al. 2022, arXiv:2201.03545",
            "year": 2022,
            "params": 197_767_336,
            "multiply_adds": 34_361_433_600,
        },
        "imagenet_convnext_xlarge": {
            "arguments": {"application": "ConvNeXtXLarge", "preprocessing": "inside"},
            "paper": "Liu et al. 2022, arXiv:2201.03545",
            "year": 2022,
            "params": 350_196_968,
            "multiply_adds": 60_921_030_656,
        },
        "imagenet_densenet121": {
            "arguments": {"application": "DenseNet121", "preprocessing": "torch"},
            "paper": "Huang et al. 2017, arXiv:1608.06993",
            "year": 2017,
            "params": 7_978_856,
            "multiply_adds": 2_834_161_664,
        },
        "imagenet_densenet169": {
            "arguments": {"application": "DenseNet169", "preprocessing": "torch"},
            "paper": "Huang et al. 2017, arXiv:1608.06993",
            "year": 2017,
            "params": 14_149_480,
            "multiply_adds": 3_359_843_328,
        },
        "imagenet_densenet201": {
            "arguments": {"application": "DenseNet201", "preprocessing": "torch"},
            "paper": "Huang et al. 2017, arXiv:1608.06993",
            "year": 2017,
            "params": 20_013_928,
            "multiply_adds": 4_291_365_888,
        },
        "imagenet_efficientnet_b0": {
            "arguments": {"application": "EfficientNetB0", "preprocessing": "inside"},
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 5_288_548,
            "multiply_adds": 385_814_752,
        },
        "imagenet_efficientnet_b1": {
            "arguments": {
                "application": "EfficientNetB1",
                "preprocessing": "inside",
                "input_shape": (240, 240, 3),
            },
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 7_794_184,
            "multiply_adds": 686_802_832,
        },
        "imagenet_efficientnet_b2": {
            "arguments": {
                "application": "EfficientNetB2",
                "preprocessing": "inside",
                "input_shape": (260, 260, 3),
            },
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 9_109_994,
            "multiply_adds": 993_561_872,
        },
        "imagenet_efficientnet_b3": {
            "arguments": {
                "application": "EfficientNetB3",
                "preprocessing": "inside",
                "input_shape": (300, 300, 3),
            },
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 12_233_232,
            "multiply_adds": 1_827_141_392,
        },
        "imagenet_efficientnet_b4": {
            "arguments": {
                "application": "EfficientNetB4",
                "preprocessing": "inside",
                "input_shape": (380, 380, 3),
            },
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 19_341_616,
            "multiply_adds": 4_393_771_024,
        },
        "imagenet_efficientnet_b5": {
            "arguments": {
                "application": "EfficientNetB5",
                "preprocessing": "inside",
                "input_shape": (456, 456, 3),
            },
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 30_389_784,
            "multiply_adds": 10_266_384_752,
        },
        "imagenet_efficientnet_b6": {
            "arguments": {
                "application": "EfficientNetB6",
                "preprocessing": "inside",
                "input_shape": (528, 528, 3),
            },
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 43_040_704,
            "multiply_adds": 19_067_593_536,
        },
        "imagenet_efficientnet_b7": {
            "arguments": {
                "application": "EfficientNetB7",
                "preprocessing": "inside",
                "input_shape": (600, 600, 3),
            },
            "paper": "Tan & Le 2019, arXiv:1905.11946",
            "year": 2019,
            "params": 66_347_960,
            "multiply_adds": 37_745_884_192,
        },
        "imagenet_efficientnet_v2_b0": {
            "arguments": {"application": "EfficientNetV2B0", "preprocessing": "inside"},
            "paper": "Tan & Le 2021, arXiv:2104.00298",
            "year": 2021,
            "params": 7_139_704,
            "multiply_adds": 718_086_176,
        },
        "imagenet_efficientnet_v2_b1": {
            "arguments": {
                "application": "EfficientNetV2B1",
                "preprocessing": "inside",
                "input_shape": (240, 240, 3),
            },
            "paper": "Tan & Le 2021, arXiv:2104.00298",
            "year": 2021,
            "params": 8_141_052,
            "multiply_adds": 1_196_819_360,
        },
        "imagenet_efficientnet_v2_b2": {
            "arguments": {
                "application": "EfficientNetV2B2",
                "preprocessing": "inside",
                "input_shape": (260, 260, 3),
            },
            "paper": "Tan & Le 2021, arXiv:2104.00298",
            "year": 2021,
            "params": 10_096_086,
            "multiply_adds": 1_697_542_832,
        },
        "imagenet_efficientnet_v2_b3": {
            "arguments": {
                "application": "EfficientNetV2B3",
                "preprocessing": "inside",
                "input_shape": (300, 300, 3),
            },
            "paper": "Tan & Le 2021, arXiv:2104.00298",
            "year": 2021,
            "params": 14_358_406,
            "multiply_adds": 3_011_458_816,
        },
        "imagenet_efficientnet_v2_s": {
            "arguments": {
                "application": "EfficientNetV2S",
                "preprocessing": "inside",
                "input_shape": (384, 384, 3),
            },
            "paper": "Tan & Le 2021, arXiv:2104.00298",
            "year": 2021,
            "params": 21_458_488,
            "multiply_adds": 8_365_617_152,
        },
        "imagenet_efficientnet_v2_m": {
            "arguments": {
                "application": "EfficientNetV2M",
                "preprocessing": "inside",
                "input_shape": (480, 480, 3),
            },
            "paper": "Tan & Le 2021, arXiv:2104.00298",
            "year": 2021,
            "params": 54_139_356,
            "multiply_adds": 24_582_460_384,
        },
        "imagenet_efficientnet_v2_l": {
            "arguments": {
                "application": "EfficientNetV2L",
                "preprocessing": "inside",
                "input_shape": (480, 480, 3),
            },
            "paper": "Tan & Le 2021, arXiv:2104.00298",
            "year": 2021,
            "params": 118_515_272,
            "multiply_adds": 56_079_699_008,
        },
        "imagenet_inception_resnet_v2": {
            "arguments": {
                "application": "InceptionResNetV2",
                "preprocessing": "tf",
                "input_shape": (299, 299, 3),
            },
            "paper": "Szegedy et al. 2017, arXiv:1602.07261",
            "year": 2017,
            "params": 55_813_192,
            "multiply_adds": 13_155_794_016,
        },
        "imagenet_inception_v3": {
            "arguments": {
                "application": "InceptionV3",
                "preprocessing": "tf",
                "input_shape": (299, 299, 3),
            },
            "paper": "Szegedy et al. 2016, arXiv:1512.00567",
            "year": 2016,
            "params": 23_817_352,
            "multiply_adds": 5_713_216_096,
        },
        "imagenet_mobilenet": {
            "arguments": {"application": "MobileNet", "preprocessing": "tf"},
            "paper": "Howard et al. 2017, arXiv:1704.04861",
            "year": 2017,
            "params": 4_231_976,
            "multiply_adds": 568_740_352,
        },
        "imagenet_mobilenet_v2": {
            "arguments": {"application": "MobileNetV2", "preprocessing": "tf"},
            "paper": "Sandler et al. 2018, arXiv:1801.04381",
            "year": 2018,
            "params": 3_504_872,
            "multiply_adds": 300_774_272,
        },
        "imagenet_mobilenet_v3_small": {
            "arguments": {"application": "MobileNetV3Small", "preprocessing": "inside"},
            "paper": "Howard et al. 2019, arXiv:1905.02244",
            "year": 2019,
            "params": 1_504_008,
            "multiply_adds": 55_472_576,
        },
        "imagenet_mobilenet_v3_large": {
            "arguments": {"application": "MobileNetV3Large", "preprocessing": "inside"},
            "paper": "Howard et al. 2019, arXiv:1905.02244",
            "year": 2019,
            "params": 3_932_952,
            "multiply_adds": 215_040_960,
        },
        "imagenet_nasnet_mobile": {
            "arguments": {"application": "NASNetMobile", "preprocessing": "tf"},
            "paper": "Zoph et al. 2018, arXiv:1707.07012",
            "year": 2018,
            "params": 5_289_978,
            "multiply_adds": 563_638_816,
        },
        "imagenet_nasnet_large": {
            "arguments": {
                "application": "NASNetLarge",
                "preprocessing": "tf",
                "input_shape": (331, 331, 3),
            },
            "paper": "Zoph et al. 2018, arXiv:1707.07012",
            "year": 2018,
            "params": 88_753_150,
            "multiply_adds": 23_783_414_658,
        },
        "imagenet_resnet50": {
            "arguments": {"application": "ResNet50", "preprocessing": "caffe"},
            "paper": "He et al. 2016, arXiv:1512.03385",
            "year": 2016,
            "params": 25_583_592,
            "multiply_adds": 3_857_973_248,
        },
        "imagenet_resnet101": {
            "arguments": {"application": "ResNet101", "preprocessing": "caffe"},
            "paper": "He et al. 2016, arXiv:1512.03385",
            "year": 2016,
            "params": 44_601_832,
            "multiply_adds": 7_570_194_432,
        },
        "imagenet_resnet152": {
            "arguments": {"application": "ResNet152", "preprocessing": "caffe"},
            "paper": "He et al. 2016, arXiv:1512.03385",
            "year": 2016,
            "params": 60_268_520,
            "multiply_adds": 11_282_415_616,
        },
        "imagenet_resnet50_v2": {
            "arguments": {"application": "ResNet50V2", "preprocessing": "tf"},
            "paper": "He et al. 2016, arXiv:1603.05027",
            "year": 2016,
            "params": 25_568_360,
            "multiply_adds": 3_482_255_360,
        },
        "imagenet_resnet101_v2": {
            "arguments": {"application": "ResNet101V2", "preprocessing": "tf"},
            "paper": "He et al. 2016, arXiv:1603.05027",
            "year": 2016,
            "params": 44_577_896,
            "multiply_adds": 7_194_476_544,
        },
        "imagenet_resnet152_v2": {
            "arguments": {"application": "ResNet152V2", "preprocessing": "tf"},
            "paper": "He et al. 2016, arXiv:1603.05027",
            "year": 2016,
            "params": 60_236_904,
            "multiply_adds": 10_906_697_728,
        },
        "imagenet_vgg16": {
            "arguments": {"application": "VGG16", "preprocessing": "caffe"},
            "paper": "Simonyan & Zisserman 2015, arXiv:1409.1556",
            "year": 2015,
            "params": 15_227_688,
            "multiply_adds": 15_347_142_656,
        },
        "imagenet_vgg19": {
            "arguments": {"application": "VGG19", "preprocessing": "caffe"},
            "paper": "Simonyan & Zisserman 2015, arXiv:1409.1556",
            "year": 2015,
            "params": 20_537_384,
            "multiply_adds": 19_508_940_800,
        },
        "imagenet_xception": {
            "arguments": {
                "application": "Xception",
                "preprocessing": "tf",
                "input_shape": (299, 299, 3),
            },
            "paper": "Chollet 2017, arXiv:1610.02357",
            "year": 2017,
            "params": 22_855_952,
            "multiply_adds": 8_357_403_496,
        },
    },
)
def application(
    application: str = "ResNet50",
    preprocessing: str = "caffe",
    weights: str | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    dropout: float = 0.0,
    name: str = "application",
) -> keras.Model:
    """Build a backbone of keras.applications, for training or for fine-tuning.

    Args:
        application: a name in `keras.applications`.
        preprocessing: what the family expects: "tf" (pixels in [-1, 1]), "torch"
            (standardized), "caffe" (BGR, centred) or "inside" (its model does it).
        weights: "imagenet" for the weights that Keras publishes, from its cache or the
            network; None for random ones; or the path of a .h5 or .weights.h5 file of
            the backbone (`include_top=False`). The head is always new.
        input_shape: (height, width, channels) of an image with pixels 0 to 255, with 3
            channels, or 1 that is repeated three times.
        num_classes: number of logits.
        dropout: share of the pooled features dropped in training, in [0, 1).
        name: the model's name.

    Shapes:
        input: (batch, height, width, channels), pixels 0 to 255.
        output: (batch, num_classes), logits.

    Raises:
        ValueError: neither 1 nor 3 channels, an image under the family's least size, or
            a file of EfficientNet weights that Keras would load wrongly.
        FileNotFoundError: there is no such file, or the ImageNet weights are neither in
            Keras's cache nor to be had from the network.
    """
    *size, channels = input_shape
    if channels not in (1, 3):
        raise ValueError(f"{name} needs 1 or 3 channels; got input_shape={input_shape}")
    _check_file(name, weights)
    inputs = keras.Input(input_shape, name="pixels")
    x = inputs
    if channels == 1:
        x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if preprocessing == "caffe":
        x = keras.ops.flip(x, axis=-1)
    if scaling := _SCALINGS[preprocessing]:
        x = layers.Rescaling(**scaling, name="rescale")(x)
    backbone = _load(
        name,
        getattr(keras.applications, application),
        weights=weights,
        include_top=False,
        pooling="avg",
        input_tensor=x,
        input_shape=(*size, 3),
    )
    x = layers.Dropout(dropout, name="dropout")(backbone.output)
    outputs = layers.Dense(num_classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _check_file(name, weights):
    if weights in (None, "imagenet"):
        return
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f'{name}: weights must be "imagenet", None or the path of a file; '
            f"there is no file {str(weights)!r}"
        )
    # Keras adds a layer that these weights need only if it fetches them itself.
    if path.name.startswith("efficientnetb") and path.name.endswith("_notop.h5"):
        raise ValueError(
            f'{name}: Keras loads {path.name} rightly only through weights="imagenet"; '
            f"put the file into {_cache()} and ask for that"
        )


def _load(name, application, **arguments):
    try:
        return application(**arguments)
    except Exception as error:  # Keras raises the bare class when a download fails
        if "URL fetch failure" not in str(error):
            raise
        raise FileNotFoundError(
            f"{name}: its ImageNet weights are not in {_cache()}, and could not be "
            f"downloaded ({error}). Without a network, download that file on another "
            f"machine and put it into {_cache()}, or pass its path as weights."
        ) from error


def _cache():
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
