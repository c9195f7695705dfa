"""Picture files that tests write, and folders of them."""

import struct
import zlib

import numpy as np
from PIL import Image

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
