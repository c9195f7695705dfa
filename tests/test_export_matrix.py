"""Every CNN of the zoo, in every format, gives the answers that Keras gives."""

import keras
import numpy as np
import pytest

from kerazoo import zoo
from kerazoo.harness.config import EXPORT_FORMATS
from kerazoo.harness.export.export import export
from kerazoo.harness.images.datasets import digits

NUM_CALIBRATION, NUM_VERIFIED = 48, 60
# Large enough for five halvings, small enough for 37 million parameters on two cores.
IMAGE_SHAPE, SIGNAL_SHAPE = (16, 16, 1), (256, 1)
MODELS = [
    name for name in zoo.list_models(kind="cnn") if zoo.model_card(name).exports_tested
]

# Untrained, dozens of residual blocks in a row add up noise, int8's too.
DEEP = ("resnet44", "resnet56", "resnet110")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_format_gives_the_same_answers(name, tmp_path):
    signal = zoo.model_card(name).task == "signal_classification"
    shape = SIGNAL_SHAPE if signal else IMAGE_SHAPE
    inputs, targets = samples(shape)
    keras.utils.set_random_seed(0)
    model = zoo.create_model(name, input_shape=shape, num_classes=10)
    if name in DEEP:
        calm_branches(model)
    settle(model, inputs, targets)
    probabilities = keras.layers.Softmax(name="probabilities")(model.output)

    verdicts = export(
        keras.Model(model.inputs, probabilities, name=name),
        tmp_path,
        EXPORT_FORMATS,
        calibration=inputs[:NUM_CALIBRATION],
        inputs=inputs[-NUM_VERIFIED:],
        targets=targets[-NUM_VERIFIED:],
        tolerance=0.05,
        threads=(2,),
    )

    assert [v.format for v in verdicts] == list(EXPORT_FORMATS)
    assert min(v.keras_metric for v in verdicts) > 0.8, "the answers mean nothing"
    failed = {v.format: v.failure for v in verdicts if not v.passed}
    assert sorted(failed) == sorted(zoo.model_card(name).failed_exports), failed


def samples(shape):
    """Digits, blown up to an image, or laid out in a row as a signal."""
    pixels, targets = (array[:300] for array in digits("").train)
    if len(shape) == 2:
        return np.repeat(pixels.reshape(-1, 64, 1), 4, axis=1) / 127.5 - 1, targets
    factor = shape[0] // 8
    return pixels.repeat(factor, axis=1).repeat(factor, axis=2), targets


def calm_branches(model):
    """Make residual branches small, as training does.

    Goyal et al. 2017, arXiv:1706.02677, section 5.1, start them at zero.
    """
    for layer in model.layers:
        if layer.name.endswith("_2_norm"):
            layer.gamma.assign(0.1 * np.ones(layer.gamma.shape))


def settle(model, inputs, targets):
    """Give an untrained model answers that mean something, without training it.

    Normalisation statistics come from a few batches, the last layer from least squares:
    answers far from a tie are what a real model has, and what int8 must keep.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5  # at 0.99 ten batches would hardly count
    # Called, not compiled: tracing a hundred layers takes longer than running them.
    pixels = inputs.astype("float32")
    for start in range(0, len(pixels), 30):
        model(pixels[start : start + 30], training=True)
    logits = model.get_layer("logits")
    features = np.asarray(keras.Model(model.input, logits.input)(pixels))
    centre, spread = features.mean(axis=0), features.std() + 1e-6
    x = (features - centre) / spread
    ridge = x.T @ x + 0.01 * len(x) * np.eye(x.shape[1])
    wanted = 10 * np.eye(10)[targets]
    kernel = np.linalg.solve(ridge, x.T @ wanted) / spread
    logits.set_weights([kernel, wanted.mean(axis=0) - centre @ kernel])
