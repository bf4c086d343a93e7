"""Reading files that were given: regular ones only, so that nothing hangs or never ends."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

LARGEST_IMAGE_BYTES = 1 << 28
"""256 MiB: no image of a person is as large."""
LARGEST_LIST_BYTES = 1 << 26
"""64 MiB: the longest list of a dataset has some 3 MiB."""

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_SIGNATURES = (
    (b"version https://git-lfs", "a Git LFS pointer in the place of the file ('git lfs pull')"),
    (b"<!doctype html", "a web page, such as the refusal of a download"),
    (b"<html", "a web page, such as the refusal of a download"),
    (b"%!ps", "a PostScript program, which is never run"),
    (b"%pdf", "a PDF document"),
    (b"gif8", "a GIF image"),
    (b"pk\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"matlab 5.0", "a MATLAB file"),
)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; the status is looked at first, as opening may wait or act.

    Raises:
        OSError: It is missing, may not be read, or is no regular file; `strerror` says which.
    """
    _check_regular(path.stat(), path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    file = os.fdopen(descriptor, "rb")
    try:
        _check_regular(os.fstat(descriptor), path)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a regular file as a whole.

    Args:
        path: The file.
        most_bytes: A larger one is refused before memory is full of it.

    Raises:
        OSError: As `open_regular`, or the file is too large.
    """
    with open_regular(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"It has more than {most_bytes:,} bytes", str(path))
    return content


def recognized_content(content: bytes) -> str | None:
    """Say what a file is that is not what it should be, where its first bytes tell."""
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((name for signature, name in _SIGNATURES if start.startswith(signature)), None)


def _check_regular(status: os.stat_result, path: Path) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = next((name for test, name in _SPECIAL if test(status.st_mode)), "something else")
    raise OSError(errno.EINVAL, f"It is {kind}, not a regular file", str(path))
