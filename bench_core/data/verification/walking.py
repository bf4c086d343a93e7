"""Every file below a root, each folder once, through symbolic links."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")
)


@dataclass(frozen=True)
class FoundFiles:
    """The files below a root; paths are relative to it, with forward slashes.

    Attributes:
        images: Files that are images by their suffix.
        others: All other files; hidden ones count as such.
        broken_links: Symbolic links that lead nowhere, or to themselves.
        repeated_links: Symbolic links to folders that are there anyway: the second way to a
            folder is not walked, so that a loop ends.
        closed_folders: Folders that may not be read.
    """

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    broken_links: list[str] = field(default_factory=list)
    repeated_links: list[str] = field(default_factory=list)
    closed_folders: list[str] = field(default_factory=list)


def walk(root: Path) -> FoundFiles:
    """Find every file below a root; hidden folders are left out."""
    found = FoundFiles()
    # Links come last, so that a folder is known by its own name where it has one below the root.
    waiting, links = deque([root]), deque[Path]()
    seen: set[tuple[int, int]] = set()
    while waiting or links:
        folder = (waiting or links).popleft()
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            found.closed_folders.append(_relative(folder, root))
            continue
        if (status.st_dev, status.st_ino) in seen:
            found.repeated_links.append(_relative(folder, root))
        else:
            seen.add((status.st_dev, status.st_ino))
            _sort(entries, root, found, waiting, links)
    for paths in (found.images, found.others, found.repeated_links):
        paths.sort()
    return found


def _sort(
    entries: Sequence[os.DirEntry[str]],
    root: Path,
    found: FoundFiles,
    waiting: deque[Path],
    links: deque[Path],
) -> None:
    for entry in entries:
        path = Path(entry.path)
        if entry.is_symlink() and not _leads_somewhere(path):
            found.broken_links.append(_relative(path, root))
        elif not entry.is_dir():
            kind = found.images if is_image_name(entry.name) else found.others
            kind.append(_relative(path, root))
        elif not entry.name.startswith("."):
            (links if entry.is_symlink() else waiting).append(path)


def is_image_name(name: str) -> bool:
    """Whether a file is an image by its name; "._0001.jpg" is a desktop's leftover, not one."""
    return name[0] != "." and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122


def _leads_somewhere(link: Path) -> bool:
    try:
        link.stat()
    except OSError:
        return False
    return True


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
