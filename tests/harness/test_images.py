"""Reading image files of every kind, and scanning folders of them."""

import doctest
import io
import os
import shutil
import struct
import subprocess
import sys
import time
import unicodedata
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from kerazoo.harness import image_files, images
from kerazoo.harness.images import (
    common_size,
    read_image,
    read_images,
    scan_image_folder,
)

RNG = np.random.default_rng(0)


def colour(height=9, width=7):
    """Make an image that equals no other one."""
    return Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))


def put(path, image=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or colour()).save(path, **options)
    return path


def make_folder(root, counts, suffix=".png"):
    """`{"train/cat": 3}` → three images in that folder."""
    for folder, count in counts.items():
        for number in range(count):
            put(root / folder / f"{number}{suffix}")
    return root


def png(width, height, depth, kind, rows, *extra):
    """Write a PNG by hand, for what Pillow cannot write."""

    def chunk(name, data):
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = b"".join(chunk(name, data) for name, data in extra)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + body
        + pixels
        + chunk(b"IEND", b"")
    )


def files(folder, split):
    return [str(path.relative_to(folder.root)) for path, _ in folder.splits[split]]


# ---------------------------------------------------------------- pixels of one file


def test_rgb_is_read_as_it_is_and_as_luma(tmp_path):
    image = colour(5, 4)
    path = put(tmp_path / "a.png", image)
    rgb = np.asarray(image)
    result = read_image(path, 5, 4, 3)
    assert result.dtype == np.uint8 and result.flags.writeable
    np.testing.assert_array_equal(result, rgb)
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    grey = read_image(str(path), 5, 4, 1)
    assert grey.shape == (5, 4, 1)
    np.testing.assert_allclose(grey[..., 0], luma, atol=0.51)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp", "tif"])
def test_lossless_formats_keep_grey_values(tmp_path, suffix):
    values = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
    options = {"lossless": True} if suffix == "webp" else {}
    path = put(tmp_path / f"a.{suffix}", Image.fromarray(values), **options)
    np.testing.assert_array_equal(read_image(path, 6, 8, 1)[..., 0], values)
    np.testing.assert_array_equal(
        read_image(path, 6, 8, 3), np.repeat(values[..., None], 3, axis=2)
    )


def test_jpeg_is_near_the_original(tmp_path):
    flat = Image.new("RGB", (16, 8), (200, 30, 90))
    path = put(tmp_path / "a.jpg", flat, quality=95)
    result = read_image(path, 8, 16, 3).astype(int)
    np.testing.assert_allclose(
        result, np.broadcast_to((200, 30, 90), result.shape), atol=3
    )


def test_bilevel_becomes_black_and_white(tmp_path):
    bits = RNG.integers(0, 2, (4, 6)).astype(bool)
    path = put(tmp_path / "a.png", Image.fromarray(bits))
    np.testing.assert_array_equal(read_image(path, 4, 6, 1)[..., 0], bits * 255)


def test_16_bit_grey_is_divided_by_257(tmp_path):
    ramp = np.linspace(0, 65535, 240).astype(np.uint16).reshape(12, 20)
    path = put(tmp_path / "a.png", Image.fromarray(ramp))
    expected = np.rint(ramp / 257)
    np.testing.assert_array_equal(read_image(path, 12, 20, 1)[..., 0], expected)
    assert expected.max() == 255 and expected.min() == 0


def test_16_bit_big_endian_grey(tmp_path):
    ramp = np.arange(0, 65536, 4096, dtype=np.uint16).reshape(4, 4)
    image = Image.frombytes("I;16B", (4, 4), ramp.astype(">u2").tobytes())
    path = put(tmp_path / "a.tif", image)
    np.testing.assert_array_equal(
        read_image(path, 4, 4, 1)[..., 0], np.rint(ramp / 257)
    )


def test_16_bit_colour_keeps_the_high_byte(tmp_path):
    values = RNG.integers(0, 65536, (3, 4, 3), dtype=np.uint16)
    rows = [row.astype(">u2").tobytes() for row in values]
    path = tmp_path / "a.png"
    path.write_bytes(png(4, 3, 16, 2, rows))
    np.testing.assert_array_equal(read_image(path, 3, 4, 3), values >> 8)


def test_32_bit_integers_are_taken_for_16_bit_values(tmp_path):
    values = np.array([[-5, 0, 257], [25700, 65535, 2_000_000]], np.int32)
    path = put(tmp_path / "a.tif", Image.fromarray(values))
    np.testing.assert_array_equal(
        read_image(path, 2, 3, 1)[..., 0], [[0, 0, 1], [100, 255, 255]]
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 0.2, 1.0]], [[0, 51, 255]]),
        ([[-3.0, 99.6, 300.0]], [[0, 100, 255]]),
    ],
)
def test_floats_are_unit_or_byte_values(tmp_path, values, expected):
    path = put(tmp_path / "a.tif", Image.fromarray(np.array(values, np.float32)))
    np.testing.assert_array_equal(read_image(path, 1, 3, 1)[..., 0], expected)


def test_floats_that_are_not_finite_are_refused(tmp_path):
    image = Image.fromarray(np.array([[0.5, np.nan]], np.float32))
    with pytest.raises(ValueError, match="not finite"):
        read_image(put(tmp_path / "a.tif", image), 1, 2, 1)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_laid_on_white(tmp_path, mode):
    alpha = np.array([[0, 51, 128, 255]], np.uint8)
    value = np.full((1, 4), 40, np.uint8)
    planes = [value, alpha] if mode == "LA" else [value, value, value, alpha]
    path = put(tmp_path / "a.png", Image.fromarray(np.stack(planes, -1)))
    share = alpha / 255
    expected = 40 * share + 255 * (1 - share)
    for channels in (1, 3):
        result = read_image(path, 1, 4, channels)
        np.testing.assert_allclose(result[..., 0], expected, atol=1)
    assert result[0, 0, 0] == 255 and result[0, 3, 0] == 40


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 128])])
def test_palette_with_transparency(tmp_path, transparency):
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    path = put(tmp_path / "a.png", image, transparency=transparency)
    result = read_image(path, 1, 3, 3)[0]
    third = [0, 0, 255] if transparency == 1 else [127, 127, 255]
    np.testing.assert_array_equal(result, [[255, 0, 0], [255, 255, 255], third])


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_one_transparent_colour_becomes_white(tmp_path, mode):
    image = Image.new(mode, (2, 1))  # black
    image.putpixel((1, 0), {"L": 90, "RGB": (90, 90, 90), "1": 1}[mode])
    key = (0, 0, 0) if mode == "RGB" else 0
    path = put(tmp_path / "a.png", image, transparency=key)
    second = 255 if mode == "1" else 90
    np.testing.assert_array_equal(read_image(path, 1, 2, 1)[0, :, 0], [255, second])


def test_cmyk_jpeg_is_not_inverted(tmp_path):
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))  # cyan: no red
    image.paste((0, 0, 0, 128), (8, 0, 16, 16))  # half black
    path = put(tmp_path / "a.jpg", image, quality=95, subsampling=0)
    assert b"Adobe" in path.read_bytes()[:200]  # its values are stored inverted
    result = read_image(path, 16, 16, 3).astype(int)
    np.testing.assert_allclose(result[4, 2], [0, 255, 255], atol=4)
    np.testing.assert_allclose(result[4, 13], [127, 127, 127], atol=4)


def test_exif_orientation_6_turns_a_quarter_clockwise(tmp_path):
    stored = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = put(tmp_path / "a.png", Image.fromarray(stored), exif=exif)
    # Orientation 6: the first stored row is the right side of the picture.
    expected = np.zeros((6, 4), np.uint8)
    for row in range(4):
        for column in range(6):
            expected[column, 3 - row] = stored[row, column]
    np.testing.assert_array_equal(read_image(path, 6, 4, 1)[..., 0], expected)


def test_a_broken_exif_block_does_not_hinder(tmp_path):
    image = Image.new("L", (8, 8), 100)
    path = put(
        tmp_path / "cat" / "a.jpg", image, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"
    )
    put(tmp_path / "dog" / "a.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert abs(int(read_image(path, 8, 8, 1).mean()) - 100) <= 1
    assert any("EXIF" in str(w.message) for w in caught)  # Pillow did mind
    read_images([path], 8, 8, 1)  # warnings are errors here: none comes out
    folder = scan_image_folder(tmp_path, validation_share=0, test_share=0)
    assert folder.broken == []


def test_first_frame_of_an_animation(tmp_path):
    first, second = (Image.new("RGB", (4, 3), c) for c in ("red", "blue"))
    for suffix in ("gif", "png", "webp"):
        options = {"lossless": True} if suffix == "webp" else {}
        path = tmp_path / f"a.{suffix}"
        first.save(path, save_all=True, append_images=[second], **options)
        result = read_image(path, 3, 4, 3)
        assert (result == (255, 0, 0)).all(), suffix


def test_content_counts_and_not_the_name(tmp_path):
    path = put(tmp_path / "a.png", Image.new("L", (2, 2), 7), format="BMP")
    assert (read_image(path, 2, 2, 1) == 7).all()


# -------------------------------------------------------------------------- resizing


def bars(height=4, width=8):
    """Columns 10, 20, 30, …"""
    row = np.arange(10, 10 * width + 10, 10, dtype=np.uint8)
    return Image.fromarray(np.tile(row, (height, 1)))


def test_crop_cuts_both_sides(tmp_path):
    path = put(tmp_path / "a.png", bars())
    np.testing.assert_array_equal(
        read_image(path, 4, 4, 1, "crop")[..., 0], [[30, 40, 50, 60]] * 4
    )


def test_pad_adds_black_on_both_sides(tmp_path):
    path = put(tmp_path / "a.png", bars())
    result = read_image(path, 8, 8, 1, "pad")[..., 0]
    np.testing.assert_array_equal(result[2:6], np.asarray(bars()))
    assert (result[:2] == 0).all() and (result[6:] == 0).all()


def test_stretch_uses_the_whole_image(tmp_path):
    path = put(tmp_path / "a.png", Image.new("L", (9, 3), 50))
    assert (read_image(path, 6, 2, 1, "stretch") == 50).all()
    wide = put(tmp_path / "b.png", bars())
    narrow = read_image(wide, 4, 4, 1, "stretch")[0, :, 0].astype(int)
    np.testing.assert_allclose(narrow[1:3], [35, 55], atol=1)  # means of two bars
    assert narrow[0] < 20 and narrow[3] > 70


def test_shrinking_averages_so_that_no_detail_is_skipped(tmp_path):
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 255
    path = put(tmp_path / "a.png", Image.fromarray(checkers.astype(np.uint8)))
    result = read_image(path, 8, 8, 1)
    assert abs(result.astype(int) - 127).max() <= 2


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(1000, 1), (1, 1000), (1, 1)])
def test_extreme_shapes(tmp_path, resize, size):
    path = put(tmp_path / "a.png", Image.new("RGB", size, (9, 9, 9)))
    result = read_image(path, 5, 8, 3, resize)
    assert result.shape == (5, 8, 3)
    assert result.max() == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4, 3), "at least 1, got 0, 4"),
        ((4, 4, 2), "1 .grey. or 3 .colour., got 2"),
        ((4, 4, 3, "zoom"), "crop, pad, stretch, got 'zoom'"),
    ],
)
def test_bad_arguments(tmp_path, arguments, message):
    path = put(tmp_path / "a.png")
    with pytest.raises(ValueError, match=message):
        read_image(path, *arguments)
    with pytest.raises(ValueError, match=message):
        read_images([], *arguments)


def test_read_images_stacks_in_order(tmp_path):
    paths = [
        put(tmp_path / f"{v}.png", Image.new("L", (v + 1, 9), v)) for v in range(20)
    ]
    calls = []
    result = read_images(
        paths, 6, 5, 3, "stretch", progress=lambda *args: calls.append(args)
    )
    assert result.shape == (20, 6, 5, 3) and result.dtype == np.uint8
    for value, path in enumerate(paths):
        assert (result[value] == value).all()
        np.testing.assert_array_equal(
            result[value], read_image(path, 6, 5, 3, "stretch")
        )
    assert calls == [(done, 20) for done in range(1, 21)]
    assert read_images([], 6, 5, 1).shape == (0, 6, 5, 1)


def test_read_image_names_the_file_and_the_reason(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"hello, I am text")
    with pytest.raises(ValueError, match=r"a\.png.*not a readable image.*hello"):
        read_image(path, 4, 4, 3)
    with pytest.raises(ValueError, match=r"a\.png"):
        read_images([put(tmp_path / "b.png"), path], 4, 4, 3)
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.png", 4, 4, 3)


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
    assert [len(folder.splits[s]) for s in images.SPLITS] == [2, 4, 2]


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
    for split in images.SPLITS:
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


def test_progress_is_reported(tmp_path):
    make_folder(tmp_path, {"cat": 4, "dog": 4})
    calls = []
    scan_image_folder(tmp_path, progress=lambda *args: calls.append(args))
    assert calls == [(done, 8) for done in range(1, 9)]


def test_an_interrupt_does_not_wait_for_the_rest():
    started = []

    def work(item):
        started.append(item)
        time.sleep(0.001)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(image_files.map_threads(work, range(2000), interrupt))
    assert len(started) < 1000


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


@pytest.mark.parametrize("module", [images, image_files])
def test_examples_in_the_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_importing_is_cheap():
    code = (
        "import sys, kerazoo.harness.images;"
        "print([m for m in ('PIL', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
