"""Losses for Keras 3: one loss a file, found by the file's name.

>>> get("focal", gamma=2.0).name
'focal'
"""

import difflib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def list_losses() -> list[str]:
    """List the names of the losses, without importing Keras.

    >>> "focal" in list_losses()
    True
    """
    return sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def get_class(name: str) -> type["keras.losses.Loss"]:
    """Return a loss class by the name of its file: `"focal"` is `FocalLoss`.

    Raises:
        ValueError: no loss has that name; the message names the nearest one.
    """
    if name not in list_losses():
        near = difflib.get_close_matches(name, list_losses(), n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"There is no loss {name!r}.{hint} `kerazoo list losses` shows every name."
        )
    module = importlib.import_module(f"kerazoo.losses.{name}")
    wanted = f"{name.replace('_', '')}loss"
    return next(c for n, c in vars(module).items() if n.lower() == wanted)


def get(name: str, /, **arguments: Any) -> "keras.losses.Loss":
    """Make a loss by name.

    Args:
        name: a name from `list_losses()`.
        **arguments: the arguments of its class, such as `gamma=2.0`.

    Raises:
        ValueError: no loss has that name, or it has no such argument.
    """
    loss_class = get_class(name)
    allowed = list(
        importlib.import_module("kerazoo.losses._base").arguments(loss_class)
    )
    for argument in arguments:
        if argument not in allowed:
            near = difflib.get_close_matches(argument, allowed, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"The loss {name!r} takes no argument {argument!r}.{hint} "
                f"It takes: {', '.join(allowed)}."
            )
    return loss_class(**arguments)
