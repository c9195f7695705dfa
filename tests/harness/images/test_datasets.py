"""Data sets that are known by name: their files, whole, broken and missing."""

import gzip
import struct
import sys

import keras
import numpy as np
import pytest

from kerazoo.harness import DataError
from kerazoo.harness.data import digest
from kerazoo.harness.images import datasets

RNG = np.random.default_rng(0)
FILES = {
    "train-images-idx3-ubyte": RNG.integers(0, 256, (6, 28, 28), dtype=np.uint8),
    "train-labels-idx1-ubyte": np.array([0, 1, 2, 3, 4, 9], np.uint8),
    "t10k-images-idx3-ubyte": RNG.integers(0, 256, (2, 28, 28), dtype=np.uint8),
    "t10k-labels-idx1-ubyte": np.array([8, 7], np.uint8),
}


def idx(array) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A folder as Debian's package makes it, but for the number of images."""
    for name, array in FILES.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path


@pytest.mark.parametrize(
    ("pixels", "targets", "message"),
    [
        (np.zeros((3, 8, 8), "uint8"), [0, 1, 1], r"uint8, 0 to 255; got \(3, 8, 8\)"),
        (np.zeros((3, 8, 8, 1)), [0, 1, 1], r"got \(3, 8, 8, 1\) float64\.$"),
        (np.zeros((3, 8, 8, 1), "uint8"), [0, 1], r"3 images need as many class indic"),
        (np.zeros((2, 8, 8, 1), "uint8"), [0.0, 1.0], r"got \(2,\) float64\.$"),
        (np.zeros((2, 8, 8, 1), "uint8"), [1, 2], "2 labels are 0 to 1; got 1 to 2"),
        (np.zeros((2, 8, 8, 1), "uint8"), [-1, 0], "2 labels are 0 to 1; got -1 to 0"),
    ],
)
def test_arrays_that_are_no_images_are_refused(pixels, targets, message):
    with pytest.raises(DataError, match=message):
        datasets.ArrayDataset(["a", "b"], (pixels, np.array(targets)))
    right = np.zeros((2, 8, 8, 1), "uint8"), np.array([0, 1])
    with pytest.raises(DataError, match=message):
        datasets.ArrayDataset(["a", "b"], right, (pixels, np.array(targets)))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 4), (0, 4)])
def test_an_idx_file_is_read_as_it_was_written(suffix, shape, tmp_path):
    array = RNG.integers(0, 256, shape, dtype=np.uint8)
    file = tmp_path / f"array{suffix}"
    content = idx(array)
    file.write_bytes(gzip.compress(content) if suffix else content)
    np.testing.assert_array_equal(datasets.read_idx(file), array)


WHOLE = idx(FILES["train-images-idx3-ubyte"])
ZIPPED = gzip.compress(WHOLE)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a", b""),
        ("a", WHOLE[:3]),
        ("a", WHOLE[:10]),
        ("a", WHOLE[:-1]),
        ("a", WHOLE + b"\0"),
        ("a", b"\0\0\x0d" + WHOLE[3:]),  # floats
        ("a", b"<html>not found</html>" * 9),
        ("a.gz", b""),
        ("a.gz", WHOLE),  # not compressed
        ("a.gz", ZIPPED[:-9]),
        ("a.gz", ZIPPED[:50]),
        ("a.gz", ZIPPED[:200] + b"\xff" * 300),
    ],
    # By number: xdist wants the same names in every worker.
    ids=map(str, range(12)),
)
def test_a_broken_idx_file_is_named(name, content, tmp_path):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        datasets.read_idx(file)
    assert str(error.value).startswith(f"{file} is not a whole IDX file of bytes: ")


def test_a_missing_idx_file_is_named(tmp_path):
    with pytest.raises(DataError, match="gone"):
        datasets.read_idx(tmp_path / "gone")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_a_folder_of_idx_files_is_read(name, folder):
    found = getattr(datasets, name)(str(folder))
    pixels, targets = found.train
    np.testing.assert_array_equal(pixels[..., 0], FILES["train-images-idx3-ubyte"])
    assert pixels.shape == (6, 28, 28, 1) and pixels.dtype == np.uint8
    assert targets.tolist() == [0, 1, 2, 3, 4, 9] and targets.dtype == np.int64
    assert found.test[1].tolist() == [8, 7] and len(found.labels) == 10


def test_the_package_of_debian_is_found_without_a_path(folder, monkeypatch):
    monkeypatch.setattr(datasets, "DEBIAN_FOLDER", folder)
    assert len(datasets.fashion_mnist("").train[0]) == 6


def test_a_missing_file_of_a_folder_is_named(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"has no file t10k-labels-idx1-ubyte\.gz"):
        datasets.mnist(str(folder))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_a_missing_folder_is_named(name, tmp_path):
    with pytest.raises(DataError, match=r"--data\.path .*gone: there is no such"):
        getattr(datasets, name)(str(tmp_path / "gone"))


def test_digits_are_pixels_like_those_of_every_image():
    found = datasets.digits("")
    pixels, targets = found.train
    assert pixels.shape == (1797, 8, 8, 1) and pixels.dtype == np.uint8
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert np.bincount(targets).min() > 170 and found.test is None


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_without_a_network_one_line_says_how_to_get_the_data(
    name, tmp_path, monkeypatch
):
    def refuse(*args, **kwargs):
        raise Exception("URL fetch failure on https://a.b/c: None -- no route\nmore")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(datasets, "DEBIAN_FOLDER", tmp_path / "gone")
    loader = getattr(keras.datasets, name).load_data.__module__
    monkeypatch.setattr(sys.modules[loader], "get_file", refuse)
    with pytest.raises(DataError) as error:
        getattr(datasets, name)("")
    line = str(error.value)
    assert line.startswith(
        f"{name} could not be downloaded (URL fetch failure on https://a.b/c: None -- "
        "no route). Run the command once where there is a network; Keras keeps the file"
    )
    assert "\n" not in line and "more" not in line
    assert ("--data.path" in line) == ("mnist" in name)
    assert ("apt install dataset-fashion-mnist" in line) == ("fashion" in name)


@pytest.mark.parametrize(
    "other", [np.zeros((2, 3)), np.zeros(6), np.zeros((3, 2), "int8"), np.ones((3, 2))]
)
def test_a_digest_changes_with_value_shape_and_type(other):
    array = np.zeros((3, 2))
    assert digest(array) != digest(other)
    assert digest(array) == digest(array.copy(order="F"))
    assert digest(array, other) != digest(other, array)
    assert len(digest(array)) == 12
