"""Opens files that users name: regular files only, and says what a file is that is another.

A file from outside may be a pipe that never ends, a web page under the name of an archive, or
hold text that is made to look like a message of ours.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from bench_core.contracts.errors import DataError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

HEAD_BYTES = 600
"""Bytes by which `recognise` knows a file."""

_MOST_CHARACTERS = 60
_BOMB_BYTES = 2**30
_BOMB_RATIO = 100
"""Features of a collapsed model, whose rows are equal, pack better than this, but are smaller."""

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_SIGNATURES = (
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with 'git lfs pull'"),
    (b"\x93NUMPY", "a single array (.npy) without a name; save named arrays with numpy.savez"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"MATLAB 7.3", "a MATLAB file of version 7.3 (HDF5)"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "compressed with gzip; unpack it"),
    (b"BZh", "compressed with bzip2; unpack it"),
    (b"\xfd7zXZ", "compressed with xz; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF animation"),
    (b"%!PS", "a PostScript program, which is never run"),
    (b"%PDF", "a PDF document"),
)
_PICKLE = (
    "a Python pickle, which is never loaded because it could run code; where you trust it, load it "
    "yourself and save its arrays with numpy.savez"
)
_WEB_PAGE = "a web page; download the file itself, not the page that shows it"


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading, unless it is a folder, a pipe or a device.

    Args:
        path: The file; links are followed.

    Returns:
        The open file.

    Raises:
        OSError: It is missing, may not be read, or is no regular file; `strerror` says which.
    """
    _check_regular(path, path.stat().st_mode)
    # What was a file a moment ago may be a pipe by now, whose opening would wait.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    try:
        _check_regular(path, os.fstat(descriptor).st_mode)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a regular file as a whole.

    Args:
        path: The file; links are followed.
        most_bytes: A larger one is refused before memory is full of it.

    Raises:
        OSError: As `open_regular`, or the file is too large.
    """
    with open_regular(path) as file:
        # Asked for as much as it may hold, the system would lay that out in memory each time.
        stated = min(os.fstat(file.fileno()).st_size, most_bytes)
        content = file.read(stated + 1)
        if len(content) > stated:  # it grows, or lies about its size as those in /proc do
            content += file.read(most_bytes - stated)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"It has more than {most_bytes:,} bytes", str(path))
    return content


def open_given(path: Path) -> BufferedReader:
    """Open a file that a user named, as `open_regular` does.

    Raises:
        DataError: It cannot be opened, or is no regular file; the message names it.
    """
    try:
        return open_regular(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def recognise(head: bytes) -> str | None:
    """Tell what a file is by its first bytes, and what to do with it.

    Args:
        head: The first `HEAD_BYTES` of the file, or all of a shorter one.

    Returns:
        What follows "it is", such as "a web page; download ..."; None where nothing is known.

    Examples:
        >>> recognise(b"<!DOCTYPE html>")
        'a web page; download the file itself, not the page that shows it'
    """
    if not head:
        return "empty"
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return _WEB_PAGE
    if head[0] == 0x80 and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return _PICKLE
    if not any(head):
        return "nothing but zero bytes; copy or download it again"
    return None


def quoted(text: object) -> str:
    r"""Quote text from a file for a message: on one line, escaped, and shortened.

    Examples:
        >>> quoted("two\nlines")
        "'two\\nlines'"
    """
    content = str(text)
    short = content if len(content) <= _MOST_CHARACTERS else f"{content[: _MOST_CHARACTERS - 3]}..."
    return repr(short)


def is_bomb(packed: int, unpacked: int) -> bool:
    """Tell whether data would fill the memory without holding anything: no features pack so well.

    Args:
        packed: Bytes in the file.
        unpacked: Bytes that it says it unpacks to.
    """
    return unpacked > _BOMB_BYTES and unpacked > _BOMB_RATIO * packed


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = next((name for is_kind, name in _SPECIAL if is_kind(mode)), "something else")
    raise OSError(errno.EINVAL, f"It is {kind}, not a regular file", str(path))
