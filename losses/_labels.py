"""What labels look like: their kind, their classes, their spread. NumPy only."""

import difflib
from dataclasses import dataclass, field

import numpy as np

from kerazoo.losses import TASKS
from kerazoo.losses._suggestion import percent

ONE_CLASS_A_SAMPLE = (
    *("classification", "imbalance", "noisy labels", "ordinal", "metric learning"),
)
LARGEST = 1e15  # its square is still a float32
MOST_TOKENS = 1_000_000
MOST_IN_A_MAP = 200  # classes; more are the brightness of pixels
VOID = 255  # the index that segmentation masks give to pixels without a class


@dataclass(frozen=True)
class Labels:
    """Labels, and what was seen of them.

    Attributes:
        kind: binary (0 and 1), signs (-1 and 1), classes, multi-label, shares, tokens,
            maps or numbers.
        values: class indices where classes had other names; else as they were given.
        counts: samples per class, or positions per class of maps.
        ignored: the value of labels that are missing, or padding; None for none.
        seen: one line with the numbers.
    """

    kind: str
    values: np.ndarray
    seen: str
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    ignored: int | None = None

    @property
    def ratio(self) -> float:
        """How many times larger the largest class is than the smallest."""
        return float(self.counts.max() / self.counts.min())


def look(y, task: str | None = None) -> Labels:
    """Find out what labels look like.

    Args:
        y: the labels of the training data.
        task: what they are for, one of `losses.TASKS`; None to tell it by the labels.

    Raises:
        ValueError: labels that are empty, not finite, all the same, of no usable type,
            or not such as the task needs.
    """
    if task is not None and task not in TASKS:
        near = difflib.get_close_matches(str(task), TASKS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no task {task!r}.{hint} Tasks: {', '.join(TASKS)}.")
    y = as_array(y)
    if (y == y.reshape(-1)[0]).all():
        same = repr(y.reshape(-1)[0].item())
        raise ValueError(f"All labels are {same}: there is nothing to learn.")
    if task in ("regression", "boxes", "distillation"):
        return numbers(y, task)
    if y.ndim == 1:
        return one_a_sample(y, task)
    return many_a_sample(y, task)


def as_array(y) -> np.ndarray:
    """Return labels as an array of numbers or strings, without a last axis of 1."""
    try:
        y = np.asarray(y)
    except ValueError:
        raise ValueError(
            "Labels must be one array; their parts differ in shape."
        ) from None
    if y.dtype == object and all(isinstance(label, str) for label in y.flat):
        y = y.astype(str)  # as pandas holds strings
    if not y.size or not y.ndim:
        raise ValueError(f"There are no labels in an array of shape {y.shape}.")
    if y.dtype.kind not in "biufU":
        raise ValueError(
            f"Labels must be numbers, booleans or strings; got dtype {y.dtype}."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        wrong = int((~np.isfinite(y)).sum())
        raise ValueError(f"{wrong} of {y.size} labels are NaN or infinite.")
    if y.dtype.kind == "b":
        y = y.astype(int)
    if y.dtype.kind != "U" and (largest := abs(y.astype(float)).max()) > LARGEST:
        raise ValueError(
            f"Labels reach {largest:.1e}: scale them, or their squares overflow."
        )
    while y.ndim > 1 and y.shape[-1] == 1:
        y = y[..., 0]
    return y


def one_a_sample(y: np.ndarray, task: str | None) -> Labels:
    """Look at labels of shape (batch,)."""
    names, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    if task in ("sequence", "overlap"):
        raise ValueError(f"{task} needs several labels a sample; got shape {y.shape}.")
    text, renumbered = y.dtype.kind == "U", True
    if text and len(names) > max(20, len(y) / 2):
        raise ValueError(
            f"{len(names)} of {len(y)} labels are different strings: no classes."
        )
    if not text:
        whole = (y == np.round(y)).all()
        if task in ONE_CLASS_A_SAMPLE and not whole:
            odd = y[y != np.round(y)][0]
            raise ValueError(f"{task} needs whole numbers or strings; got {odd}.")
        if task not in ONE_CLASS_A_SAMPLE and not (whole and like_classes(names, y)):
            return numbers(y, task)
        if task not in ONE_CLASS_A_SAMPLE[2:] and len(names) == 2:
            if names.tolist() == [0, 1]:
                seen = f"{_count(y)} labels, {percent(y.mean())} of them 1"
                return Labels("binary", y, seen, counts)
            if names.tolist() == [-1, 1] and task != "imbalance":
                seen = f"{_count(y)} labels, {percent((y > 0).mean())} of them 1"
                return Labels("signs", y, f"{seen}, the others -1", counts)
        if names[0] == 0 and names[-1] < 1.25 * len(names):
            # Class indices, of which some may be missing in these samples.
            index, counts = y.astype(int), np.bincount(y.astype(int))
            renumbered = False
    seen = (
        f"{_count(y)} labels of {len(counts)} classes; the most frequent has "
        f"{counts.max():,} samples, the rarest {counts.min():,}"
    )
    if renumbered:
        seen += f"; number them 0 to {len(counts) - 1}, in sorted order"
    if not text and task is None:
        seen += "; if they are counts or numbers, say task regression"
    return Labels("classes", index, seen, np.maximum(counts, 1))


def like_classes(names: np.ndarray, y: np.ndarray) -> bool:
    """Tell class indices from other whole numbers: they are few, and leave no gaps."""
    if names.tolist() in ([0, 1], [-1, 1]):
        return True
    few = len(names) <= 20 or (names[0] == 0 and len(names) <= len(y) / 2)
    filled = len(names) >= 0.9 * (names[-1] - names[0] + 1)
    return bool(names[0] in (0, 1) and few and filled)


def many_a_sample(y: np.ndarray, task: str | None) -> Labels:
    """Look at labels of shape (batch, …, labels)."""
    if y.dtype.kind == "U":
        raise ValueError(f"Strings must be one a sample; got shape {y.shape}.")
    whole = bool((y == np.round(y)).all())
    lowest, highest = y.min(), y.max()
    if task in ("sequence", "overlap") and not whole:
        raise ValueError(f"{task} needs whole numbers; got {y[y != np.round(y)][0]}.")
    if task == "sequence":
        return tokens(y)
    if task == "overlap" and y.ndim < 4:
        return maps(y)
    free = task in (None, "classification")
    add_up = lowest >= 0 and np.allclose(y.sum(axis=-1), 1, atol=1e-3)
    if add_up and whole:
        index = y.argmax(axis=-1)
        if index.ndim == 1:
            return one_hot(index, y.shape[-1])
        if free or task == "overlap":
            return tokens(index) if index.ndim == 2 else maps(index)
    if task == "overlap":
        return maps(y)
    if add_up and free:
        seen = f"{_count(y)} samples with shares of {y.shape[-1]} classes"
        return Labels("shares", y, seen)
    if free and whole and {-1, 1} == set(np.unique(y)):
        seen = f"{_count(y)} samples of {y.shape[-1]} labels that are -1 or 1"
        return Labels("signs", y, seen)
    yes_or_no = whole and y.ndim == 2 and lowest >= -1 and highest == 1
    if yes_or_no and (free or task == "imbalance"):
        return multi_label(y)
    if task is not None:
        raise ValueError(f"{task} needs one class a sample; got shape {y.shape}.")
    void = highest == VOID and VOID - 1 not in y
    if y.dtype.kind in "iu" and y.ndim == 2 and highest <= MOST_TOKENS:
        return tokens(y)
    if y.dtype.kind in "iu" and lowest >= 0 and (highest < MOST_IN_A_MAP or void):
        return maps(y)
    return numbers(y, task)


def one_hot(index: np.ndarray, num_classes: int) -> Labels:
    """Look at the class indices of one-hot labels."""
    counts = np.bincount(index, minlength=num_classes)
    if (counts > 0).sum() < 2:
        raise ValueError("All labels are of one class: there is nothing to learn.")
    seen = (
        f"{_count(index)} one-hot labels of {num_classes} classes; the most frequent "
        f"has {counts.max():,} samples, the rarest {counts.min():,}"
    )
    return Labels("classes", index, seen, np.maximum(counts, 1))


def multi_label(y: np.ndarray) -> Labels:
    """Look at (batch, labels) of 0 and 1, and -1 where one is missing."""
    known = y >= 0
    share = y[known].mean()
    if share in (0, 1):
        raise ValueError(f"All known labels are {share:.0f}: nothing to learn.")
    seen = (
        f"{_count(y)} samples of {y.shape[1]} yes-or-no labels, {percent(share)} of "
        "them 1"
    )
    missing = not known.all()
    if missing:
        seen += f", {percent(1 - known.mean())} missing (-1)"
    counts = np.array([(y == 0).sum(), (y == 1).sum()])
    return Labels("multi-label", y, seen, counts, -1 if missing else None)


def tokens(y: np.ndarray) -> Labels:
    """Look at (batch, time) token ids."""
    if y.ndim != 2:
        raise ValueError(f"sequence needs labels (batch, time); got shape {y.shape}.")
    if y.max() > MOST_TOKENS:
        raise ValueError(f"Token ids reach {y.max():g}; at most {MOST_TOKENS:,} do.")
    below = np.unique(y[y < 0])
    if len(below) > 1:
        some = ", ".join(f"{value:g}" for value in below[:3])
        raise ValueError(f"Token ids below 0 must be one value, padding; got {some}.")
    zeros = y == 0
    ends = bool((np.diff(zeros.astype(int), axis=1) >= 0).all())  # after the tokens
    padding = int(below[0]) if len(below) else 0 if zeros.any() and ends else None
    real = y[y != padding] if padding is not None else y.reshape(-1)
    if real.min() == real.max():
        raise ValueError(f"All tokens are {real.min():g}: there is nothing to learn.")
    seen = f"{_count(y)} sequences of {y.shape[1]} token ids, up to {int(real.max()):,}"
    if padding is not None:
        seen += f"; {percent((y == padding).mean())} are {padding}, taken for padding"
    return Labels("tokens", y, seen, np.bincount(real.astype(int)), padding)


def maps(y: np.ndarray) -> Labels:
    """Look at (batch, …) class indices of positions."""
    if y.min() < 0:
        raise ValueError(f"Maps must hold class indices; got {y.min():g}.")
    if y.max() > MOST_TOKENS:
        raise ValueError(f"Class indices reach {y.max():g}.")
    void = bool((y == VOID).any() and (y[y != VOID] < VOID - 1).all())
    counts = np.bincount((y[y != VOID] if void else y).reshape(-1).astype(int))
    if (counts > 0).sum() < 2:
        raise ValueError("All positions are of one class: there is nothing to learn.")
    size = " x ".join(map(str, y.shape[1:]))
    seen = (
        f"{_count(y)} maps of {size} with {len(counts)} classes; class 0 has "
        f"{percent(counts[0] / counts.sum())} of the positions"
    )
    if void:
        seen += f"; {percent((y == VOID).mean())} are {VOID}, taken for no class"
    return Labels("maps", y, seen, counts, VOID if void else None)


def numbers(y: np.ndarray, task: str | None) -> Labels:
    """Look at numbers, (batch, …)."""
    if y.dtype.kind == "U":
        raise ValueError(f"{task} needs numbers; got '{y.reshape(-1)[0]}'.")
    y = y.astype(float)
    single = y.astype("float32")
    spread = np.ptp(single)
    if spread < 1e-15 or spread < 1e-6 * abs(single).max():
        raise ValueError(
            f"Labels lie within {np.ptp(y):.1e} of each other, around "
            f"{np.median(y):.4g}: shift and scale them, or float32 cannot tell them "
            "apart."
        )
    seen = (
        f"{_count(y)} samples of {y[0].size} number{'s' * (y[0].size > 1)}, "
        f"{y.min():,.4g} to {y.max():,.4g}, median {np.median(y):,.4g}"
    )
    return Labels("numbers", y, seen)


def _count(y: np.ndarray) -> str:
    return f"{len(y):,}"
