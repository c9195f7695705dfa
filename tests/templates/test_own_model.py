"""A copied `model.py` with layers and functions of the user's own."""

import sys
import types

import keras
import numpy as np
import pytest
from PIL import Image
from workplace import SMOKE, execute, kerazoo

from kerazoo.harness.own_code import load_keras, own_definitions

BLOCKS = """
import keras


class Scale(keras.layers.Layer):  # neither registered nor decorated
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.gain * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
"""
ACTIVATIONS = """
def doubled(x):
    return 2 * x
"""
LAYERS = """
import keras
from activations import doubled
from blocks import Scale


@keras.saving.register_keras_serializable("mine")
class Offset(keras.layers.Layer):
    def call(self, x):
        return x + 1
"""
OF_IMAGES = """

def build_model(config, data):
    inputs = keras.Input(data.input_shape)  # without a name
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation=doubled)(x)
    x = Offset()(Scale(0.5)(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(len(data.labels))(x), name="mine")


def build_product(model):
    return keras.Model(model.inputs, keras.layers.Softmax()(model.output), name="mine")
"""
# Before the network's last layer, whatever it is.
OF_TABLES = """

zoo_model = build_model


def build_model(config, data):
    model = zoo_model(config, data)
    outputs = Scale(1.0)(keras.layers.Activation(doubled)(model.output))
    return keras.Model(model.inputs, outputs, name="mine")
"""


def write_blocks(project):
    (project.folder / "blocks.py").write_text(BLOCKS)
    (project.folder / "activations.py").write_text(ACTIVATIONS)


@pytest.fixture(scope="module")
def images(new_project):
    """A trained copy of the image template, in half precision."""
    project = new_project()
    write_blocks(project)
    (project.folder / "model.py").write_text(LAYERS + OF_IMAGES)
    flags = [
        flag for flag in SMOKE if flag not in ("--model.arguments.filters", "[8,16]")
    ]
    return project.train(*flags, "--precision", "mixed_bfloat16")


@pytest.fixture(scope="module")
def tables(new_project):
    """A trained copy of the regression template."""
    project = new_project("regression")
    write_blocks(project)
    model = project.folder / "model.py"
    model.write_text(f"{model.read_text()}\n{LAYERS}{OF_TABLES}")
    return project.train("--epochs", "2", "--export", "[saved_model,tflite]")


def test_an_error_of_the_copy_names_its_line(new_project, inside, call):
    project = new_project()
    model = project.folder / "model.py"
    right, wrong = "    load_weights(model, config.model)", "    int('oops')"
    model.write_text(model.read_text().replace(right, wrong))
    line = model.read_text().splitlines().index("    int('oops')") + 1
    inside(project)
    status, _, told = call("train", ".", "--data.limit", "90")
    assert status == 2 and len(told.splitlines()) == 1
    assert told.startswith("kerazoo: error: invalid literal for int()")
    assert f"(model.py, line {line}; traceback.txt of the run" in told


@pytest.mark.slow
def test_a_run_ends_with_verified_files(images, tables):
    for project, count in ((images, 3), (tables, 3)):
        assert project.run.info.status == "FINISHED"
        assert project.run.data.metrics["exports_verified"] == count


@pytest.fixture
def elsewhere(images, tables, tmp_path):
    """Return a function that runs a command where the copies' code has changed."""
    for project in (images, tables):
        for name in ("blocks", "activations", "model"):
            (project.folder / f"{name}.py").write_text("raise RuntimeError('edited')")
    (tmp_path / "blocks.py").write_text("raise RuntimeError('of another project')")

    def run(project, *arguments):
        store = f"sqlite:///{project.folder / 'mlflow.db'}"
        return kerazoo(*arguments, cwd=tmp_path, MLFLOW_TRACKING_URI=store).stdout

    return run


@pytest.mark.slow
def test_commands_take_the_code_of_the_run(images, tables, elsewhere, tmp_path):
    Image.fromarray(np.zeros((8, 8), "uint8")).save(tmp_path / "zero.png")
    assert elsewhere(images, "predict", "last", "zero.png").startswith("zero.png: ")
    accuracy = images.run.data.metrics["test_accuracy"]
    shown = elsewhere(images, "evaluate", "last")
    assert f"test_accuracy             {accuracy:.4f}" in shown
    for folder, project in {"images": images, "tables": tables}.items():
        flags = ("--formats", "tflite", "--tolerance", "0.5", "--folder", folder)
        assert "yes" in elsewhere(project, "export", "last", *flags)


@pytest.mark.slow
def test_mlflow_serves_it_where_neither_the_copy_nor_kerazoo_is(images, tmp_path):
    code = f"""
import sys
import mlflow, numpy
mlflow.set_tracking_uri("sqlite:///{images.folder / "mlflow.db"}")
model = mlflow.pyfunc.load_model("runs:/{images.run.info.run_id}/model")
answers = model.predict(numpy.zeros((2, 8, 8, 1), "float32"))
print(answers.shape, "kerazoo" in sys.modules)
"""
    done = execute(sys.executable, "-c", code, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "(2, 10) False"


@pytest.mark.slow
def test_its_file_alone_says_what_it_lacks(images):
    (file,) = images.folder.glob("runs/*/best.keras")
    np.savez(images.folder / "some.npz", x=np.zeros((4, 8, 8, 1)), y=range(4))
    flags = ("--samples", "some.npz")
    done = kerazoo("export", file, *flags, cwd=images.folder, status=2)
    (line,) = done.stderr.splitlines()
    assert "classes of your own that are not in it: " in line
    assert "Scale" in line and "Offset" in line


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "photo.keras").write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"photo\.keras is not a Keras 3 \.keras file"):
        load_keras(tmp_path / "photo.keras")


def test_a_file_of_keras_alone_is_loaded(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="tanh")(inputs))
    model.save(tmp_path / "model.keras")
    again = load_keras(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_a_loss_of_ones_own_does_not_stand_in_the_way(tmp_path):
    class Far(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.abs(y_true - y_pred)

    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile("sgd", Far())
    model.save(tmp_path / "model.keras")
    assert load_keras(tmp_path / "model.keras").count_params() == 8


def test_two_layers_of_one_name_are_told_apart_before_training():
    def layer(module, factor):
        def call(self, x):
            return factor * x

        kind = type("Same", (keras.layers.Layer,), {"call": call, "__module__": module})
        sys.modules[module] = types.ModuleType(module)
        sys.modules[module].Same = kind
        return kind()

    inputs = keras.Input((3,))
    x = layer("first_blocks", 2)(inputs)
    one = keras.Model(inputs, x)
    assert own_definitions(one) == {"Same": type(one.layers[1])}
    two = keras.Model(inputs, layer("other_blocks", 100)(x))
    with pytest.raises(
        ValueError, match="of the model are called Same, and Keras would"
    ):
        own_definitions(two)


def test_a_stranger_s_file_imports_nothing(tmp_path, monkeypatch):
    """Not even a `model.py` that happens to lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "model.py").write_text("raise RuntimeError('imported')")
    inputs = keras.Input((3,))
    keras.Model(inputs, keras.layers.Lambda(keras.ops.tanh)(inputs)).save("a.keras")
    assert load_keras(tmp_path / "a.keras").count_params() == 0


def test_what_stands_in_the_program_itself_is_refused_before_training(tmp_path):
    code = """
import keras
from kerazoo.harness.own_code import own_modules

class Mine(keras.layers.Layer):
    def call(self, x):
        return x

inputs = keras.Input((3,))
own_modules(keras.Model(inputs, Mine()(inputs)))
"""
    done = execute(sys.executable, "-c", code, cwd=tmp_path, status=1)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ValueError: Mine stands in the program that was started")
