"""Worker processes that end when their parent is killed, and locks between processes."""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.contracts.errors import BenchError
from bench_core.system.cache_folder import CACHE_VARIABLE

if TYPE_CHECKING:
    from filelock import BaseFileLock

OTHER_CACHE = f"set {CACHE_VARIABLE} to a folder that can be written"


def num_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkersError(BenchError):
    """Worker processes cannot be started here."""


@contextmanager
def process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a process pool that drops what has not started when the block fails.

    Args:
        workers: Number of processes.

    Raises:
        WorkersError: The system gives no semaphores to share, as where /dev/shm is full or closed.
        BenchError: A worker was killed from outside.
    """
    # Forking a process that runs threads (torch does) can hang, so workers start afresh.
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent)
    except OSError as error:
        raise WorkersError(
            f"cannot start worker processes ({error.strerror or error}): /dev/shm must have room "
            "and be writable, or be given to the container (docker run --shm-size=64m)"
        ) from error
    try:
        yield pool
    except BrokenProcessPool as error:
        raise BenchError(
            "a worker process was killed, as the system does when memory runs out; nothing was "
            "kept of this step: free memory, or allow fewer processors (taskset), and try again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def locked(path: Path, *, wait: bool = True, way_out: str = OTHER_CACHE) -> Iterator[None]:
    """Keep other processes out of a file or folder.

    Args:
        path: What is to be written; the lock is a file beside it, and so is a note of who has it.
        wait: Whether to wait for a process that is in it; standard error says for whom.
        way_out: What to do where the lock cannot be written.

    Raises:
        BenchError: The lock cannot be written, or another process is in it and `wait` is false.
    """
    from filelock import FileLock

    lock = FileLock(path.with_name(f"{path.name}.lock"))
    owner = path.with_name(f"{path.name}.owner")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, path, owner, wait=wait)
    except OSError as error:
        raise BenchError(
            f"cannot write {lock.lock_file}: {error.strerror or error}; {way_out}"
        ) from error
    try:
        with _owned(owner):
            yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Say whether a process is in what `locked` keeps others out of."""
    from filelock import FileLock, Timeout

    file = path.with_name(f"{path.name}.lock")
    if not file.exists():
        return False
    try:
        with FileLock(file).acquire(blocking=False):
            return False
    except Timeout:
        return True


def _acquire(lock: BaseFileLock, path: Path, owner: Path, *, wait: bool) -> None:
    """Take a lock; say for whom it waits.

    Raises:
        BenchError: Another process has it and `wait` is false.
        OSError: It cannot be written.
    """
    from filelock import Timeout

    try:
        lock.acquire(blocking=False)
    except Timeout:
        who = _read_owner(owner)
        if not wait:
            raise BenchError(f"{who} is writing {path}; wait until it is done") from None
        sys.stderr.write(f"Waiting for {who}, which is writing {path}\n")
        lock.acquire()


@contextmanager
def _owned(owner: Path) -> Iterator[None]:
    """Note who has a lock, for those who wait; a disk that has no room for the note is no fault."""
    with suppress(OSError):
        owner.write_text(f"process {os.getpid()} on {socket.gethostname()}")
    try:
        yield
    finally:
        with suppress(OSError):
            owner.unlink()


def _read_owner(owner: Path) -> str:
    try:
        text = owner.read_text()
    except (OSError, ValueError):
        return "another process"
    return text if re.fullmatch(r"process \d+ on [\w.-]+", text) else "another process"


def end_with_parent() -> None:
    """Let this process end when the one that started it is killed, instead of waiting for work."""
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
