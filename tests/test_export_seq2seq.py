"""Every model for sequences, in both forms of its files, answers as Keras does."""

import keras
import numpy as np
import pytest

from kerazoo import zoo
from kerazoo.harness.export.exam import Metric
from kerazoo.harness.export.export import answers, by_name, export
from kerazoo.zoo.seq2seq.decoding import Decoding, Translator
from kerazoo.zoo.seq2seq.tokens import END

pytestmark = [
    pytest.mark.slow,
    # Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]

MODELS = zoo.list_models(kind="seq2seq")
# Structure counts here, not size.
NARROW = {"num_layers": 2, "width": 32}
VOCABULARY = {"source_vocabulary": 30, "target_vocabulary": 30}
SOURCE_LENGTH, MAX_LENGTH, NUM_VERIFIED = 9, 7, 60
TFLITE = ("tflite", "tflite-fp16", "tflite-int8-dynamic")
# Share of the answers that must be those of Keras, token for token. The weights are
# random, so that the first tokens of some sources are near ties.
AGREEMENT = {"saved_model": 1.0, "tflite": 1.0, "tflite-fp16": 0.9}
AGREEMENT["tflite-int8-dynamic"] = 0.6


@pytest.fixture(scope="module", params=MODELS)
def product(request):
    """A model with random weights, and its greedy search: tokens in, tokens out."""
    keras.utils.set_random_seed(0)
    recurrent = request.param.startswith("lstm")
    hidden = {} if recurrent else {"hidden": 48}
    model = zoo.create_model(request.param, **VOCABULARY, **NARROW, **hidden)
    # So that answers are neither all alike nor near ties; with more, LSTMs are chaos.
    spread = 0.4 if recurrent else 2.0
    for number, weight in enumerate(model.trainable_variables):
        if len(weight.shape) > 1:
            weight.assign_add(spread * keras.random.normal(weight.shape, seed=number))
    translator = Translator.of(model, Decoding(max_length=MAX_LENGTH))
    source = keras.Input((SOURCE_LENGTH,), dtype="int32", name="source")
    tokens = keras.layers.Identity(name="tokens")(translator(source)["tokens"][:, 0])
    return keras.Model(source, tokens, name=request.param)


@pytest.fixture(scope="module")
def sources():
    rng = np.random.default_rng(0)
    rows = np.zeros((NUM_VERIFIED, SOURCE_LENGTH), "int32")
    for row in rows:
        length = rng.integers(1, SOURCE_LENGTH)
        row[:length] = rng.integers(4, 30, length)
        row[length] = END
    return rows


@pytest.mark.parametrize("steps", [False, True], ids=["whole", "steps"])
def test_every_format_gives_the_same_answers(steps, product, sources, tmp_path):
    right = answers(product, by_name(product, sources))
    assert len(np.unique(right, axis=0)) > 10, "answers are alike"
    metric = Metric(
        "answers",
        lambda targets, outputs: float((outputs == right).all(axis=1).mean()),
        decide=lambda outputs: np.array([str(row) for row in outputs.astype(int)]),
        max_difference={},
    )
    verdicts = export(
        product,
        tmp_path,
        TFLITE if steps else ("saved_model", *TFLITE),
        calibration=sources,
        inputs=sources,
        targets=right,
        metric=metric,
        tolerance=1.0,
        threads=(1,),
        steps=steps,
    )
    assert not [v.failure for v in verdicts if v.failure]
    shares = {v.format: v.agreement for v in verdicts}
    print(product.name, steps, shares)
    assert all(shares[name] >= AGREEMENT[name] for name in shares), shares
