"""Worker processes that end when their parent is killed, and locks between processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench_core.contracts.errors import BenchError


def num_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a process pool that drops what has not started when the block fails.

    Args:
        workers: Number of processes.
    """
    # Forking a process that runs threads (torch does) can hang, so workers start afresh.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Keep other processes out of a file or folder of the cache.

    Args:
        path: What is to be written; the lock is a file beside it.
        wait: Whether to wait for a process that is in it.

    Raises:
        BenchError: The lock cannot be written, or another process is in it and `wait` is false.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=wait)
    except Timeout:
        raise BenchError(f"another process is writing {path}; wait until it is done") from None
    except OSError as error:
        raise BenchError(
            f"cannot write {lock.lock_file}: {error.strerror or error}; set VIREID_BENCH_CACHE to "
            "a folder that can be written"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _end_with_parent() -> None:
    """Let this process end when the one that started it is killed, instead of waiting for work."""
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
