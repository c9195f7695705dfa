"""A user's own modules: the files of a template, and what a model has of them.

Keras finds a class or function that is not its own only where it was imported, and is
registered or named. Of a class a model's config says where it stands; of a function it
says its name alone, which is looked for beside `build_model`, in `model.py`.
"""

import importlib.util
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

FUNCTIONS = "builtins"  # the module that a config names for every function


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
        for name in names:
            sys.modules.pop(name, None)


def load_keras(file: Path, *, own: bool = False) -> "keras.Model":
    """Load a model for inference.

    Args:
        file: a `.keras` file.
        own: whether it may have what modules of the user's define, which can be
            imported; they are not looked for otherwise.

    Raises:
        ValueError: the file is no model of Keras 3, or has classes of the user's own.
    """
    import keras

    try:
        with zipfile.ZipFile(file) as stored:
            named = list(_named_in(json.loads(stored.read("config.json"))))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{file} is no .keras file of Keras 3.") from error
    modules = {module for module, _ in named}
    theirs = {module for module in modules if _is_own(module)}
    if theirs and not own:
        names = ", ".join(name for module, name in named if module in theirs)
        raise ValueError(
            f"{file} has classes of your own that are not in it: {names}. Give the run "
            "that trained it in its place."
        )
    if own and FUNCTIONS in modules and importlib.util.find_spec("model"):
        theirs.add("model")
    for name in theirs | {m for m in modules if m.startswith("kerazoo.")}:
        importlib.import_module(name)
    with keras.saving.custom_object_scope(_found(named, theirs)):
        return keras.saving.load_model(file, compile=False)


def own_definitions(model: "keras.Model") -> dict[str, Any]:
    """Return the classes and functions of a model that are the user's, by name."""
    named = list(_named_in(model.get_config()))
    own = {module for module, _ in named if _is_own(module)}
    return _found(named, own | {"model"} & set(sys.modules))


def own_folders(model: "keras.Model") -> list[Path]:
    """Return where their modules lie, if a new process would not find them there."""
    modules = {value.__module__ for value in own_definitions(model).values()}
    apart = [name for name in modules if "." not in name and name != "__main__"]
    return sorted({Path(sys.modules[name].__file__).parent for name in apart})


def _found(named: Iterable[tuple[str, str]], own: Iterable[str]) -> dict[str, Any]:
    """Return what a config names and imported modules define."""
    names = {name.split(">")[-1] for _, name in named}
    return {
        name: value
        for module in own
        for name, value in vars(sys.modules[module]).items()
        if name in names and getattr(value, "__module__", "") == module
    }


def _is_own(module: str) -> bool:
    return module.split(".")[0] not in ("keras", "kerazoo", FUNCTIONS)


def _named_in(config: Any) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of every object in a config."""
    if isinstance(config, dict):
        if isinstance(module := config.get("module"), str):
            name = config["config" if module == FUNCTIONS else "class_name"]
            yield module, str(name)
        config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            yield from _named_in(part)
