"""Scanning folders of images: broken files, splits, notes."""

import io
import os
import shutil
import sys
import time
import unicodedata

import numpy as np
import pytest
from picture_files import colour, files, make_folder, png, put

from kerazoo.harness.images import files as reading, folders
from kerazoo.harness.images.files import read_images
from kerazoo.harness.images.folders import scan_image_folder

# ---------------------------------------------------------------------- broken files


def noise_bytes(kind):
    """Make a file whose pixel data is long, so that half of it is surely cut off."""
    buffer = io.BytesIO()
    colour(40, 40).save(buffer, kind)
    return buffer.getvalue()


def flip_a_bit(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


BROKEN = {
    "empty.png": (b"", "empty"),
    "text.png": (b"this is text, not pixels", "not a readable image.*this is text"),
    "cut.png": (noise_bytes("PNG")[:2000], "^damaged: .*truncated"),
    "cut.jpg": (noise_bytes("JPEG")[:-200], "^damaged: .*truncated"),
    "cut.bmp": (noise_bytes("BMP")[:-9], "^damaged: .*truncated"),
    "cut.gif": (noise_bytes("GIF")[:-99], "^damaged: .*truncated"),
    "cut.webp": (noise_bytes("WEBP")[:-99], "damaged"),
    "flipped.png": (flip_a_bit(noise_bytes("PNG"), 20), "damaged|not a readable"),
    "bomb.png": (png(9000, 9000, 1, 0, [b"\0"]), "9000 x 9000 pixels.*80,000,000"),
    "bomb2.png": (png(12000, 12000, 1, 0, [b"\0"]), "pixels.*80,000,000.*bomb"),
    "bomb3.png": (png(60000, 60000, 1, 0, [b"\0"]), "pixels.*80,000,000.*bomb"),
    "script.png": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "not a readable",
    ),
}


@pytest.fixture(scope="module")
def with_broken_files(tmp_path_factory):
    root = make_folder(tmp_path_factory.mktemp("broken"), {"cat": 8, "dog": 8})
    for name, (data, _) in BROKEN.items():
        (root / "cat" / name).write_bytes(data)
    return root


def test_every_broken_file_is_found_with_its_reason(with_broken_files):
    folder = scan_image_folder(with_broken_files, max_broken_share=0.5)
    reasons = {path.name: reason for path, reason in folder.broken}
    assert reasons.keys() == BROKEN.keys()
    for name, (_, expected) in BROKEN.items():
        with pytest.raises(ValueError, match=expected):
            raise ValueError(reasons[name])
    used = {path for samples in folder.splits.values() for path, _ in samples}
    assert len(used) == 16
    report = folder.report(most=3)
    assert "12 broken files are skipped" in report
    assert "  … and 9 more" in report
    assert f"cat/bomb.png: {reasons['bomb.png']}" in report


def test_too_many_broken_files_stop_with_the_list(with_broken_files):
    with pytest.raises(ValueError, match="12 of 28 images are broken") as caught:
        scan_image_folder(with_broken_files, max_broken_share=0.42)  # 12/28 = .4286
    message = str(caught.value)
    assert "42.0%" in message and "cat/bomb.png: 9000 x 9000" in message
    assert "… and 2 more" in message
    scan_image_folder(with_broken_files, max_broken_share=0.43)


def test_what_the_scan_passes_can_be_read(tmp_path):
    """Flip bytes at random; each file is either listed or reads without an error."""
    rng = np.random.default_rng(1)
    make_folder(tmp_path, {"cat": 3, "dog": 3})
    for kind in ("png", "jpeg", "gif", "bmp", "webp"):
        whole = noise_bytes(kind)
        for number in range(20):
            data = bytearray(whole)
            for position in rng.integers(0, 200, 2):
                data[position] = rng.integers(0, 256)
            (tmp_path / "cat" / f"{kind}{number}.{kind}").write_bytes(data)
    folder = scan_image_folder(tmp_path, max_broken_share=1)
    used = [path for samples in folder.splits.values() for path, _ in samples]
    assert len(used) > 6 and len(folder.broken) > 6
    assert len(used) + len(folder.broken) == 106
    read_images(used, 8, 8, 3)


def test_a_file_without_permission_is_broken(tmp_path, monkeypatch):
    make_folder(tmp_path, {"cat": 4, "dog": 4})
    secret = tmp_path / "cat" / "0.png"
    secret.chmod(0)
    if os.access(secret, os.R_OK):  # root may read everything
        read_bytes = type(tmp_path).read_bytes

        def refuse(path):
            if path == secret:
                raise PermissionError(13, "Permission denied", str(path))
            return read_bytes(path)

        monkeypatch.setattr(type(tmp_path), "read_bytes", refuse)
    folder = scan_image_folder(tmp_path, max_broken_share=0.2)
    assert folder.broken == [(secret, "cannot be opened: Permission denied")]


def test_a_class_left_empty_by_broken_files(tmp_path):
    make_folder(tmp_path, {"cat": 30})
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "1.png").write_bytes(b"")
    with pytest.raises(
        ValueError, match="no usable image in the class folder 'dog'"
    ) as e:
        scan_image_folder(tmp_path)
    assert "dog/1.png: the file is empty" in str(e.value)


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_names_that_are_not_utf8(tmp_path):
    make_folder(tmp_path, {"cat": 4, "dog": 4})
    name = os.path.join(os.fsencode(tmp_path), b"cat", b"\xff.png")
    shutil.copy(tmp_path / "cat" / "0.png", name)
    folder = scan_image_folder(tmp_path, max_broken_share=0.2)
    assert [reason for _, reason in folder.broken] == [
        "its name is not valid UTF-8; rename it"
    ]
    folder.report().encode()  # can be printed
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"\xfe"))
    with pytest.raises(ValueError, match="rename the class folder") as caught:
        scan_image_folder(tmp_path)
    str(caught.value).encode()


# ----------------------------------------------------------------------------- splits


def test_one_folder_is_split_by_class(tmp_path):
    make_folder(tmp_path, {"cat": 20, "dog": 10, "owl": 3})
    folder = scan_image_folder(tmp_path, validation_share=0.2, test_share=0.1, seed=1)
    assert folder.labels == ["cat", "dog", "owl"]
    counts = {
        split: [sum(label == k for _, label in samples) for k in range(3)]
        for split, samples in folder.splits.items()
    }
    assert counts == {"train": [14, 7, 1], "validation": [4, 2, 1], "test": [2, 1, 1]}
    everything = [path for samples in folder.splits.values() for path, _ in samples]
    assert sorted(everything) == sorted(tmp_path.glob("*/*.png"))  # each exactly once
    for samples in folder.splits.values():
        for path, label in samples:
            assert path.parent.name == folder.labels[label]
    assert "validation is a random 20% of each class (it has no folder)" in folder.notes


def test_large_shares_leave_one_image_for_each_split(tmp_path):
    make_folder(tmp_path, {"cat": 4, "dog": 4})
    folder = scan_image_folder(tmp_path, validation_share=0.9, test_share=0.05)
    assert [len(folder.splits[s]) for s in folders.SPLITS] == [2, 4, 2]


def test_the_split_hangs_on_seed_and_contents_only(tmp_path, monkeypatch):
    root = make_folder(tmp_path / "one", {"cat": 12, "dog": 12})
    first = scan_image_folder(root)
    assert scan_image_folder(root) == first

    names = [sorted(files(scan_image_folder(root, seed=s), "test")) for s in range(4)]
    assert len({tuple(n) for n in names}) > 1

    other = tmp_path / "two"  # written in the opposite order
    for path in sorted(root.glob("*/*"), reverse=True):
        (other / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, other / path.parent.name)
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            self.entries = scandir(path)

        def __enter__(self):
            return reversed(list(self.entries))

        def __exit__(self, *args):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Backwards)
    second = scan_image_folder(other)
    for split in folders.SPLITS:
        assert files(second, split) == files(first, split)
    assert second.digest == first.digest


def test_renaming_files_moves_none_to_another_split(tmp_path):
    make_folder(tmp_path, {"cat": 9, "dog": 9})
    before = scan_image_folder(tmp_path)
    contents = {path.read_bytes() for path, _ in before.splits["test"]}
    for path in list(tmp_path.glob("*/*.png")):
        path.rename(path.with_name(f"x{9 - int(path.stem)}.png"))
    after = scan_image_folder(tmp_path)
    assert {path.read_bytes() for path, _ in after.splits["test"]} == contents
    assert after.digest != before.digest


def test_equal_files_stay_on_one_side(tmp_path):
    make_folder(tmp_path, {"cat": 6, "dog": 6})
    for path in list(tmp_path.glob("*/*.png")):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    folder = scan_image_folder(tmp_path, validation_share=0.3, test_share=0.3)
    contents = [
        {path.read_bytes() for path, _ in samples} for samples in folder.splits.values()
    ]
    assert [len(c) for c in contents] == [4, 4, 4]
    assert len(set.union(*contents)) == 12
    assert not any("leak" in note for note in folder.notes)


def test_given_splits_stay_as_they_are(tmp_path):
    counts = {f"{s}/{c}": 2 for s in ("Train", "val", "test") for c in ("cat", "dog")}
    folder = scan_image_folder(make_folder(tmp_path, counts))
    assert files(folder, "train") == [
        f"Train/{name}/{number}.png" for name in ("cat", "dog") for number in (0, 1)
    ]
    assert all(f.startswith("val/") for f in files(folder, "validation"))
    assert all(f.startswith("test/") for f in files(folder, "test"))
    assert [len(samples) for samples in folder.splits.values()] == [4, 4, 4]
    assert folder.notes == [] and folder.broken == []


@pytest.mark.parametrize("name", ["val", "valid", "validation", "test", None])
def test_a_missing_split_is_taken_from_train(tmp_path, name):
    make_folder(tmp_path, {"train/cat": 10, "train/dog": 10})
    if name:
        make_folder(tmp_path, {f"{name}/cat": 3, f"{name}/dog": 3})
    folder = scan_image_folder(tmp_path, validation_share=0.2, test_share=0.3)
    sizes = {split: len(samples) for split, samples in folder.splits.items()}
    if name == "test":
        assert sizes == {"train": 16, "validation": 4, "test": 6}
        assert all(f.startswith("train/") for f in files(folder, "validation"))
    elif name:
        assert sizes == {"train": 14, "validation": 6, "test": 6}
        assert all(f.startswith("train/") for f in files(folder, "test"))
    else:
        assert sizes == {"train": 10, "validation": 4, "test": 6}


def test_a_share_of_zero_leaves_a_split_empty(tmp_path):
    make_folder(tmp_path, {"cat": 2, "dog": 1})
    folder = scan_image_folder(tmp_path, validation_share=0, test_share=0)
    assert [len(samples) for samples in folder.splits.values()] == [3, 0, 0]


def test_a_class_may_be_called_train(tmp_path):
    make_folder(tmp_path, {"bus": 3, "train": 3, "test": 3})
    assert scan_image_folder(tmp_path).labels == ["bus", "test", "train"]


def test_a_test_folder_without_classes_is_no_split(tmp_path):
    make_folder(tmp_path, {"train/cat": 4, "train/dog": 4, "test": 5, "extra": 2})
    folder = scan_image_folder(tmp_path)
    assert all(f.startswith("train/") for f in files(folder, "test"))
    assert "ignored split folders without class folders: 1 (test)" in folder.notes
    assert "ignored folders beside the splits: 1 (extra)" in folder.notes


def test_class_names_are_the_same_in_both_unicode_forms(tmp_path):
    composed, apart = (unicodedata.normalize(f, "Käfer") for f in ("NFC", "NFD"))
    assert composed != apart
    make_folder(tmp_path, {f"train/{apart}": 3, "train/猫": 3})
    make_folder(tmp_path, {f"test/{composed}": 2, "test/猫": 2})
    folder = scan_image_folder(tmp_path)
    assert folder.labels == [composed, "猫"]
    assert [label for _, label in folder.splits["test"]] == [0, 0, 1, 1]


# ------------------------------------------------------------------- notes and digest


def test_what_is_ignored_is_said(tmp_path):
    root = make_folder(tmp_path / "photos", {"cat": 4, "dog": 4})
    outside = put(tmp_path / "outside.png")
    cat = root / "cat"
    (cat / ".DS_Store").write_bytes(b"x")
    (cat / "._0.png").write_bytes(b"\0\5\x16\7")
    (cat / "notes.txt").write_text("x")
    (cat / "b.heic").write_text("x")
    (cat / "README").write_text("x")
    (cat / "out.png").symlink_to(outside)
    (cat / "dangling.png").symlink_to(cat / "gone.png")
    (cat / "loop.png").symlink_to(cat / "loop.png")
    os.mkfifo(cat / "pipe.png")
    put(cat / "more" / "0.png")
    put(root / ".thumbs" / "0.png")
    put(root / "__MACOSX" / "0.png")
    put(root / "cover.png")
    shutil.copy(cat / "0.png", cat / "UPPER.PNG")
    folder = scan_image_folder(root, validation_share=0, test_share=0)
    assert folder.labels == ["cat", "dog"]
    assert len(folder.splits["train"]) == 9 and folder.broken == []
    assert folder.notes == [
        "ignored AppleDouble files of macOS (._…): 1 (cat/._0.png)",
        "ignored files with other suffixes: 3 (none: 1, .heic: 1, .txt: 1)",
        "ignored folders made by the system: 1 (__MACOSX)",
        "ignored folders within a class: 1 (cat/more)",
        "ignored hidden files and folders: 2 (.thumbs, cat/.DS_Store)",
        "ignored images outside of a class folder: 1 (cover.png)",
        "ignored links out of the folder: 1 (cat/out.png)",
        "ignored links to nothing: 2 (cat/dangling.png, cat/loop.png)",
        "ignored neither files nor folders: 1 (cat/pipe.png)",
    ]
    assert folder.report().endswith(folder.notes[-1])
    assert folder.report().startswith(f"{root}: 2 classes; 9 train, 0 validation")


def test_links_within_the_folder_are_followed(tmp_path):
    make_folder(tmp_path / "photos", {"train/cat": 3, "train/dog": 3})
    (tmp_path / "photos/val/cat").mkdir(parents=True)
    (tmp_path / "photos/val/cat/9.png").symlink_to("../../train/cat/0.png")
    (tmp_path / "photos/val/dog").symlink_to("../train/dog")
    (tmp_path / "link").symlink_to(tmp_path / "photos")  # to the whole: fine
    folder = scan_image_folder(tmp_path / "link", test_share=0)
    assert files(folder, "validation") == ["val/cat/9.png"] + [
        f"val/dog/{n}.png" for n in range(3)
    ]
    assert any(n.startswith("leak: 4 of 4 validation images") for n in folder.notes)


def test_the_same_bytes_in_two_splits_are_a_leak(tmp_path):
    counts = {f"{s}/{c}": 3 for s in ("train", "val", "test") for c in ("cat", "dog")}
    make_folder(tmp_path, counts)
    shutil.copy(tmp_path / "train/cat/0.png", tmp_path / "test/cat/9.png")
    shutil.copy(tmp_path / "train/cat/0.png", tmp_path / "test/dog/9.png")
    shutil.copy(tmp_path / "val/dog/1.png", tmp_path / "test/dog/8.png")
    notes = scan_image_folder(tmp_path).notes
    assert len(notes) == 3
    assert notes[0].startswith("leak: 2 of 9 test images are also in train")
    assert "test/cat/9.png = train/cat/0.png" in notes[0]
    assert notes[1].startswith("leak: 1 of 9 test images are also in validation")
    assert notes[2].endswith("more than one class, byte for byte: 1")


def test_classes_without_test_images_are_said(tmp_path):
    counts = {"train/cat": 3, "train/dog": 3, "val/cat": 1, "val/dog": 1, "test/cat": 1}
    make_folder(tmp_path, counts)
    (tmp_path / "test/dog").mkdir()
    folder = scan_image_folder(tmp_path)
    assert folder.notes == ["there are no test images of: dog"]


def test_the_digest_follows_names_and_contents_alone(tmp_path):
    root = make_folder(tmp_path / "a", {"cat": 4, "dog": 4})
    shutil.copytree(root, tmp_path / "b")
    digest = scan_image_folder(root).digest
    assert len(digest) == 64
    assert scan_image_folder(tmp_path / "b", seed=5).digest == digest
    put(tmp_path / "b" / "cat" / "0.png")
    assert scan_image_folder(tmp_path / "b").digest != digest


def test_an_interrupt_does_not_wait_for_the_rest():
    started = []

    def work(item):
        started.append(item)
        time.sleep(0.001)

    results = reading.map_threads(work, range(2000))
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert len(started) < 1000
