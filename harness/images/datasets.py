"""The data sets that are known by name: one function each, found by its name.

Each takes the path that the user gave, if any, and returns an `ArrayDataset`.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerazoo.harness.errors import DataError
from kerazoo.harness.wording import first_line

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION = ["t-shirt", "trouser", "pullover", "dress", "coat"]
FASHION += ["sandal", "shirt", "sneaker", "bag", "ankle boot"]
DIGITS = list("0123456789")
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer"]
CIFAR10 += ["dog", "frog", "horse", "ship", "truck"]


@dataclass(frozen=True)
class ArrayDataset:
    """Images in memory.

    Shapes:
        train, test: (samples, height, width, channels) uint8 pixels, 0 to 255, and
            (samples,) class indices; test is None where the source names no split.

    Raises:
        DataError: of other shapes or types, or class indices without a label.
    """

    labels: list[str]
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray] | None = None

    def __post_init__(self):
        for pixels, targets in filter(None, (self.train, self.test)):
            if pixels.ndim != 4 or pixels.dtype != "uint8":
                raise DataError(
                    "Images in memory are (samples, height, width, channels) uint8, 0 "
                    f"to 255; got {pixels.shape} {pixels.dtype}."
                )
            if targets.shape != pixels.shape[:1] or targets.dtype.kind not in "iu":
                raise DataError(
                    f"{len(pixels):,} images need as many class indices; got "
                    f"{targets.shape} {targets.dtype}."
                )
            if len(targets) and not 0 <= targets.min() <= targets.max() < len(
                self.labels
            ):
                raise DataError(
                    f"Class indices of {len(self.labels)} labels are 0 to "
                    f"{len(self.labels) - 1}; got {targets.min()} to {targets.max()}."
                )


def digits(path: str) -> ArrayDataset:
    """1,797 handwritten digits, 8 x 8 grey; comes with scikit-learn."""
    del path
    from sklearn.datasets import load_digits

    found = load_digits()
    # Counts of 0 to 16 pixels become the 0 to 255 of every other image.
    pixels = np.round(found.images[..., None] * (255 / 16)).astype("uint8")
    return ArrayDataset(DIGITS, (pixels, found.target.astype("int64")))


def fashion_mnist(path: str) -> ArrayDataset:
    """70,000 articles of clothing, 28 x 28 grey, 10 classes; MIT licence."""
    return _idx_or_keras("fashion_mnist", FASHION, path or str(DEBIAN_FOLDER), path)


def mnist(path: str) -> ArrayDataset:
    """70,000 handwritten digits, 28 x 28 grey."""
    return _idx_or_keras("mnist", DIGITS, path, path)


def cifar10(path: str) -> ArrayDataset:
    """60,000 photos, 32 x 32 colour, 10 classes; downloaded by Keras."""
    del path
    return _from_keras("cifar10", CIFAR10)


def cifar100(path: str) -> ArrayDataset:
    """60,000 photos, 32 x 32 colour, 100 classes; downloaded by Keras."""
    del path
    return _from_keras("cifar100", [f"class {i}" for i in range(100)])


def read_idx(file: Path) -> np.ndarray:
    """Read an array in the IDX format of MNIST, gzipped or not.

    Raises:
        DataError: the file is no IDX file of bytes, or is cut short.
    """
    try:
        content = file.read_bytes()
        content = gzip.decompress(content) if file.suffix == ".gz" else content
        num_axes = content[3]
        shape = np.frombuffer(content, ">i4", num_axes, offset=4)
        values = np.frombuffer(content, "uint8", offset=4 + 4 * num_axes)
        if content[:3] != b"\x00\x00\x08":
            raise ValueError("its first bytes are not 0, 0, 8")
        return values.reshape(shape)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DataError(f"{file} is not a whole IDX file of bytes: {error}") from error


def _idx_or_keras(name: str, labels: list[str], folder: str, path: str) -> ArrayDataset:
    if path and not Path(path).is_dir():
        raise DataError(f"--data.path {path}: there is no such folder.")
    if not folder or not Path(folder).is_dir():
        return _from_keras(name, labels)
    splits = []
    for split in ("train", "t10k"):
        arrays = []
        for content in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            files = sorted(Path(folder).glob(f"{split}-{content}*"))
            if not files:
                raise DataError(
                    f"{folder} has no file {split}-{content}.gz. It must hold the four "
                    f"IDX files of {name}."
                )
            arrays.append(read_idx(files[0]))
        splits.append((arrays[0][..., None], arrays[1].astype("int64")))
    return ArrayDataset(labels, *splits)


def _from_keras(name: str, labels: list[str]) -> ArrayDataset:
    import keras

    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:
        # Keras raises a bare Exception when a download fails.
        debian = (
            " On Debian and Ubuntu: `apt install dataset-fashion-mnist`."
            if name == "fashion_mnist"
            else ""
        )
        own = (
            " Or give the folder of its four IDX files with --data.path."
            if name.endswith("mnist")
            else ""
        )
        raise DataError(
            f"{name} could not be downloaded ({first_line(error)}). Run the command "
            f"once where there is a network; Keras keeps the file.{debian}{own}"
        ) from error
    splits = [
        (x if x.ndim == 4 else x[..., None], y.reshape(-1).astype("int64"))
        for x, y in (train, test)
    ]
    return ArrayDataset(labels, *splits)
