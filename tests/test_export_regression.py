"""Every model of tables, as a TFLite file, gives the answers that Keras gives."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from kerazoo import zoo
from kerazoo.harness.config import EXPORT_FORMATS
from kerazoo.harness.export.check import TFLiteRunner, facts_of
from kerazoo.harness.export.export import answers
from kerazoo.harness.tables import tabular
from kerazoo.zoo.regression.embeddings import adapt_embeddings
from kerazoo.zoo.regression.ensemble import ensemble

# Keras 3.15 reads TensorFlow variables in a way that NumPy 2.4 deprecates.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
    # TensorFlow's own converter calibrates with it.
    pytest.mark.filterwarnings(
        r"ignore:\s*Warning. tf.lite.Interpreter is:UserWarning"
    ),
]

MODELS = zoo.list_models(kind="regression")
CATEGORIES = {"cardinalities": (4, 5)}
# The default structure, where that is quick to train.
SMALLER = {
    "tabm": {"num_members": 8, "width": 64},
    "tabm_mini": {"num_members": 8, "width": 64},
    "wide_and_deep": {"units": (128, 64)},
    "ft_transformer": {"width": 32, "hidden": 43},
    "snn": {"width": 64},
}
TFLITE = [name for name in EXPORT_FORMATS if name.startswith("tflite")]
NUM_ROWS, NUM_CHECKED = 400, 60
# Largest difference to Keras. Half precision has 11 bits; int8 is judged by its error.
MAX_DIFFERENCE = {"tflite": 1e-4, "tflite-fp16": 2e-2}
MAX_INT8_RISE = 0.02  # of the RMSE, over the targets' standard deviation


def table():
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=(NUM_ROWS, 8)).astype("float32")
    categories = generator.integers(0, 4, (NUM_ROWS, 2)).astype("int32")
    targets = (
        numbers[:, 0] - 0.5 * numbers[:, 1] * numbers[:, 2] + np.sin(numbers[:, 3])
    )
    return {"numbers": numbers, "categories": categories}, targets[:, None] / 1.5


def trained(name, **arguments):
    keras.utils.set_random_seed(0)
    rows, targets = table()
    model = zoo.create_model(name, **{**SMALLER.get(name, {}), **arguments})
    rows = {tensor.name: rows[tensor.name] for tensor in model.inputs}
    adapt_embeddings(model, rows["numbers"])
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    model.fit(rows, targets, batch_size=100, epochs=8, verbose=0)
    return model, rows


def rmse(answered, targets):
    return np.sqrt(np.mean((answered - targets) ** 2)) / targets.std()


def differences(model, rows, formats, folder):
    """Convert a model, run the files, and return what is wrong with each format."""
    # The converter writes to stdout while it is imported.
    from kerazoo.harness.export.convert import to_tflite, write_saved_model

    write_saved_model(model, folder / "single", batch=1)
    checked = {name: array[-NUM_CHECKED:] for name, array in rows.items()}
    expected = answers(model, checked)
    targets = table()[1][-NUM_CHECKED:]
    assert expected.std() > 0.2, "the answers mean nothing"
    wrong = {}
    for name in formats:
        try:
            file = folder / f"{name}.tflite"
            file.write_bytes(to_tflite(str(folder / "single"), name, rows))
            run = TFLiteRunner(file, threads=1)
        except Exception as error:  # a converter's own; the format is then no export
            wrong[name] = str(error)[:300]
            continue
        operators = facts_of(file)["operators"]
        assert not [op for op in operators if op.startswith("Flex")]
        answered = np.concatenate(
            [
                run({k: v[i : i + 1] for k, v in checked.items()})
                for i in range(NUM_CHECKED)
            ]
        )
        largest = np.abs(answered - expected).max()
        rise = rmse(answered, targets) - rmse(expected, targets)
        if name in MAX_DIFFERENCE and largest > MAX_DIFFERENCE[name]:
            wrong[name] = f"differs by {largest:.2g}"
        if name not in MAX_DIFFERENCE and rise > MAX_INT8_RISE:
            wrong[name] = f"has an RMSE higher by {rise:.2g}"
    return wrong


@pytest.mark.parametrize("name", MODELS)
def test_numbers_alone_in_every_format(name, tmp_path):
    model, rows = trained(name)
    wrong = differences(model, rows, TFLITE, tmp_path)
    assert sorted(wrong) == sorted(zoo.model_card(name).failed_exports), wrong


@pytest.mark.parametrize("name", MODELS)
def test_numbers_and_categories_in_float_and_int8(name, tmp_path):
    crosses = {"crosses": ((0, 1),)} if name == "wide_and_deep" else {}
    model, rows = trained(name, **CATEGORIES, **crosses)
    wrong = differences(model, rows, ["tflite", "tflite-int8"], tmp_path)
    assert sorted(wrong) == sorted(zoo.model_card(name).failed_exports), wrong


@pytest.mark.parametrize("name", ["ft_transformer", "linear", "tabm", "wide_and_deep"])
def test_a_single_column_of_texts_in_float(name, tmp_path):
    # LiteRT learns the shape of what is looked up late, which broke some models.
    rows, targets = table()
    texts = np.array(["red", "green", "blue", "none"])[rows["categories"][:, 0]]
    frame = pd.DataFrame({"number": rows["numbers"][:, 0], "text": texts})
    kinds = {"number": "number", "text": "category"}
    columns = [
        SimpleNamespace(name=n, kind=kind, hint=None) for n, kind in kinds.items()
    ]
    given = SimpleNamespace(
        frame=frame, columns=columns, targets=targets[:, 0], target="y"
    )
    encoding = tabular.fit_encoding(given, np.arange(NUM_ROWS), "standardise")
    small = {**SMALLER.get(name, {}), "num_features": 1, "cardinalities": (5,)}
    network = zoo.create_model(name, **small)
    for weight in network.trainable_variables:
        weight.assign_add(0.3 * keras.random.normal(weight.shape, seed=0))
    product = tabular.attach_columns(network, encoding)
    raw = tabular.served_columns(frame, encoding)
    assert differences(product, raw, ["tflite"], tmp_path) == {}


@pytest.mark.parametrize("embeddings", ["piecewise_linear", "periodic"])
@pytest.mark.parametrize("name", ["mlp", "ft_transformer", "tabm"])
def test_embeddings_in_float(name, embeddings, tmp_path):
    model, rows = trained(name, embeddings=embeddings)
    assert differences(model, rows, ["tflite", "tflite-fp16"], tmp_path) == {}


@pytest.mark.parametrize("head", ["mean", "mean_variance"])
def test_an_ensemble_in_float(head, tmp_path):
    keras.utils.set_random_seed(0)
    rows = {"numbers": table()[0]["numbers"]}
    models = [
        zoo.create_model(name, head=head, **SMALLER.get(name, {}))
        for name in ("mlp", "mlp", "tabm")
    ]
    for model in models:
        head_layer = model.layers[-1] if model.layers[-1].weights else model.layers[-2]
        head_layer.bias.assign(head_layer.bias + 1.0)
    joined = ensemble(models, head)
    assert differences(joined, rows, ["tflite"], tmp_path) == {}
