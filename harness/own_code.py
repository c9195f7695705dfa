"""A user's own modules: a template's files, and what of them a model uses.

Keras finds a class or function that is not its own only where it was imported, and is
registered or named. Of a class a config says in which module it stands; of a function
its name alone, which is looked for beside `build_model`, in `model.py`.
"""

import importlib.util
import json
import sys
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import keras

FUNCTIONS = "builtins"  # the module that a config names for every function
# Packages that Keras itself trusts, and ours.
KNOWN = {"keras", "keras_hub", "keras_cv", "keras_nlp", "kerazoo", FUNCTIONS}


class _Named(NamedTuple):
    """An object in a config."""

    module: str
    name: str
    registered: bool  # is found by Keras once its module is imported


@contextmanager
def imported_from(folder: Path) -> Iterator[None]:
    """Let a template's files be imported by their bare names, for the block."""
    names = [file.stem for file in folder.glob("*.py")]
    sys.path.insert(0, str(folder))
    for name in names:
        sys.modules.pop(name, None)
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [*names, *_inside(folder)]:
            sys.modules.pop(name, None)


def files_of(folder: Path) -> list[Path]:
    """List a template's files: all beside its `train.py`, and what they imported.

    Only of folders within its own, and of what was imported by now.
    """
    return sorted({*folder.glob("*.py"), *_inside(folder).values()})


def _inside(folder: Path) -> dict[str, Path]:
    """Find the modules that were imported from a folder or one within it, by name."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "")
        # A virtual environment may lie in the folder too.
        own = file.suffix == ".py" and "site-packages" not in file.parts
        if own and folder in file.parents:
            found[name] = file
    return found


def load_keras(file: Path, own: bool | Collection[str] = False) -> "keras.Model":
    """Load a model for inference.

    Args:
        file: a `.keras` file.
        own: the user's own modules that may be imported for what the file names; True
            for any, False to refuse such a file.

    Raises:
        ValueError: the file is no model of Keras 3, or has classes that are nowhere.
    """
    import keras

    try:
        with zipfile.ZipFile(file) as stored:
            config = json.loads(stored.read("config.json"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{file} is not a Keras 3 .keras file.") from error
    named = list(_named_in(config))
    modules = {each.module for each in named}
    theirs = {module for module in modules if _is_own(module)}
    if lost := theirs if own is False else theirs - (theirs if own is True else {*own}):
        names = ", ".join(sorted({n.name for n in named if n.module in lost}))
        raise ValueError(
            f"{file} has classes of your own that are not in it: {names}. Export the "
            "run that trained it instead."
        )
    if FUNCTIONS in modules and own is not False and _has_model(own):
        theirs.add("model")
    try:
        for name in theirs | {m for m in modules if m.startswith("kerazoo.")}:
            importlib.import_module(name)
        with keras.saving.custom_object_scope(_found(named)):
            return keras.saving.load_model(file, compile=False)
    except (ImportError, TypeError) as error:
        reason = str(error).split("Exception encountered: ")[-1].splitlines()[0]
        raise ValueError(f"{file} cannot be loaded: {reason[:300]}") from error


def own_definitions(model: "keras.Model") -> dict[str, Any]:
    """Return the unregistered classes and functions of the user's that a model uses.

    Raises:
        ValueError: two have one name, of which Keras would take either.
    """
    return _found(_named_by(model))


def own_modules(model: "keras.Model") -> list[str]:
    """Return the user's modules that have to be imported before a model is loaded.

    Raises:
        ValueError: what stands in the program itself, and can be imported from nowhere.
    """
    named = _named_by(model)
    modules = {each.module for each in named if _is_own(each.module)}
    if names := [each.name for each in named if each.module == "__main__"]:
        raise ValueError(
            f"{names[0]} stands in the program that was started, where nothing else "
            "finds it: move it to a file beside it, such as model.py."
        )
    if FUNCTIONS in {each.module for each in named} and "model" in sys.modules:
        modules.add("model")
    return sorted(modules)


def own_folders(model: "keras.Model") -> list[Path]:
    """Return the folders of these modules, but for those of installed packages."""
    folders = set()
    for name in own_modules(model):
        module = sys.modules[name.split(".")[0]]
        place = Path(module.__file__).parent
        folders.add(place.parent if hasattr(module, "__path__") else place)
    installed = {"site-packages", "dist-packages"}
    return sorted(folder for folder in folders if not installed & {*folder.parts})


def _has_model(own: bool | Collection[str]) -> bool:
    return bool(importlib.util.find_spec("model")) if own is True else "model" in own


def _named_by(model: "keras.Model") -> list[_Named]:
    import keras

    return list(_named_in(keras.saving.serialize_keras_object(model)))


def _found(named: Iterable[_Named]) -> dict[str, Any]:
    """Return what a config names in modules that are imported, by its bare name."""
    found: dict[str, Any] = {}
    for module, name, registered in dict.fromkeys(named):
        is_function = module == FUNCTIONS
        if registered or not (is_function or _is_own(module)):
            continue
        place = sys.modules.get("model" if is_function else module)
        if not callable(value := getattr(place, name, None)):
            continue
        if found.setdefault(name, value) is not value:
            raise ValueError(
                f"Two classes or functions of the model are called {name}, and Keras "
                "would take one for the other: call one of them otherwise."
            )
    return found


def _is_own(module: str) -> bool:
    return module.split(".")[0] not in KNOWN


def _named_in(config: Any) -> Iterator[_Named]:
    """Yield the objects of a config, but for those that were compiled in."""
    if isinstance(config, dict):
        if "module" in config and "class_name" in config:
            # Keras writes none for what stands in the program itself.
            module = config["module"] or "__main__"
            name = config["config" if module == FUNCTIONS else "class_name"]
            known = config.get("registered_name") or ""
            yield _Named(module, str(name), ">" in f"{known}{name}")
        config = [v for k, v in config.items() if k != "compile_config"]
    if isinstance(config, list | tuple):
        for part in config:
            yield from _named_in(part)
