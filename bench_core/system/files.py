"""Files and folders that are written whole or not at all, and hashes of content."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.standard_output import is_standard_output, result_descriptor

LONGEST_NAME = 200
"""Bytes of a file's name that the name of its temporary file holds; systems allow 255 in all."""
ANOTHER_DISK = "make room, or name a folder on another disk"
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{32}\.tmp", re.DOTALL)


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file so that a reader, a crash or a full disk sees the old or the new one whole.

    The content goes to a temporary file in the same folder, reaches the disk, and is renamed. The
    file is locked while it is written, by which `remove_abandoned` knows that its writer lives.
    Where `path` is a link, the file that it names is replaced, with its permissions, and the link
    stays. Pipes and character devices, such as /dev/stdout, are written to as they are.

    Args:
        path: The file to replace or create; its folder is created.
        write: Called with the open temporary file, or with the pipe or device.

    Raises:
        BenchError: The file cannot be written, or is a folder, a socket or a disk; an old file at
            `path` is left as it was.
    """
    try:
        if _is_stream(path):
            _write_to_stream(path, write)
        else:
            _replace(Path(os.path.realpath(path)), write)
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file's content atomically; see `write_atomically`."""
    write_atomically(path, lambda file: _write_all(file, content))


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; see `write_atomically`.

    Bytes of a file's name that are no UTF-8, as Python keeps them in a text, are written by number.
    """
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document atomically, with sorted keys and a final newline."""
    write_text(path, json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")


@contextmanager
def folder_written_whole(path: Path, *, replaced: Collection[str] = ()) -> Iterator[Path]:
    """Give a temporary folder that becomes `path` when the block ends without an error.

    It is locked meanwhile, by which `remove_abandoned` knows that its writer lives.

    Args:
        path: Where the folder shall lie; it must not exist, or hold nothing but files of the names
            in `replaced`. Of a link, the folder that it names.
        replaced: Names of the files of an old folder that are removed. It stays as it was where
            the block fails; what else it holds by then is moved to the new folder.

    Yields:
        The temporary folder, beside `path`.

    Raises:
        BenchError: The folder cannot be created or moved into place.
    """
    target = _free_place(path)
    temporary = temporary_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        with _locked(temporary):
            yield temporary
            if replaced and target.exists():
                _exchange(temporary, target, replaced)
            else:
                temporary.rename(target)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_folder(path: Path) -> None:
    """Refuse a folder that is not free to be made.

    Raises:
        UsageError: It exists and is not an empty folder, holds the current folder, or cannot be
            looked at.
    """
    try:
        taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
        here = path.resolve() in (Path.cwd(), *Path.cwd().parents)
    except OSError as error:
        raise UsageError(f"{path} cannot be looked at: {error.strerror or error}") from error
    if taken:
        raise UsageError(f"{path} exists and is not an empty folder: name another or remove it")
    if here:
        raise UsageError(f"{path} is the folder that you are in: name one below it")


def check_room(path: Path, num_bytes: int, way_out: str = ANOTHER_DISK) -> None:
    """Refuse a disk that cannot hold what will be written, before the first byte.

    Args:
        path: The file or folder that will be written; it need not exist yet.
        num_bytes: Its size.
        way_out: What the message says can be done.

    Raises:
        BenchError: The disk has less room; the message says how much is needed.
    """
    place = next(folder for folder in path.resolve().parents if folder.is_dir())
    free = shutil.disk_usage(place).free
    if free < num_bytes:
        raise BenchError(
            f"cannot write {path}: it takes {num_bytes / 1e6:,.1f} MB and the disk has "
            f"{free / 1e6:,.1f} MB left; {way_out}"
        )


def check_writable(folder: Path) -> None:
    """Create a folder and find out whether a file can be written there.

    Raises:
        BenchError: It cannot; the message names the folder.
    """
    probe = temporary_beside(folder / "probe")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(path: Path, error: OSError) -> BenchError:
    """Build the error for a path that the system refuses to write."""
    return BenchError(f"cannot write {path}: {error.strerror or error}")


def remove_abandoned(folder: Path, name: str | None = None) -> list[Path]:
    """Remove the temporary files and folders whose writers were killed.

    Args:
        folder: Where `write_atomically` or `folder_written_whole` wrote; one that does not exist or
            may not be written is left alone.
        name: What they would have become; None means anything.

    Returns:
        Those that cannot be removed, such as another user's.
    """
    if not (folder.is_dir() and os.access(folder, os.R_OK | os.W_OK)):
        return []
    wanted = None if name is None else _short_name(folder / name)
    return [path for path in _temporaries(folder, wanted) if not _remove_if_abandoned(path)]


def hash_json(document: Any) -> str:
    """Return the SHA-256 (hex) of a JSON document, whatever the order of its keys."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_all(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def _replace(target: Path, write: Callable[[BinaryIO], None]) -> None:
    temporary = temporary_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            _lock(file.fileno())
            if target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        if temporary.exists():
            temporary.unlink()


def _is_stream(path: Path) -> bool:
    """Say whether a path is a pipe or a device that is written to, and refuse what cannot be."""
    if is_standard_output(path):
        return True
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise BenchError(f"cannot write {path}: it is no file; name a file")
    return not stat.S_ISREG(mode)


def _write_to_stream(path: Path, write: Callable[[BinaryIO], None]) -> None:
    own = is_standard_output(path)
    descriptor = os.dup(result_descriptor()) if own else _open_stream(path)
    with os.fdopen(descriptor, "wb") as file:
        write(file)


def _open_stream(path: Path) -> int:
    """Open a pipe or a device without waiting for a process that reads it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise BenchError(f"cannot write {path}: no process reads this pipe") from error
    os.set_blocking(descriptor, True)
    return descriptor


def _free_place(path: Path) -> Path:
    """Return the folder that a path names, and refuse one that must not be moved."""
    try:
        target, current = Path(os.path.realpath(path)), Path.cwd()
    except OSError as error:
        raise _cannot_write(path, error) from error
    if current.is_relative_to(target):
        raise BenchError(
            f"cannot write {path}: it is the current folder, or holds it; name a folder in it that "
            "does not exist yet"
        )
    return target


def _temporaries(folder: Path, name: str | None) -> list[Path]:
    """List temporary files and folders, as `temporary_beside` names them."""
    return [
        path
        for path in folder.iterdir()
        if (parts := _TEMPORARY.fullmatch(path.name)) and name in (None, parts[1])
        if not path.is_symlink() and (path.is_file() or path.is_dir())
    ]


def _remove_if_abandoned(path: Path) -> bool:
    """Return whether a temporary file or folder is gone now, or is being written."""
    try:
        with _locked(path) as alone:
            if alone and path.is_dir():
                shutil.rmtree(path)
            elif alone:
                path.unlink(missing_ok=True)
    except FileNotFoundError:  # its writer has just renamed it
        return True
    except OSError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a file or folder where nobody else has; say whether this process has the lock."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed, or its process is killed.

    Returns:
        False where another has it, or the file system has no such locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _exchange(new: Path, path: Path, replaced: Collection[str]) -> None:
    """Put a folder in the place of an old one, of which the files named are removed."""
    old = path.rename(temporary_beside(path))
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    for entry in old.iterdir():
        if entry.name in replaced:
            entry.unlink()
        else:  # it came while the new folder was written
            entry.rename(path / entry.name)
    old.rmdir()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_beside(path: Path) -> Path:
    """Return a hidden name in the same folder that no other process chooses."""
    return path.with_name(f".{_short_name(path)}.{uuid.uuid4().hex}.tmp")


def _short_name(path: Path) -> str:
    """Return a path's name, or a hash of one that leaves no room for more."""
    name = os.fsencode(path.name)
    return path.name if len(name) <= LONGEST_NAME else hashlib.sha256(name).hexdigest()
