"""Read one image file, of whatever kind, into an array: the same way everywhere.

Training, evaluation and prediction call `read_image`, so that a model meets the same
pixels in all three. Pillow is imported on first use only.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

# Files are told by their content: other Pillow plugins may start external programs.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
# 8944 x 8944. It lies below the size at which Pillow itself begins to warn.
MAX_PIXELS = 80_000_000
RESIZES = ("crop", "pad", "stretch")


def read_image(
    path: str | os.PathLike,
    height: int,
    width: int,
    channels: int,
    resize: str = "crop",
) -> np.ndarray:
    """Read an image file of any size and mode as 8-bit pixels of one shape.

    - EXIF rotation is applied. Of an animation the first frame is read.
    - Transparent pixels are laid on white.
    - 16-bit grey is scaled to 8 bits (v / 257, rounded). 32-bit integers are taken for
      16-bit values; floats for 0..1, or for 0..255 where any is above 1. Of 16-bit
      colour Pillow keeps the high byte.
    - Colour to grey is ITU-R 601 luma. CMYK is converted without colour profile, with
      JPEG's inverted values (Adobe's convention) turned back.
    - Resizing is bilinear with antialiasing, after the conversion to `channels`.

    Args:
        path: a PNG, JPEG, BMP, GIF, WebP or TIFF file; told by its content, not by its
            name.
        height: of the result, in pixels.
        width: of the result, in pixels.
        channels: 1 for grey or 3 for red, green, blue.
        resize: what happens to another aspect ratio: `"crop"` fills the shape and cuts
            what stands out on both sides, `"pad"` fits the whole image in and adds
            black on both sides, `"stretch"` distorts.

    Shapes:
        result: (height, width, channels), uint8, 0 to 255.

    Raises:
        ValueError: a bad argument, or a file that cannot be decoded, with the reason.
        OSError: a file that is missing or may not be read.
    """
    _check_shape(height, width, channels, resize)
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder; give its images, {path}/*")
    try:
        image = decode(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"cannot read the image {path}: {error}") from error
    image = _resized(
        image.convert("L" if channels == 1 else "RGB"), height, width, resize
    )
    return np.array(image).reshape(height, width, channels)


def read_images(
    paths: Sequence[str | os.PathLike],
    height: int,
    width: int,
    channels: int,
    resize: str = "crop",
) -> np.ndarray:
    """Read many image files into one array, with several threads.

    Args:
        paths: the files, as in `read_image`.
        height: as in `read_image`.
        width: as in `read_image`.
        channels: as in `read_image`.
        resize: as in `read_image`.

    Shapes:
        result: (len(paths), height, width, channels), uint8, 0 to 255.

    Raises:
        ValueError: as in `read_image`.
        OSError: as in `read_image`.
    """
    _check_shape(height, width, channels, resize)
    images = np.empty((len(paths), height, width, channels), np.uint8)

    def read(path: str | os.PathLike) -> np.ndarray:
        return read_image(path, height, width, channels, resize)

    for index, image in enumerate(map_threads(read, paths)):
        images[index] = image
    return images


def decode(data: bytes) -> "Image.Image":
    """Decode a whole image file to an upright 8-bit image without transparency.

    Args:
        data: the file's content.

    Returns:
        A Pillow image of mode `"L"` (grey files) or `"RGB"`, in its own size.

    Raises:
        ValueError: the content is no image, or a broken or too large one. The message
            is the reason, to be shown after the file's name.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not data:
        raise ValueError("the file is empty (0 bytes)")
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(
                f"{image.width} x {image.height} pixels, above the limit of "
                f"{MAX_PIXELS:,} (a decompression bomb?)"
            )
        image.load()
    except UnidentifiedImageError:
        raise ValueError(
            f"not a readable image: it begins with {data[:24]!r}"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            f"more pixels than the limit of {MAX_PIXELS:,} (a decompression bomb?)"
        ) from None
    except ValueError:
        raise
    except Exception as error:  # on damaged data Pillow raises nearly anything
        raise ValueError(f"damaged: {error or type(error).__name__}") from error
    with contextlib.suppress(Exception):  # a broken EXIF block tells no rotation
        image = ImageOps.exif_transpose(image)
    return _eight_bits(image)


def map_threads(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Yield `function(item)` for each item, in order, computed by several threads.

    Pillow's warnings on odd metadata are silenced meanwhile: here and not in each call,
    because before Python 3.14 the filters belong to all threads together.

    Args:
        function: what a thread runs; Pillow releases the GIL while it decodes.
        items: its arguments.
    """
    threads = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    with warnings.catch_warnings(), threads as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield from pool.map(function, items)  # which cancels the others on Ctrl-C


def _check_shape(height: int, width: int, channels: int, resize: str) -> None:
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1, got {height}, {width}")
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour), got {channels}")
    if resize not in RESIZES:
        raise ValueError(f"resize must be one of {', '.join(RESIZES)}, got {resize!r}")


def _eight_bits(image: "Image.Image") -> "Image.Image":
    """Convert any mode to `"L"` or `"RGB"`."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_scaled(np.asarray(image)))
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    return image.convert("L" if grey else "RGB")


def _scaled(values: np.ndarray) -> np.ndarray:
    """Scale 16-bit, 32-bit or float values to uint8."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError("it holds values that are not finite")
        scale = 255.0 if values.max() <= 1 else 1.0
        return np.rint(np.clip(values * scale, 0, 255)).astype(np.uint8)
    # 65535 = 255 * 257: a white of 16 bits becomes the white of 8.
    return ((np.clip(values, 0, 65535).astype(np.int32) + 128) // 257).astype(np.uint8)


def _resized(
    image: "Image.Image", height: int, width: int, resize: str
) -> "Image.Image":
    from PIL import Image, ImageOps

    bilinear = Image.Resampling.BILINEAR
    if resize == "stretch":
        return image.resize((width, height), bilinear)
    if resize == "crop":
        return ImageOps.fit(image, (width, height), bilinear)
    # Not ImageOps.pad: it fails where a very long image becomes 0 pixels wide.
    scale = min(width / image.width, height / image.height)
    inner_width = max(1, round(image.width * scale))
    inner_height = max(1, round(image.height * scale))
    padded = Image.new(image.mode, (width, height))
    padded.paste(
        image.resize((inner_width, inner_height), bilinear),
        ((width - inner_width) // 2, (height - inner_height) // 2),
    )
    return padded
