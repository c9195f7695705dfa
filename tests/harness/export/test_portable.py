"""Models of other forms than the zoo's, brought into the one that is exported."""

import keras
import numpy as np
import pytest
from keras import layers

from kerazoo.harness.export import export
from kerazoo.harness.export.verdicts import failures


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_sequential_model_from_a_file_is_exported(precision, tmp_path):
    keras.Sequential(
        [
            keras.Input((4,), dtype="float32"),
            layers.Dense(2, dtype=precision),
            layers.Softmax(dtype="float32"),
        ]
    ).save(tmp_path / "plain.keras")
    model = keras.saving.load_model(tmp_path / "plain.keras")
    inputs = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    verdicts = export.export(
        model,
        tmp_path / "out",
        ("saved_model", "tflite"),
        calibration=inputs,
        inputs=inputs,
        targets=np.zeros(8, int),
        threads=(1,),
    )
    assert len(verdicts) == 2 and failures(verdicts) == []
