"""Losses for Keras 3: one loss a file, found by the file's name or the class's.

>>> get("focal", gamma=2.0).name
'focal'
>>> get("FocalLoss", gamma=2.0).name
'focal'

`addons.load` makes a loss of tensorflow-addons.
"""

import ast
import difflib
import functools
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from kerazoo.losses import addons as addons
    from kerazoo.losses._suggest import suggest as suggest

TASKS = (  # what a loss may be for; the docstring of each names one
    *("classification", "imbalance", "noisy labels", "ordinal", "regression"),
    *("metric learning", "sequence", "overlap", "boxes", "distillation"),
)


def __getattr__(name: str) -> Any:
    """Import modules and `suggest` when asked for: names of losses need no Keras."""
    if name in ("addons", *_classes()):
        return importlib.import_module(f"kerazoo.losses.{name}")
    if name == "suggest":
        return importlib.import_module("kerazoo.losses._suggest").suggest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _key(name: str) -> str:
    # What a file's name and its class's have in common: giou.py has GIoULoss.
    return name.replace("_", "").lower().removesuffix("loss")


def _nearest(name: str, keys: list[str]) -> str | None:
    """Return the key that was meant, Keras's long names included, or None."""
    words = re.findall("[A-Z]?[a-z]+", name)  # mean_squared_error, MeanSquaredError
    initials = "".join(word[0] for word in words).lower()
    # The longest: cross_entropy is in sparse_categorical_crossentropy.
    inside = sorted((key for key in keys if key in _key(name)), key=len)
    close = [difflib.get_close_matches(_key(name), keys, 1, c) for c in (0.8, 0.4)]
    found = [*close[0], *({initials} & {*keys}), *inside[::-1], *close[1]]
    return found[0] if found else None


@functools.cache
def _classes() -> dict[str, str]:
    # From file to class, read off the files; one without its loss, such as addons.py,
    # is none.
    return {
        file.stem: node.name
        for file in sorted(Path(__file__).parent.glob("[!_]*.py"))
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
        and node.name.endswith("Loss")
        and _key(node.name) == _key(file.stem)
    }


def list_losses() -> list[str]:
    """List the names of the losses, without importing Keras.

    >>> "focal" in list_losses()
    True
    """
    return list(_classes())


def get_class(name: str) -> type["keras.losses.Loss"]:
    """Return a loss class by the name of its file, or its own.

    `"triplet_hard"` is `TripletHardLoss`, and so is `"TripletHardLoss"`, its name in
    tensorflow-addons.

    Raises:
        ValueError: no loss has that name; the message names the nearest one.
    """
    files = {_key(file): file for file in _classes()}
    if _key(name) not in files:
        near = _nearest(name, list(files))
        hint = f" Did you mean {files[near]!r}?" if near else ""
        raise ValueError(
            f"There is no loss {name!r}.{hint} `kerazoo list losses` shows every name."
        )
    file = files[_key(name)]
    module = importlib.import_module(f"kerazoo.losses.{file}")
    return getattr(module, _classes()[file])


def list_arguments(name: str) -> list[str]:
    """List the names of a loss's arguments, those of its bases included.

    >>> list_arguments("focal")[:2]
    ['gamma', 'alpha']
    """
    base = importlib.import_module("kerazoo.losses._base")
    return list(base.arguments(get_class(name)))


def get(name: str, /, **arguments: Any) -> "keras.losses.Loss":
    """Make a loss by name.

    Args:
        name: a name from `list_losses()`, or the name of a class.
        **arguments: the arguments of its class, such as `gamma=2.0`.

    Raises:
        ValueError: no loss has that name, or it has no such argument.
    """
    allowed = list_arguments(name)
    for argument in arguments:
        if argument not in allowed:
            near = difflib.get_close_matches(argument, allowed, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"The loss {name!r} takes no argument {argument!r}.{hint} "
                f"It takes: {', '.join(allowed)}."
            )
    return get_class(name)(**arguments)
