"""Reading image files of every kind."""

import warnings

import numpy as np
import pytest
from picture_files import RNG, colour, png, put
from PIL import Image

from kerazoo.harness.images.files import read_image, read_images
from kerazoo.harness.images.folders import scan_image_folder

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
    result = read_images(paths, 6, 5, 3, "stretch")
    assert result.shape == (20, 6, 5, 3) and result.dtype == np.uint8
    for value, path in enumerate(paths):
        assert (result[value] == value).all()
        np.testing.assert_array_equal(
            result[value], read_image(path, 6, 5, 3, "stretch")
        )
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
