"""Keeps compiled code in a folder that nobody else can write to, and checks it on reading.

Whoever can write such a file can run code in the process that reads it. The folder is therefore
made for one user, and used only while it is his alone; and a file that is not whole, as after a
full disk or a loss of power, is thrown away.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIGEST_BYTES = hashlib.sha256().digest_size
_SUFFIX = ".code"
_LEFTOVER_SUFFIX = ".tmp"
_LEFTOVER_SECONDS = 3600
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class CodeStore:
    """Files of code, by name, in a private folder; does nothing where there can be none.

    Args:
        parent: A folder for caches, which may be shared; it is made where it is missing.
    """

    def __init__(self, parent: Path) -> None:
        self._path = parent / f"compiled-{os.getuid()}"
        self._usable = True

    def read(self, name: str) -> bytes | None:
        """Return what was kept under a name; None where nothing is, or it is damaged."""
        try:
            with self._folder() as folder:
                return None if folder is None else _read(name + _SUFFIX, folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._give_up(error)
            return None

    def write(self, name: str, content: bytes) -> None:
        """Keep content under a name, whole or not at all."""
        try:
            with self._folder() as folder:
                if folder is not None:
                    _remove_leftovers(folder)
                    _write(name + _SUFFIX, hashlib.sha256(content).digest() + content, folder)
        except OSError as error:
            self._give_up(error)

    @contextmanager
    def _folder(self) -> Iterator[int | None]:
        """Open the folder, so that no other can be put in its place; None once it was given up."""
        if not self._usable:
            yield None
            return
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if not _is_private(os.fstat(descriptor)):
                raise PermissionError(errno.EACCES, "others could write to this folder; remove it")
            yield descriptor
        finally:
            os.close(descriptor)

    def _give_up(self, error: OSError) -> None:
        self._usable = False
        sys.stderr.write(
            f"compiled code is not kept in {self._path}: {error.strerror}; each process compiles "
            "anew\n"
        )


def _is_private(status: os.stat_result) -> bool:
    return status.st_uid == os.getuid() and not status.st_mode & _WRITABLE_BY_OTHERS


def _read(name: str, folder: int) -> bytes | None:
    """Read a file and check it; a damaged one is removed."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and _is_private(status):
            digest, content = file.read(_DIGEST_BYTES), file.read()
            if hashlib.sha256(content).digest() == digest:
                return content
    os.unlink(name, dir_fd=folder)
    return None


def _write(name: str, content: bytes, folder: int) -> None:
    temporary = f".{name}.{uuid.uuid4().hex}{_LEFTOVER_SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(content)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _remove_leftovers(folder: int) -> None:
    """Remove what killed processes left half-written; what is young may be another's work."""
    before = time.time() - _LEFTOVER_SECONDS
    for name in os.listdir(folder):
        if name.endswith(_LEFTOVER_SUFFIX):
            with suppress(FileNotFoundError):
                if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < before:
                    os.unlink(name, dir_fd=folder)


def hash_names(*names: str) -> str:
    """Return a name for several texts, which is another where any of them is."""
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:32]
