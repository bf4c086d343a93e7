"""Image files of a folder of any layout, as the file system describes them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench_core.data.fingerprint import COARSE_NANOSECONDS, SETTLING_NANOSECONDS

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
)
"""Of what `bench_core.data.decoding` decodes, in lower case."""
_RANGE = 2**64


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """An image file, by its name.

    Attributes:
        name: Path relative to the folder that is listed; bytes that are no UTF-8 are kept as
            Python keeps them in a text.
        facts: Size in bytes, times of modification and of the last change in nanoseconds, and
            number of the file: whoever writes to it changes one of them.
        certain: Whether a later change is bound to change them: not where the file changed a
            moment ago, or where the file system keeps no time of the last change of its own.
    """

    name: str
    facts: tuple[int, int, int, int]
    certain: bool


@dataclass(frozen=True, kw_only=True)
class UnreadableFile:
    """A file or folder that gives no picture.

    Attributes:
        path: Where it is.
        reason: What is wrong with it, as the rest of a sentence that starts with its path.
    """

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{path_text(self.path)} {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The image files of a folder.

    Attributes:
        folder: The folder that names are relative to.
        files: In the order of their names.
        unreadable: What the system would not show.
        num_others: How many files have names of no image.
        complete: Whether the files are all that the folder holds.
    """

    folder: Path
    files: tuple[ImageFile, ...]
    unreadable: tuple[UnreadableFile, ...] = ()
    num_others: int = 0
    complete: bool = True


def path_text(path: Path) -> str:
    """Return a path as a text of UTF-8: bytes that are none are shown by their number."""
    return os.fsencode(path).decode(errors="backslashreplace")


def list_folder(folder: Path) -> Listing:
    """List the image files in a folder and in those below it.

    Files are known by the ends of their names; hidden files and folders are left alone. Links are
    followed, but no folder is looked into twice, so that a link that leads back does no harm:
    files have the name that they have without links, where there is one.

    Args:
        folder: Of any layout.
    """
    walk = _Walk(folder)
    walk.run()
    found = sorted(walk.found)
    return Listing(
        folder=folder,
        files=_described([(name, facts) for name, facts in found]),
        unreadable=tuple(sorted(walk.unreadable, key=lambda item: item.path)),
        num_others=walk.num_others,
    )


def list_files(paths: Sequence[Path]) -> Listing:
    """List some files, whatever their names are; each once.

    Args:
        paths: As they are given.
    """
    found: dict[str, tuple[int, int, int, int]] = {}
    unreadable = []
    for path in paths:
        try:
            found[str(path)] = _facts(path.stat())
        except OSError as error:
            unreadable.append(_refused(path, error))
    return Listing(
        folder=Path(),
        files=_described(list(found.items())),
        unreadable=tuple(unreadable),
        complete=False,
    )


def _described(found: list[tuple[str, tuple[int, int, int, int]]]) -> tuple[ImageFile, ...]:
    before = time.time_ns() - SETTLING_NANOSECONDS
    dated = any(
        changed != modified or changed % COARSE_NANOSECONDS
        for _, (_, modified, changed, _) in found
    )
    return tuple(
        ImageFile(name=name, facts=facts, certain=dated and facts[2] < before)
        for name, facts in found
    )


def _facts(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return what tells a change of a file, each as a number of 64 bits without a sign."""
    modified, changed = status.st_mtime_ns % _RANGE, status.st_ctime_ns % _RANGE
    return status.st_size % _RANGE, modified, changed, status.st_ino % _RANGE


def _refused(path: Path, error: OSError) -> UnreadableFile:
    return UnreadableFile(path=path, reason=f"cannot be read ({error.strerror or error})")


@dataclass
class _Walk:
    """A look through folders: those that are linked come after all others."""

    root: Path
    found: list[tuple[str, tuple[int, int, int, int]]] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    num_others: int = 0
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _linked: list[str] = field(default_factory=list)

    def run(self) -> None:
        waiting = [""]
        while waiting:
            waiting += self._look_into(waiting.pop())
            if not waiting and self._linked:
                self._linked.sort(reverse=True)
                waiting.append(self._linked.pop())

    def _look_into(self, name: str) -> list[str]:
        """Note the files of a folder; return the folders in it."""
        path = self.root / name
        folders = []
        try:
            status = path.stat()
            if (place := (status.st_dev, status.st_ino)) in self._seen:
                return []
            self._seen.add(place)
            with os.scandir(path) as entries:
                for entry in entries:
                    inner = f"{name}/{entry.name}" if name else entry.name
                    if not entry.name.startswith(".") and self._note(entry, inner):
                        folders.append(inner)
        except OSError as error:
            self.unreadable.append(_refused(path, error))
        return folders

    def _note(self, entry: os.DirEntry[str], name: str) -> bool:
        """Note a file, or a folder that is linked; say whether it is a folder that is not."""
        is_image = entry.name.lower().endswith(IMAGE_SUFFIXES)
        try:
            if entry.is_dir(follow_symlinks=False):
                return True
            if entry.is_symlink() and entry.is_dir():
                self._linked.append(name)
            elif is_image:
                self.found.append((name, _facts(entry.stat())))
            else:
                self.num_others += 1
        except OSError as error:  # such as of a link that leads to itself
            if is_image:
                self.unreadable.append(_refused(self.root / name, error))
            else:
                self.num_others += 1
        return False
