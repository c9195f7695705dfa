"""Find the image files of a folder, by split and class, without opening them.

`folders.py` says in `scan_image_folder` how a folder is understood.
"""

import difflib
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")
SYSTEM_FOLDERS = ("__MACOSX", "@eaDir")  # macOS archives, Synology thumbnails
OTHER_SUFFIXES = "files with other suffixes"
MOST_SHOWN = 10

EXPECTED = """\
Expected: one folder per class, with {suffixes} files in it,

    {root}/
        cat/    1.jpg  2.jpg  …
        dog/    1.jpg  2.jpg  …

which is then split at random, or the same in folders of your own split:

    {root}/
        train/         cat/  dog/
        validation/    cat/  dog/    (or val/, valid/; without it: part of train/)
        test/          cat/  dog/    (without it: part of train/)"""

Broken = Sequence[tuple[Path, str]]
Found = dict[str, dict[str, list[Path]]]  # split → class → files


class Layout:
    """The image files under a folder, and what else lay there.

    Args:
        path: a folder that holds class folders, or split folders with class folders.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: it is no folder, or its layout is not understood.
    """

    def __init__(self, path: str | os.PathLike):
        self.root = _existing_folder(path)
        self.real_root = self.root.resolve()
        self.found: Found = {}
        self.ignored: dict[str, list[Path]] = defaultdict(list)
        self._find()
        self._check_classes()
        self.check_filled(self.found)

    def relative(self, file: Path) -> str:
        """Write the path from the root, the same on every system."""
        return unicodedata.normalize("NFC", file.relative_to(self.root).as_posix())

    def fail(
        self, message: str, broken: Broken = (), *, show_expected: bool = True
    ) -> NoReturn:
        """Raise a ValueError with the message and all that may explain it."""
        lines = [f"{self.root}: {message}"]
        if broken:
            lines += ["broken files:", *broken_lines(broken, self.root)]
        lines += self.notes()
        if show_expected:
            suffixes = ", ".join(SUFFIXES)
            lines += ["", EXPECTED.format(suffixes=suffixes, root=self.root)]
        raise ValueError(printable("\n".join(lines)))

    def check_filled(self, found: Found, broken: Broken = ()) -> None:
        """Fail if a class of train, or all of another split, has no image."""
        empty = [name for name, files in found["train"].items() if not files]
        if empty:
            what = "is no usable image" if broken else "are no images"
            self.fail(f"there {what} in the class folder {_names(empty)}", broken)
        for split, classes in found.items():
            if not any(classes.values()):
                self.fail(f"there are no usable images in the {split} folder", broken)

    def notes(self) -> list[str]:
        """Say in plain language what was left out, one line for each kind."""
        lines = []
        for kind, files in sorted(self.ignored.items()):
            if kind == OTHER_SUFFIXES:
                counts = Counter(file.suffix.lower() or "none" for file in files)
                shown = [f"{suffix}: {n}" for suffix, n in counts.most_common(5)]
                more = len(counts) > 5
            else:
                shown = [self.relative(file) for file in files[:3]]
                more = len(files) > 3
            examples = ", ".join(shown) + (", …" if more else "")
            lines.append(printable(f"ignored {kind}: {len(files)} ({examples})"))
        return lines

    def _find(self) -> None:
        folders, loose = self._list(self.root)
        split_folders = [f for f in folders if f.name.lower() in SPLIT_NAMES]
        if not any(self._has_classes(folder) for folder in split_folders):
            self._ignore("images outside of a class folder", loose)
            self.found["train"] = self._classes(folders)
            return
        self._ignore("folders beside the splits", set(folders) - set(split_folders))
        for folder in split_folders:
            split = SPLIT_NAMES[folder.name.lower()]
            class_folders, loose_in_split = self._list(folder)
            loose += loose_in_split
            if not class_folders:
                self._ignore("split folders without class folders", [folder])
            elif split in self.found:
                same = [
                    f.name
                    for f in split_folders
                    if SPLIT_NAMES[f.name.lower()] == split
                ]
                self.fail(f"more than one folder is the {split} split: {_names(same)}")
            else:
                self.found[split] = self._classes(class_folders)
        self._ignore("images outside of a class folder", loose)

    def _has_classes(self, folder: Path) -> bool:
        return any(
            self._list(f, note=False)[1] for f in self._list(folder, note=False)[0]
        )

    def _classes(self, folders: list[Path]) -> dict[str, list[Path]]:
        classes: dict[str, list[Path]] = {}
        for folder in folders:
            name = unicodedata.normalize("NFC", folder.name)
            if printable(name) != name:
                self.fail(f"rename the class folder {name!r}: it is not valid UTF-8")
            nested, files = self._list(folder)
            self._ignore("folders within a class", nested)
            classes[name] = sorted([*classes.get(name, []), *files], key=self.relative)
        return classes

    def _list(self, folder: Path, note: bool = True) -> tuple[list[Path], list[Path]]:
        """List the folders and the image files of a folder, and note the rest."""
        folders, images = [], []
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = folder / entry.name
                kind = self._reason_to_ignore(entry)
                if kind:
                    self._ignore(kind, [path] if note else [])
                elif entry.is_dir():
                    folders.append(path)
                else:
                    images.append(path)
        return folders, images

    def _reason_to_ignore(self, entry: os.DirEntry) -> str | None:
        name = entry.name
        if name.startswith("._"):
            return "AppleDouble files of macOS (._…)"
        if name.startswith("."):
            return "hidden files and folders"
        if name in SYSTEM_FOLDERS:
            return "folders made by the system"
        if entry.is_symlink():
            try:
                target = Path(entry.path).resolve(strict=True)
            except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
                return "links to nothing"
            if not target.is_relative_to(self.real_root):
                return "links out of the folder"
        if entry.is_dir():
            return None
        if not entry.is_file():
            return "neither files nor folders"
        return None if name.lower().endswith(SUFFIXES) else OTHER_SUFFIXES

    def _ignore(self, kind: str, paths: Sequence[Path] | set[Path]) -> None:
        if paths:
            self.ignored[kind] += sorted(paths)

    def _check_classes(self) -> None:
        if "train" not in self.found:
            self.fail(f"there is no train folder beside {_names(self.found)}")
        classes = self.found["train"]
        loose = self.ignored.get("images outside of a class folder", [])
        if not classes and loose:
            self.fail(f"{len(loose)} images lie loose, none in the folder of a class")
        if not classes:
            self.fail("there are no class folders")
        if len(classes) == 1:
            self.fail(f"one class only, {_names(classes)}; at least two are needed")
        for split, others in self.found.items():
            for name in sorted(others.keys() - classes.keys()):
                near = {known.lower(): known for known in classes}
                close = difflib.get_close_matches(name.lower(), near, 1)
                hint = f" (did you mean {near[close[0]]!r}?)" if close else ""
                self.fail(f"class {name!r} of the {split} folder is not in train{hint}")


def broken_lines(broken: Broken, root: Path, most: int = MOST_SHOWN) -> list[str]:
    """List the first files with their reasons, one a line, and count the others."""
    lines = [f"  {file.relative_to(root)}: {reason}" for file, reason in broken[:most]]
    if len(broken) > most:
        lines.append(f"  … and {len(broken) - most} more")
    return [printable(line) for line in lines]


def printable(text: str) -> str:
    """Replace what no terminal can show: bytes of file names that are not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _existing_folder(path: str | os.PathLike) -> Path:
    root = Path(path).expanduser().absolute()
    if root.is_dir():
        return root
    if root.exists():
        hint = "; unpack it first" if root.suffix.lower() in ARCHIVES else ""
        raise ValueError(f"{root} is a file, not a folder of images{hint}")
    names = os.listdir(root.parent) if root.parent.is_dir() else []
    close = difflib.get_close_matches(root.name, names, 1)
    hint = f" (did you mean {root.parent / close[0]}?)" if close else ""
    raise FileNotFoundError(printable(f"there is no folder {root}{hint}"))


def _names(names: Sequence[str] | dict) -> str:
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:MOST_SHOWN])
    return shown + (f", … ({len(names)} in all)" if len(names) > MOST_SHOWN else "")
