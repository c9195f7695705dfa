"""Folders of images: what they hold, what is wrong with them, how they are split.

`scan_image_folder` decodes every file once, before training, so that no broken file
stops a run after an hour. `read_images` of `files.py` then reads the pixels.
"""

import hashlib
import itertools
import os
import statistics
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerazoo.harness.images.files import decode, map_threads
from kerazoo.harness.images.layout import (
    MOST_SHOWN,
    SPLITS,
    Found,
    Layout,
    broken_lines,
    printable,
)


@dataclass(frozen=True)
class ImageFolder:
    """What `scan_image_folder` found: the images to use, and all that it left out."""

    root: Path  # absolute
    labels: list[str]  # class names, sorted; a label index counts in this list
    splits: dict[str, list[tuple[Path, int]]]  # train, validation, test
    broken: list[tuple[Path, str]]  # file, reason; these are in no split
    notes: list[str]  # what was ignored or looks wrong, in plain language
    digest: str  # SHA-256 over the names, sizes and contents of all images used
    median_size: tuple[int, int]  # height, width of the train images, in pixels
    grey: bool  # every train image is without colour, however it is stored

    def report(self, most: int = MOST_SHOWN) -> str:
        """Say in a few lines what is in the folder and what is wrong with it.

        Args:
            most: how many broken files are listed; the others are counted.

        >>> ImageFolder(Path("/photos"), ["cat", "dog"],
        ...     {"train": [(Path("/photos/cat/1.jpg"), 0)]},
        ...     [(Path("/photos/dog/2.jpg"), "the file is empty (0 bytes)")],
        ...     [], "", (8, 8), False).report().splitlines()[1:]
        ['1 broken file is skipped:', '  dog/2.jpg: the file is empty (0 bytes)']
        """
        counts = ", ".join(f"{len(self.splits[s])} {s}" for s in self.splits)
        lines = [printable(f"{self.root}: {len(self.labels)} classes; {counts}")]
        if self.broken:
            files = "file is" if len(self.broken) == 1 else "files are"
            lines.append(f"{len(self.broken)} broken {files} skipped:")
            lines += broken_lines(self.broken, self.root, most)
        return "\n".join(lines + self.notes)


@dataclass(frozen=True)
class _Facts:
    """What is kept of an image after it was decoded for the check."""

    digest: str
    num_bytes: int
    height: int
    width: int
    grey: bool


def scan_image_folder(
    path: str | os.PathLike,
    *,
    validation_share: float = 0.15,
    test_share: float = 0.15,
    seed: int = 0,
    max_broken_share: float = 0.05,
) -> ImageFolder:
    """Find, check and split the images under `path`, before anything is trained.

    **Layout.** Either `path/<class>/*`, or `path/{train,val,test}/<class>/*`, where
    `validation`, `valid`, `training` and `testing` will do as well, in any case. A
    folder of such a name counts as a split when it has folders with images in it, so
    that a class may be called "train".

    **Split.** What is there as a folder stays as it is. A split that is missing, be it
    validation, test or both, is taken from train, class by class, and at least one
    image of each. The choice depends on the seed and the contents only, not on names
    or the order of the file system, and equal files never come to lie on two sides.

    **Used** are PNG, JPEG, BMP, GIF and WebP files (by suffix, in any case) lying
    directly in the folder of their class. **Ignored, with a note:** hidden files and
    folders, `._` files of macOS, other suffixes, folders within a class, links that
    lead out of `path` or to nothing, loose images beside class folders, empty folders
    of a given validation or test split. Class names are normalised (Unicode NFC), so
    that the same name written on different systems is one class.

    Args:
        path: the folder.
        validation_share: the part of train that becomes validation, where that is
            missing; 0 leaves it empty.
        test_share: the same for test.
        seed: of the split.
        max_broken_share: the share of files, 0 to 1, that may be broken and skipped.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: no usable layout, fewer than two classes, a class without images or
            with too few of them to split, too many broken files, or a bad argument.
            The message lists the files and shows the expected layout.
        OSError: a folder that may not be read.
    """
    if min(validation_share, test_share) < 0 or validation_share + test_share >= 1:
        raise ValueError(
            "validation_share and test_share must be at least 0 and together below 1, "
            f"got {validation_share} and {test_share}"
        )
    if not 0 <= max_broken_share <= 1:
        raise ValueError(
            f"max_broken_share must lie within 0 and 1, got {max_broken_share}"
        )
    layout = Layout(path)
    found = layout.found
    files = [
        p for classes in found.values() for paths in classes.values() for p in paths
    ]
    facts: dict[Path, _Facts] = {}
    broken: list[tuple[Path, str]] = []
    for file, result in zip(files, map_threads(_examine, files), strict=True):
        if isinstance(result, _Facts):
            facts[file] = result
        else:
            broken.append((file, result))
    if len(broken) > max_broken_share * len(files):
        layout.fail(
            f"{len(broken)} of {len(files)} images are broken, above the limit of "
            f"{max_broken_share:.1%} (max_broken_share)",
            broken,
            show_expected=False,
        )
    good = {
        split: {
            name: [p for p in paths if p in facts] for name, paths in classes.items()
        }
        for split, classes in found.items()
    }
    layout.check_filled(good, broken)

    shares = {"validation": validation_share, "test": test_share}
    shares = {s: share for s, share in shares.items() if share and s not in found}
    used = good | _split_train(good["train"], facts, shares, seed, layout)
    labels = sorted(used["train"])
    splits = {
        split: [
            (file, label)
            for label, name in enumerate(labels)
            for file in sorted(used.get(split, {}).get(name, []), key=layout.relative)
        ]
        for split in SPLITS
    }
    train = [facts[file] for file, _ in splits["train"]]
    return ImageFolder(
        root=layout.root,
        labels=labels,
        splits=splits,
        broken=broken,
        notes=[
            *_split_notes(used, shares),
            *_duplicate_notes(splits, facts, layout),
            *layout.notes(),
        ],
        digest=_digest(facts, layout),
        median_size=(
            int(statistics.median(f.height for f in train)),
            int(statistics.median(f.width for f in train)),
        ),
        grey=all(f.grey for f in train),
    )


def common_size(
    folder: ImageFolder, *, multiple: int = 8, largest: int = 224
) -> tuple[int, int, int]:
    """Suggest an input shape: the median size of the train images, within bounds.

    Args:
        folder: a scanned folder.
        multiple: height and width are rounded to a multiple of it, at least one.
        largest: the longer side is scaled down to it, in pixels.

    Returns:
        height, width, channels; one channel when no train image has colour.

    >>> common_size(ImageFolder(
    ...     Path("/"), [], {}, [], [], "", median_size=(600, 800), grey=False))
    (168, 224, 3)
    """
    scale = min(1.0, largest / max(folder.median_size))
    largest -= largest % multiple
    height, width = (
        min(largest, max(multiple, round(side * scale / multiple) * multiple))
        for side in folder.median_size
    )
    return height, width, 1 if folder.grey else 3


def _examine(file: Path) -> _Facts | str:
    """Decode a file as training will; the result is a string if that fails."""
    if printable(file.name) != file.name:
        return "its name is not valid UTF-8; rename it"
    try:
        data = file.read_bytes()
        image = decode(data)
    except OSError as error:
        return f"cannot be opened: {error.strerror or error}"
    except ValueError as error:
        return str(error)
    grey = image.mode == "L"
    if not grey:
        pixels = np.asarray(image)
        # A sample tells most colour images, and spares looking at the whole.
        grey = _is_grey(pixels[::16, ::16]) and _is_grey(pixels)
    digest = hashlib.sha256(data).hexdigest()
    return _Facts(digest, len(data), image.height, image.width, grey)


def _is_grey(pixels: np.ndarray) -> bool:
    return bool((pixels == pixels[..., :1]).all())


def _split_train(
    classes: dict[str, list[Path]],
    facts: dict[Path, _Facts],
    shares: dict[str, float],
    seed: int,
    layout: Layout,
) -> Found:
    """Take the missing splits from train; what remains is train."""
    found: Found = {split: {} for split in (*shares, "train")}
    for name, files in classes.items():
        groups = defaultdict(list)  # equal files stay together
        for file in files:
            groups[facts[file].digest].append(file)
        if len(groups) < len(found):
            layout.fail(
                f"too few images to split: class {name!r} has {len(groups)} different "
                f"ones, and {', '.join(found)} need one each",
                show_expected=False,
            )
        order = sorted(
            groups, key=lambda d: hashlib.sha256(f"{seed} {d}".encode()).digest()
        )
        for number, (split, share) in enumerate(shares.items()):
            still_needed = len(shares) - number  # one for each split that follows
            count = min(max(1, round(share * len(groups))), len(order) - still_needed)
            found[split][name] = [file for d in order[:count] for file in groups[d]]
            order = order[count:]
        found["train"][name] = [file for d in order for file in groups[d]]
    return found


def _split_notes(used: Found, shares: dict[str, float]) -> list[str]:
    notes = [
        f"{split} is a random {share:.0%} of each class (it has no folder)"
        for split, share in shares.items()
    ]
    for split, classes in used.items():
        missing = [name for name in used["train"] if not classes.get(name)]
        if missing:
            more = ", …" if len(missing) > MOST_SHOWN else ""
            names = ", ".join(missing[:MOST_SHOWN]) + more
            notes.append(f"there are no {split} images of: {names}")
    return notes


def _duplicate_notes(
    splits: dict[str, list[tuple[Path, int]]], facts: dict[Path, _Facts], layout: Layout
) -> list[str]:
    """Count the files that lie in two splits, or in two classes, byte for byte."""
    notes = []
    for first, second in itertools.combinations(SPLITS, 2):
        there = {facts[file].digest: file for file, _ in splits[first]}
        both = [file for file, _ in splits[second] if facts[file].digest in there]
        if both:
            twin = there[facts[both[0]].digest]
            notes.append(
                f"leak: {len(both)} of {len(splits[second])} {second} images are also "
                f"in {first}, byte for byte, so that {second} scores come out too high "
                f"({layout.relative(both[0])} = {layout.relative(twin)})"
            )
    labels = defaultdict(set)
    for file, label in itertools.chain(*splits.values()):
        labels[facts[file].digest].add(label)
    doubtful = sum(len(found) > 1 for found in labels.values())
    if doubtful:
        notes.append(
            f"images that lie in more than one class, byte for byte: {doubtful}"
        )
    return notes


def _digest(facts: dict[Path, _Facts], layout: Layout) -> str:
    lines = sorted(
        f"{layout.relative(file)}\0{f.num_bytes}\0{f.digest}\n"
        for file, f in facts.items()
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()
