"""The clients for devices, held against training: pixels, files and classes."""

import base64
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from device_clients import browse, compile_kotlin, make_site, run_client, run_node
from PIL import Image
from workplace import ROOT

from kerazoo.harness.export.check import TFLiteRunner, as_type
from kerazoo.harness.images.files import RESIZES, read_image

CLIENTS = ROOT / "templates" / "image_classification" / "device"
CHECKS = Path(__file__).with_name("image_device")
# Width and height: of one pixel, thin ones, and ones whose middle is no whole pixel.
SIZES = [
    *((1, 1), (1, 7), (9, 1), (2, 3), (8, 8), (33, 20), (17, 31), (64, 48), (48, 64)),
    *((3, 299), (640, 5), (200, 150), (257, 129), (101, 333)),
]
SHAPES = [(8, 8, 1), (28, 28, 1), (20, 33, 3), (32, 32, 3), (3, 5, 1), (61, 7, 3)]
OPAQUE, MODES = ("RGB", "L", "1", "P"), ("RGB", "L", "1", "P", "RGBA", "LA")
TOP = 5  # classes that a client names unless told otherwise
# Files that take floats, or bytes of a scale: (type, scale, zero point).
FLOATS = ("float32", None, 0)
BYTES = [("uint8", 1.0, 0), ("uint8", 0.9372549057006836, 3), ("uint8", 2.0, 3)]
NUM_REAL = 40  # pictures for real files


def picture(rng, mode, width, height):
    """A picture with soft and hard edges."""
    soft = Image.fromarray(rng.integers(0, 256, (3, 4, 4), "uint8"))
    noise = rng.choice([0, 128, 255, *range(0, 256, 5)], (height, width, 4))
    where = rng.random((height, width, 1)) < 0.5
    mixed = np.where(where, soft.resize((width, height)), noise)
    image = Image.fromarray(mixed.astype("uint8"))
    return image if mode == "RGBA" else image.convert("RGB" if mode == "P" else mode)


def file_facts(shape, num_classes, dtype, scale, zero_point):
    """What model.json tells of a made-up file."""
    kind = {"dtype": dtype, "scale": scale, "zero_point": zero_point}
    return {
        "file": f"{dtype}.tflite",
        "inputs": {"x": {"shape": [1, *shape], **kind}},
        "outputs": {"y": {"shape": [1, num_classes], **kind}},
        "made_up": True,
    }


def case_of(path, facts, file):
    image = Image.open(path).convert("RGBA")
    rgba = base64.b64encode(image.tobytes()).decode()
    size = {"width": image.width, "height": image.height}
    return {"image": path.name, **size, "rgba": rgba, "facts": facts, "file": file}


def expected_of(path, facts, model):
    """What is right for a case: the pixels, and all classes, the best first."""
    pixels = read_image(path, *facts["input_shape"], resize=facts["fit"])
    scores = model(pixels)
    order = np.argsort(-scores, kind="stable")  # of equals the first
    answers = {facts["labels"][i]: float(scores[i]) for i in order}
    return {"pixels": pixels.ravel().tolist(), "answers": answers}


def echo(pixels, file):
    """What a made-up file says: what it is given."""
    (given,), (answered,) = file["inputs"].values(), file["outputs"].values()
    scale, zero = given["scale"], given["zero_point"]
    some = pixels.ravel()[: answered["shape"][1]]
    values = as_type(some, given["dtype"], scale, zero).astype("float32")
    return (values - zero) * np.float32(scale or 1)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """Cases with made-up files, and what is right for them; pictures in a folder."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("pictures")
    cases, expected = [], []
    for number, (size, shape, fit) in enumerate(
        itertools.product(SIZES, SHAPES, RESIZES)
    ):
        mode = rng.choice(MODES)
        path = folder / f"{number}-{mode}.png"
        picture(rng, mode, *size).save(path)
        labels = [f"<{i}>" for i in range(min(7, np.prod(shape)))]
        kinds = [FLOATS, BYTES[rng.integers(len(BYTES))]]
        files = [file_facts(shape, len(labels), *kind) for kind in kinds]
        facts = {"input_shape": shape, "fit": fit, "labels": labels}
        facts["files"] = [{"file": "saved_model", "inputs": {}, "outputs": {}}, *files]
        file = files[rng.integers(2)]
        cases.append(case_of(path, facts, file))
        expected.append(expected_of(path, facts, lambda p, file=file: echo(p, file)))
    return folder, cases, expected


class Real:
    """The files of a trained model, on some pictures."""

    def __init__(self, project, pictures):
        (self.folder,) = project.folder.glob("runs/*/exports")
        self.facts = json.loads((self.folder / "model.json").read_text())
        self.runners, self.cases, self.expected = {}, [], []
        for file in self.facts["files"]:
            if file["file"].endswith(".tflite"):
                runner = TFLiteRunner(self.folder / file["file"], 1)
                self.runners[file["file"]] = runner
                for path in pictures:
                    self.cases.append(case_of(path, self.facts, file))
                    right = expected_of(path, self.facts, lambda p, r=runner: ask(r, p))
                    self.expected.append(right)
        orders = {tuple(right["answers"]) for right in self.expected}
        assert len(self.runners) == 2 and len(orders) > NUM_REAL / 2, "all are alike"


def ask(runner, pixels):
    (name,) = runner.inputs
    return runner({name: pixels[None]})[0]


@pytest.fixture(scope="module")
def real(trained, made_up):
    pictures = sorted(made_up[0].iterdir())
    opaque = [p for p in pictures if p.stem.partition("-")[2] in OPAQUE]
    return Real(trained, opaque[:NUM_REAL])


def check(results, expected, tolerance=0.0):
    assert isinstance(results, list), results
    for result, right in zip(results, expected, strict=True):
        assert result["pixels"] == right["pixels"]
        check_answers(result["answers"], right["answers"], tolerance)


def check_answers(answers, right, tolerance):
    labels, scores = zip(*answers, strict=True)
    best = list(right)[:TOP]
    options = {"rtol": 1e-6, "atol": tolerance}
    np.testing.assert_allclose(scores, [right[label] for label in labels], **options)
    np.testing.assert_allclose(scores, [right[label] for label in best], **options)
    assert tolerance or list(labels) == best


def test_javascript_prepares_pixels_as_training_did(made_up, tmp_path):
    _, cases, expected = made_up
    client, program = CLIENTS / "image_classifier.js", CHECKS / "check.mjs"
    check(run_node(client, program, cases, tmp_path), expected)


# ------------------------------------------------------------------------- the browser


@pytest.fixture(scope="module")
def site(litert_js, made_up, tmp_path_factory):
    """A folder that a browser is shown, with LiteRT in it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "pictures").symlink_to(made_up[0])
    return make_site(
        folder, litert_js, CLIENTS / "image_classifier.js", CHECKS / "page.js"
    )


@pytest.mark.slow
def test_a_browser_prepares_pixels_as_training_did(site, made_up, tmp_path):
    _, cases, expected = made_up
    (site / "cases.json").write_text(json.dumps(cases))
    results = browse(site, tmp_path)
    assert isinstance(results, list), results
    for case, result, right in zip(cases, results, expected, strict=True):
        opaque = Path(case["image"]).stem.partition("-")[2] in OPAQUE
        apart = np.abs(np.subtract(result["pixels"], right["pixels"])).max()
        # A canvas rounds the product of a colour and its alpha in its own way.
        assert apart <= (0 if opaque else 1), case["image"]


@pytest.mark.slow
def test_a_browser_answers_as_the_files_do(site, real, tmp_path):
    for name in real.runners:
        shutil.copy(real.folder / name, site)
    (site / "cases.json").write_text(json.dumps(real.cases))
    # A byte of probability is 1/256.
    check(browse(site, tmp_path), real.expected, 1.01 / 256)


# ---------------------------------------------------------------------------- Android


@pytest.fixture(scope="module")
def kotlin(kotlin_compiler, tmp_path_factory):
    """Return the command that runs the Kotlin client, compiled with stand-ins."""
    folder = tmp_path_factory.mktemp("kotlin")
    sources = [CLIENTS / "ImageClassifier.kt", *sorted(CHECKS.glob("*.kt"))]
    return compile_kotlin(kotlin_compiler, folder, *sources)


def run_file(runners, line):
    """Run a file on bytes as text; return its output so. A made-up one echoes them."""
    name, size, text = line.split()
    values = base64.b64decode(text)
    if name in runners:
        interpreter, (given,) = runners[name].interpreter, runners[name].inputs.values()
        array = np.frombuffer(values, given["dtype"]).reshape(given["shape"])
        interpreter.set_tensor(given["index"], array)
        interpreter.invoke()
        values = interpreter.get_tensor(runners[name].output["index"]).tobytes()
    return base64.b64encode(values[: int(size)]).decode()


@pytest.mark.slow
def test_kotlin_prepares_pixels_as_training_did(kotlin, made_up, tmp_path):
    _, cases, expected = made_up
    results = run_client(kotlin, cases, tmp_path, lambda line: run_file({}, line))
    check(results, expected)


@pytest.mark.slow
def test_kotlin_answers_as_the_files_do(kotlin, real, tmp_path):
    def answer(line):
        return run_file(real.runners, line)

    check(run_client(kotlin, real.cases, tmp_path, answer), real.expected)


@pytest.mark.slow
def test_kotlin_refuses_the_facts_of_another_file(kotlin, made_up, tmp_path):
    _, (case, *_), _ = made_up
    height, width, channels = case["facts"]["input_shape"]
    for shape in ([height - 1, width, channels], [height + 1, width, channels]):
        other = {**case, "facts": {**case["facts"], "input_shape": shape}}
        (result,) = run_client(
            kotlin, [other], tmp_path, lambda line: run_file({}, line)
        )
        assert f"for a file that takes {height * width * channels};" in result["error"]
