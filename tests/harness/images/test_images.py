"""Folders of images that cannot be used, and what suits those that can."""

import doctest
import shutil
import subprocess
import sys

import numpy as np
import pytest
from picture_files import RNG, make_folder, put
from PIL import Image

from kerazoo.harness.images import files, folders
from kerazoo.harness.images.folders import (
    common_size,
    scan_image_folder,
)

# ----------------------------------------------------------------- errors in the layout


def fails(path, message, **options):
    with pytest.raises(ValueError) as caught:
        scan_image_folder(path, **options)
    text = str(caught.value)
    assert message in text
    return text


def test_missing_path_names_a_near_one(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no folder .*fotos.*mean .*photos\?"):
        scan_image_folder(tmp_path / "fotos")


def test_path_is_a_file(tmp_path):
    path = tmp_path / "photos.zip"
    path.write_bytes(b"PK")
    fails(path, "is a file, not a folder of images; unpack it first")


def test_nothing_there_shows_the_expected_tree(tmp_path):
    text = fails(tmp_path, "there are no class folders")
    assert f"{tmp_path}/\n        train/" in text and ".jpeg" in text


def test_loose_images(tmp_path):
    for number in range(5):
        put(tmp_path / f"{number}.png")
    text = fails(tmp_path, "5 images lie loose, none in the folder of a class")
    assert "0.png, 1.png, 2.png, …" in text and "Expected" in text


def test_one_class_only(tmp_path):
    make_folder(tmp_path, {"cat": 9})
    assert "Expected" in fails(tmp_path, "one class only, 'cat'")


def test_an_empty_class_says_where_its_images_may_be(tmp_path):
    make_folder(tmp_path, {"cat": 9, "dog/2023": 5})
    text = fails(tmp_path, "there are no images in the class folder 'dog'")
    assert "ignored folders within a class: 1 (dog/2023)" in text


def test_too_few_images_to_split(tmp_path):
    make_folder(tmp_path, {"cat": 9, "dog": 2})
    fails(tmp_path, "class 'dog' has 2 different ones")
    shutil.copy(tmp_path / "dog/0.png", tmp_path / "dog/same.png")
    fails(tmp_path, "validation, test, train need one each")


def test_no_train_folder(tmp_path):
    make_folder(tmp_path, {"val/cat": 2, "test/cat": 2})
    fails(tmp_path, "there is no train folder beside 'test', 'validation'")


def test_an_unknown_class_outside_train(tmp_path):
    make_folder(tmp_path, {"train/cat": 4, "train/dog": 4, "val/Cat": 2})
    text = fails(tmp_path, "class 'Cat' of the validation folder is not in train")
    assert "(did you mean 'cat'?)" in text


def test_an_empty_validation_folder(tmp_path):
    make_folder(tmp_path, {"train/cat": 4, "train/dog": 4})
    (tmp_path / "val/cat").mkdir(parents=True)
    fails(tmp_path, "there are no usable images in the validation folder")


def test_two_folders_for_one_split(tmp_path):
    counts = {f"{s}/{c}": 2 for s in ("train", "val", "valid") for c in ("cat", "dog")}
    make_folder(tmp_path, counts)
    fails(tmp_path, "more than one folder is the validation split: 'val', 'valid'")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_share": -0.1}, "got -0.1 and 0.15"),
        ({"validation_share": 0.6, "test_share": 0.4}, "got 0.6 and 0.4"),
        ({"max_broken_share": 5}, "within 0 and 1, got 5"),
    ],
)
def test_bad_shares(tmp_path, options, message):
    fails(tmp_path, message, **options)


# ------------------------------------------------------------------- suggesting a shape


def folder_of(root, sizes, mode="RGB"):
    for number, (height, width) in enumerate(sizes):
        for name in ("cat", "dog"):
            pixels = RNG.integers(0, 256, (height, width), dtype=np.uint8)
            put(root / name / f"{number}.png", Image.fromarray(pixels).convert(mode))
    return scan_image_folder(root, validation_share=0, test_share=0)


def test_common_size_is_the_median_rounded(tmp_path):
    folder = folder_of(tmp_path, [(20, 30), (27, 45), (300, 500)])
    assert folder.median_size == (27, 45)
    assert common_size(folder) == (24, 48, 1)  # grey, although stored as RGB
    assert common_size(folder, multiple=4, largest=30) == (16, 28, 1)
    assert all(type(side) is int for side in common_size(folder))


def test_common_size_has_three_channels_as_soon_as_one_image_has_colour(tmp_path):
    assert common_size(folder_of(tmp_path / "grey", [(3, 3)] * 3, "L")) == (8, 8, 1)
    folder_of(tmp_path / "mixed", [(33, 33)] * 3, "L")
    image = Image.new("RGB", (33, 33))
    image.putpixel((5, 7), (1, 0, 0))  # a place that the sample of pixels leaves out
    put(tmp_path / "mixed" / "cat" / "red.png", image)
    folder = scan_image_folder(tmp_path / "mixed", validation_share=0, test_share=0)
    assert common_size(folder) == (32, 32, 3)


# ---------------------------------------------------------------------------- the files


@pytest.mark.parametrize("module", [folders, files])
def test_examples_in_the_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_importing_is_cheap():
    code = (
        "import sys, kerazoo.harness.images.folders;"
        "print([m for m in ('PIL', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
