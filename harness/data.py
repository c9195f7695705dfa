"""What a template's `load_data` returns, and the harness works with."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

    from kerazoo.harness.texts.tokenisers import Tokeniser

OWN = ("folder", "table", "pairs")  # sources that are what the user has


@dataclass(frozen=True)
class Data:
    """Three splits, and what is known of them.

    Shapes:
        train, validation, test: batches of (inputs, targets); only `train` is shuffled
            and augmented.
        calibration: (samples, ...), inputs of the training split, not augmented; by
            name where there are several.
    """

    name: str  # such as "fashion_mnist"
    train: "tf.data.Dataset"
    validation: "tf.data.Dataset"
    test: "tf.data.Dataset"
    sizes: dict[str, int]  # samples per split
    labels: list[str]  # class names, by index; none in regression
    calibration: np.ndarray | dict[str, np.ndarray]
    digest: str  # changes with any sample
    class_counts: list[int] = field(default_factory=list)  # training samples a class
    class_weight: dict[int, float] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)  # travels with the exports
    notes: list[str] = field(default_factory=list)  # what the user should know
    task: Literal["classification", "regression", "seq2seq"] = "classification"
    target: str = ""  # of regression and seq2seq: its name
    # What clients send and want, where models train on something else.
    served: "Data | None" = None
    # By split: (samples, features) plain numbers and (samples,) targets, for baselines.
    features: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    # Of seq2seq: of sources and of targets; and by split the different source texts,
    # with the texts that are right for each.
    tokenisers: "tuple[Tokeniser, Tokeniser] | None" = None
    references: dict[str, tuple[list[str], list[list[str]]]] = field(
        default_factory=dict
    )

    @property
    def subject(self) -> str:
        """What is predicted, for people."""
        return f"target {self.target}" if self.target else f"{len(self.labels)} classes"

    def validation_texts(self, numbers: np.ndarray) -> list[str] | None:
        """Return the validation sources of these numbers, where inputs are tokens."""
        if self.tokenisers is None:
            return None
        sources, _ = self.references["validation"]
        return [sources[int(number)] for number in numbers]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.calibration.shape[1:]


def data_name(chosen: Any) -> str:
    """Return what data are called: the user's own as their file or folder is.

    Args:
        chosen: a template's `DataConfig`, with a `source` and, if that is the user's
            own, a `path`.
    """
    if chosen.source not in OWN or not chosen.path:
        return chosen.source
    name = Path(chosen.path).expanduser().resolve().name
    return name.split(".")[0] or name


def tell(notes: Iterable[str]) -> None:
    """Print what the user should know of the data before anything is trained."""
    print("".join(f"note   {note}\n" for note in notes), end="")


def digest(*arrays: np.ndarray) -> str:
    """Return 12 hex digits that change with any value, shape or type.

    >>> digest(np.zeros(3)) == digest(np.zeros(4))
    False
    """
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(f"{array.dtype}{array.shape}".encode())
        whole.update(np.ascontiguousarray(array))
    return whole.hexdigest()[:12]


def collect(
    batches: Iterable, most: int | None = None
) -> tuple[np.ndarray | dict[str, np.ndarray], np.ndarray]:
    """Return the first samples of batches, or all: inputs, and targets in one column.

    Shares of classes become class indices; inputs by name stay so.
    """

    def joined(parts: list) -> np.ndarray:
        return np.concatenate([np.asarray(part) for part in parts])[:most]

    inputs, targets = [], []
    for x, y in batches:
        inputs.append(x)
        targets.append(class_indices(y))
        if most and sum(map(len, targets)) >= most:
            break
    if isinstance(inputs[0], dict):
        return {k: joined([x[k] for x in inputs]) for k in inputs[0]}, joined(targets)
    return joined(inputs), joined(targets)


def class_indices(targets) -> np.ndarray:
    """Return class indices from class indices, or from shares of classes."""
    targets = np.asarray(targets)
    return targets.argmax(axis=-1) if targets.ndim > 1 else targets


def prefetched(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """Let batches be made while the model trains on earlier ones."""
    import tensorflow as tf

    # Left on, autotuning makes a short `fit` return seconds late (TensorFlow 2.21).
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(4).with_options(options)
