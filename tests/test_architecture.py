"""The rules of the house: who may import what, and what stands where."""

import ast
import doctest
import importlib
import json
import re
import sys
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from workplace import ROOT, execute

ROOMS = ("zoo", "losses", "harness", "templates")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
HARNESS = [file for file in FILES if "harness" in file.parts]
NAMES = [str(file.relative_to(ROOT)) for file in FILES]
# What each room may use of the project. Templates import their siblings by bare name.
MAY_IMPORT = {
    "zoo": {"zoo"},
    "losses": {"losses"},
    "harness": {"zoo", "losses", "harness"},
    "templates": {"zoo", "losses", "harness"},
}
# Where a package that ties the project to one framework or tool may be imported.
CONFINED = {
    "mlflow": {r"harness/tracking/\w+\.py"},
    "ai_edge_litert": {
        r"harness/export/\w+\.py",
        r"harness/texts/token_search\.py",  # runs where kerazoo is not
    },
    "tensorflow_addons": {r"losses/addons\.py"},  # in the function that loads it
    "tensorflow": {
        r"harness/export/\w+\.py",
        r"harness/tracking/(table|text)_model\.py",  # run where Keras is not
        r"templates/\w+/data\w*\.py",
        r"harness/(tables|texts)/batches\.py",
        r"harness/data\.py",  # its splits
        r"harness/training\.py",  # op determinism, for which Keras has no name
    },
}
# Requirements of requirements: what is imported → who brings it along.
BROUGHT_ALONG = {
    "yaml": "jsonargparse",
    "scipy": "scikit-learn",
    "pyarrow": "mlflow",
    "cloudpickle": "mlflow",
}
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}
BACKENDS = {"jax", "torch"}  # extras


def imports(file: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a file imports, at any depth."""
    package = ["kerazoo", *file.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def third_party(file: Path) -> set[str]:
    siblings = {f.stem for f in file.parent.glob("*.py")} | {"kerazoo"}
    roots = {name.split(".")[0] for name in imports(file)}
    return roots - set(sys.stdlib_module_names) - siblings


def test_imports_are_found_in_every_form(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "zoo" / "cnn" / "a.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import os.path, keras\nfrom kerazoo import losses\nfrom ..cnn import b\n"
        "def f():\n    import mlflow.tensorflow as m\n"
    )
    assert set(imports(file)) >= {
        *("os.path", "keras", "kerazoo.losses", "kerazoo.zoo.cnn.b"),
        "mlflow.tensorflow",
    }
    assert third_party(file) == {"keras", "mlflow"}


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_dependencies_point_one_way(file):
    room = file.relative_to(ROOT).parts[0]
    used = {n.split(".")[1] for n in imports(file) if n.startswith("kerazoo.")}
    assert used <= MAY_IMPORT[room], f"{room} may import {MAY_IMPORT[room]} alone"
    if room in ("zoo", "losses"):
        allowed = {"keras", "numpy"}  # NumPy for checks and constants, not for graphs
        name = str(file.relative_to(ROOT))
        allowed |= {p for p in CONFINED if re.fullmatch("|".join(CONFINED[p]), name)}
        assert third_party(file) <= allowed, "keras.ops runs on every backend"


@pytest.mark.parametrize("package", CONFINED)
def test_is_imported_in_its_places_only(package):
    users = {n for f, n in zip(FILES, NAMES, strict=True) if package in third_party(f)}
    places = CONFINED[package]
    strangers = {n for n in users if not any(re.fullmatch(p, n) for p in places)}
    assert strangers == set()
    unused = {p for p in places if not any(re.fullmatch(p, name) for name in users)}
    assert unused == set(), "a place that needs no leave any more"


def test_every_package_that_is_imported_is_required():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    required = {re.match(r"[\w.-]*", line)[0] for line in lines if line[:1] != "#"}
    shipped = [file for file in FILES if not file.name.startswith("test_")]
    used = set().union(*map(third_party, shipped)) - BACKENDS
    for name in used:
        name = BROUGHT_ALONG.get(name, name)
        assert DISTRIBUTIONS.get(name, name.replace("_", "-")) in required, name


def test_packages_of_pyproject_are_those_of_the_tree():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    folders = {file.parent.relative_to(ROOT) for file in FILES}
    tree = {".".join(["kerazoo", *folder.parts]) for folder in folders}
    assert set(settings["tool"]["setuptools"]["packages"]) == tree
    mapped = settings["tool"]["setuptools"]["package-dir"]
    assert mapped == {f"kerazoo.{room}": room for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_packages_have_an_init_and_templates_have_none(room):
    for folder in {file.parent for file in (ROOT / room).rglob("*.py")}:
        assert (folder / "__init__.py").exists() == (room != "templates"), folder


@pytest.mark.parametrize("template", sorted((ROOT / "templates").glob("*/")))
def test_a_template_has_one_file_per_question(template):
    files = {"README.md", *(f"{n}.py" for n in ("config", "data", "model", "loss"))}
    assert {file.name for file in template.iterdir()} >= {
        *files,
        *("train.py", "test_train.py"),
    }


def test_the_folder_mlflow_does_not_shadow_the_package():
    # A package of that name, or a script in it, would be found before MLflow itself.
    assert list((ROOT / "mlflow").rglob("*.py")) == []
    assert (ROOT / "mlflow" / "MLproject").is_file()
    code = "import mlflow; print(mlflow.__version__)"
    assert execute(sys.executable, "-c", code, cwd=ROOT).stdout[:1].isdigit()


# Mostly a table of literals: forty models with their papers and counts.
TABLES = {"zoo/cnn/applications.py"}


@pytest.mark.parametrize("name", sorted(set(NAMES) - TABLES))
def test_files_are_short(name):
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= 400


def public(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a module's public classes and functions, and the methods of its own."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.ClassDef, ast.FunctionDef)):
            continue
        if child.name.startswith("_"):
            continue
        yield child
        # What a class takes over from Keras is documented there.
        if isinstance(child, ast.ClassDef) and "keras" not in ast.dump(child):
            yield from public(child)


@pytest.mark.parametrize("file", HARNESS, ids=lambda f: f.stem)
def test_what_is_public_in_the_harness_is_documented(file):
    module = ast.parse(file.read_text("utf-8"))
    assert ast.get_docstring(module)
    assert [n.name for n in public(module) if not ast.get_docstring(n)] == []


DOORS = ("harness", "harness.images", "harness.tables", "harness.texts")


def test_templates_use_names_of_the_harness_that_are_there_to_stay():
    """They are listed in `__init__.pyi`, and none stands there in vain."""
    doors = {f"kerazoo.{name}": set() for name in DOORS}
    for file in (ROOT / "templates").rglob("*.py"):
        code = file.read_text("utf-8")
        for node in ast.walk(ast.parse(code)):
            module = getattr(node, "module", None) or ""
            if not module.startswith("kerazoo.harness"):
                continue
            assert module in doors, f"{file} imports from {module}"
            for name in (alias.name for alias in node.names):
                doors[module].add(name)
                if f"{module}.{name}" in doors:  # a room, whose names are its own
                    used = re.findall(rf"(?<![\w.]){name}\.(\w+)", code)
                    doors[f"{module}.{name}"] |= set(used)
                    doors[module].remove(name)
    for name, used in doors.items():
        door = importlib.import_module(name)
        assert set(door.__all__) == used
        assert all(getattr(door, each) is not None for each in used)
        with pytest.raises(AttributeError, match="attribute nothing"):
            _ = door.nothing


@pytest.mark.parametrize(
    ("template", "room", "own"),
    [
        ("image_classification", "images", "folder"),
        ("regression", "tables", "table"),
        ("seq2seq", "texts", "pairs"),
    ],
)
def test_every_data_set_is_a_choice_and_every_choice_a_data_set(template, room, own):
    from kerazoo.harness import catalog
    from kerazoo.harness.own_code import imported_from

    with imported_from(ROOT / "templates" / template):
        config = importlib.import_module("config")
    choices = typing.get_args(typing.get_type_hints(config.DataConfig)["name"])
    known = {row["name"] for row in catalog.data_sets(room)}
    assert set(choices) - {"", own} == known
    datasets = importlib.import_module(f"kerazoo.harness.{room}.datasets")
    assert all(callable(getattr(datasets, choice)) for choice in known)


WITH_EXAMPLES = [
    ".".join(["kerazoo", *file.relative_to(ROOT).with_suffix("").parts])
    for file in FILES
    if ">>> " in file.read_text("utf-8") and file.parts[-3] != "templates"
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_run(name):
    if name == "kerazoo.losses.addons" and sys.version_info >= (3, 12):
        pytest.skip("tensorflow-addons needs Python 3.11")
    from keras import ops  # the one name that examples may use unimported

    module = importlib.import_module(name.removesuffix(".__init__"))
    result = doctest.testmod(module, extraglobs={"ops": ops})
    assert result.attempted and not result.failed


# ------------------------------------------------------------------ the cost of a start

HEAVY = ("tensorflow", "keras", "mlflow", "sklearn", "matplotlib", "ai_edge_litert")
START = """
import json, sys
status = 0
try:
    {code}
except SystemExit as end:
    status = end.code or 0
loaded = [name for name in {heavy} if name in sys.modules]
with open("result.json", "w") as file:
    json.dump([status, loaded], file)
"""


def start(code: str, folder: Path) -> tuple[int, list[str], str]:
    """Run code in a new process: exit status, heavy packages loaded, its stderr."""
    code = START.format(code=code, heavy=HEAVY)
    done = execute(sys.executable, "-c", code, cwd=folder)
    status, loaded = json.loads((folder / "result.json").read_text())
    return status, loaded, done.stderr


def test_a_heavy_import_would_be_noticed(tmp_path):
    assert start("import sklearn", tmp_path)[1] == ["sklearn"]


@pytest.mark.parametrize("module", ["", ".cli", ".config", ".catalog", ".commands"])
def test_importing_is_cheap(module, tmp_path):
    assert start(f"import kerazoo.harness{module}", tmp_path) == (0, [], "")


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "list",
        "list cnn --max-params 1e6 --json",
        "info resnet20",
        "list losses --task noisy-labels",
        "info focal",
        "suggest-loss --help",
        "train --help",
        "train image_classification --help",
        "train image_classification --print-config",
    ],
)
def test_looking_around_is_cheap(arguments, tmp_path):
    code = f"from kerazoo.harness.cli import main; main({arguments.split()})"
    assert start(code, tmp_path) == (0, [], "")


@pytest.mark.parametrize(
    "arguments",
    [
        "list cn",
        "info resnet2",
        "new image_classificatoin folder",
        "train image_classificatoin",
        "train image_classification --epocs 3",
        "train image_classification --epochs many",
        "train image_classification --model.name resnet2",
        "train image_classification --loss focul",
        "train image_classification --loss focal --loss_arguments.gama 2",
        "suggest-loss gone.csv --target price",
        "export last --formats tflight",
        "predict last hello --temperature 2",
    ],
)
def test_a_mistake_is_answered_at_once_in_one_line(arguments, tmp_path):
    code = (
        "from kerazoo.harness.cli import main; "
        f"status = main({arguments.split()})"  # returned, or raised as SystemExit
    )
    status, loaded, stderr = start(code, tmp_path)
    assert (status, loaded) == (2, [])
    assert stderr.startswith("kerazoo") and ": error: " in stderr
    assert stderr.count("\n") == 1
