"""Files that are written whole or not at all, hashes of content, and where caches lie."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from bench_core.contracts.errors import BenchError

CACHE_VARIABLE = "VIREID_BENCH_CACHE"
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp", re.DOTALL)


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file so that a reader, a crash or a full disk sees the old or the new one whole.

    The content goes to a temporary file in the same folder, reaches the disk, and is renamed. The
    file is locked while it is written, by which `remove_abandoned` knows that its writer lives.

    Args:
        path: The file to replace or create; its folder is created.
        write: Called with the open temporary file.

    Raises:
        BenchError: The file cannot be written; an old file at `path` is left as it was.
    """
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            _lock(file)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary.exists():
            temporary.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file's content atomically; see `write_atomically`."""
    write_atomically(path, lambda file: _write_all(file, content))


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; see `write_atomically`."""
    write_bytes(path, text.encode())


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document atomically, with sorted keys and a final newline."""
    write_text(path, json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")


@contextmanager
def folder_written_whole(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder that becomes `path` when the block ends without an error.

    Args:
        path: Where the folder shall lie; it must not exist, or be empty.
        replace: Whether an old folder with all that it holds is replaced. It stays as it was where
            the block fails.

    Yields:
        The temporary folder, beside `path`.

    Raises:
        BenchError: The folder cannot be created or moved into place.
    """
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        yield temporary
        if replace and path.exists():
            _exchange(temporary, path)
        else:
            temporary.rename(path)
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Create a folder and find out whether a file can be written there.

    Raises:
        BenchError: It cannot; the message names the folder.
    """
    probe = _beside(folder / "probe")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BenchError(f"cannot write {folder}: {error.strerror or error}") from error


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left half-written beside a path; its lock must be held."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(leftover)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files in a folder whose writers were killed.

    Args:
        folder: Where `write_atomically` wrote; one that does not exist or may not be written is
            left alone.

    Raises:
        BenchError: A file cannot be removed.
    """
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            _remove_if_abandoned(path)


def hash_json(document: Any) -> str:
    """Return the SHA-256 (hex) of a JSON document, whatever the order of its keys."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_directory() -> Path:
    """Return the folder for data that can be made again.

    It is `$VIREID_BENCH_CACHE` where that is set, else the platform's user cache.
    """
    from platformdirs import user_cache_path

    configured = os.environ.get(CACHE_VARIABLE)
    return Path(configured) if configured else user_cache_path("vireid-bench")


def _write_all(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def _remove_if_abandoned(path: Path) -> None:
    try:
        with path.open("rb") as file:
            if _lock(file):
                path.unlink(missing_ok=True)
    except FileNotFoundError:  # its writer has just renamed it
        return
    except OSError as error:
        raise BenchError(f"cannot remove {path}: {error.strerror or error}") from error


def _lock(file: Any) -> bool:
    """Lock an open file until it is closed; False where another has it or it cannot be locked.

    The system drops the lock of a killed process. Where it has no such locks (Windows), an open
    file cannot be removed in the first place.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            return False
        raise
    return True


def _exchange(new: Path, path: Path) -> None:
    """Put a folder in the place of an old one, which is removed."""
    old = path.rename(_beside(path))
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    """Return a hidden name in the same folder that no other process chooses."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
