"""What the converter is not given, with a reason that helps."""

import keras
from keras import layers

from kerazoo.harness.export import export


def test_an_input_of_any_size_becomes_a_saved_model_alone(tmp_path):
    inputs = keras.Input((None, None, 3), name="pixels")
    outputs = layers.GlobalAveragePooling2D(name="mean")(inputs)
    model = keras.Model(inputs, outputs)
    report = export.write_files(model, tmp_path, ("saved_model", "tflite"))
    assert report["saved_model"]["file"] == "saved_model"
    assert report["tflite"]["error"] == (
        "its input pixels is (None, None, 3), and a TFLite file takes one size: build "
        "the model with numbers in place of None, and give it these weights"
    )
