"""The losses of tensorflow-addons 0.23, computed by its own code on Keras 3.

The package has reached its end of life and no longer imports: `load` goes round the
part that is broken. It needs the TensorFlow backend and Python 3.11. ADDONS.md, beside
this file, says what stands in for each of them on every backend and Python.
"""

import contextlib
import difflib
import functools
import importlib.util
import inspect
import sys
import types
import warnings
from typing import Any

import keras

OUTSIDE = ("name", "reduction", "self", "kwargs")  # Keras's, or no argument


def load(name: str, /, **arguments: Any) -> keras.losses.Loss:
    """Make a loss of tensorflow-addons that Keras 3 trains with.

    The values before reduction are the original's. The reduction is Keras 3's, by
    default the mean, where some of the originals had none. Five of the eleven cost one
    number a sample; triplet, lifted-structure, n-pairs and kappa losses cost one number
    a batch, which sample weights scale by their mean.

    Args:
        name: the name of its class, such as `"TripletSemiHardLoss"`.
        **arguments: the arguments of that class; `name`, `reduction` and `dtype`, as in
            `keras.losses.Loss`.

    Raises:
        ImportError: tensorflow-addons is not installed.
        ValueError: the backend is not TensorFlow, there is no such loss, or it has no
            such argument.

    >>> loss = load("ContrastiveLoss", margin=2.0)
    >>> float(loss(keras.ops.array([0.0]), keras.ops.array([0.5])))
    2.25
    """
    common = {key: arguments.pop(key, None) for key in ("name", "dtype")}
    reduction = arguments.pop("reduction", "sum_over_batch_size")
    return OriginalLoss(name, arguments, reduction=reduction, **common)


@keras.saving.register_keras_serializable(package="kerazoo")
class OriginalLoss(keras.losses.Loss):
    """A loss that leaves its values to one of tensorflow-addons: `load` makes it.

    Args:
        original: the name of a class of tensorflow-addons.
        arguments: the arguments of that class.
        name: None for the original's.
        reduction: as in `keras.losses.Loss`.
        dtype: as in `keras.losses.Loss`.
    """

    def __init__(
        self,
        original,
        arguments,
        name=None,
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        found = {n: c for n, c in vars(module()).items() if isinstance(c, type)}
        made = nearest(original, found, "loss in tensorflow-addons")
        allowed = inspect.signature(found[made].__init__).parameters
        for argument in arguments:
            nearest(argument, [a for a in allowed if a not in OUTSIDE], "argument")
        # Keras 3 refuses the originals' reduction="auto", and reduces their values.
        unreduced = {"reduction": "none"} if "reduction" in allowed else {}
        self._loss = found[made](**arguments, **unreduced)
        super().__init__(name or self._loss.name, reduction, dtype)
        self.original = original
        self.arguments = arguments

    def call(self, y_true, y_pred):
        """Return the original's values; (batch,) and (batch, 1) are the same labels."""
        if len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
            y_true = keras.ops.expand_dims(y_true, -1)
        elif len(y_true.shape) == len(y_pred.shape) + 1 and y_true.shape[-1] == 1:
            y_true = keras.ops.squeeze(y_true, -1)
        values = self._loss.call(y_true, y_pred)
        if values.shape.rank is None:  # GIoU squeezes a batch whose size is not known
            values = keras.ops.reshape(values, keras.ops.shape(y_pred)[:-1])
        return values

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same loss again."""
        own = {"original": self.original, "arguments": self.arguments}
        return {**super().get_config(), "dtype": self.dtype, **own}


def nearest(name: str, known, what: str) -> str:
    """Return a name that is known, or raise a ValueError with the nearest one."""
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no {what} {name!r}.{hint} There is: {', '.join(known)}")


@functools.cache
def module() -> types.ModuleType:
    """Import `tensorflow_addons.losses` past the package's broken top level.

    Raises:
        ImportError: tensorflow-addons is not installed.
        ValueError: the backend is not TensorFlow.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"tensorflow-addons needs the TensorFlow backend, and this is {backend}; "
            "losses.get has these losses on every backend."
        )
    found = importlib.util.find_spec("tensorflow_addons")
    if found is None:
        raise ImportError(
            "tensorflow-addons is not installed, as it has no wheels beyond Python "
            "3.11; losses.get has its losses on every Python."
        )
    with standing_in(found), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in its docstrings
        from tensorflow_addons import losses

        return losses


@contextlib.contextmanager
def standing_in(found):
    """Put what its losses need of Keras 2 into sys.modules, and take all out again."""
    stub = types.ModuleType("keras.src.engine.keras_tensor")
    stub.KerasTensor = keras.KerasTensor
    engine = types.ModuleType("keras.src.engine")
    engine.keras_tensor = stub
    package = types.ModuleType("tensorflow_addons")  # without its __init__.py
    package.__path__ = list(found.submodule_search_locations)
    roots = ("keras.src.engine", "tensorflow_addons")

    def touched():
        return [n for n in sys.modules if n.startswith(roots)]

    before = {name: sys.modules.pop(name) for name in touched()}
    sys.modules.update({m.__name__: m for m in (engine, stub, package)})
    try:
        yield
    finally:
        for name in touched():
            del sys.modules[name]
        sys.modules.update(before)
