"""Work on many images at once, with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from bench_core.system.processes import WorkersError, num_processors, process_pool
from bench_core.system.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 64
IMAGES_WORTH_A_PROCESS = 8_000
"""Processes take half a second to start. Threads start at once, but share an interpreter that
decoding holds for a quarter of its time: two do the work of 1.9, eight that of 3.4."""


def map_chunks(
    work: Callable[[Sequence[Item]], Result], items: Sequence[Item], *, description: str
) -> list[Result]:
    """Apply a function to chunks of a sequence on all processors.

    Args:
        work: What to do with a chunk of at most `CHUNK` items; it is sent to processes where there
            are many items, so it must be a function of a module or a `partial` of one.
        items: What to work on, an image each.
        description: What is being done, for the progress bar.

    Returns:
        What `work` returned, in the order of the chunks.

    Raises:
        Exception: What `work` raised first; what has not started then never does.
        BenchError: A process was killed.
    """
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    with _workers(len(items)) as pool, progress(total=len(items), description=description) as bar:
        jobs = {pool.submit(work, chunk): len(chunk) for chunk in chunks}
        try:
            for job in as_completed(jobs):
                job.result()
                bar.update(jobs[job])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [job.result() for job in jobs]


@contextmanager
def _workers(num_images: int) -> Iterator[Executor]:
    """Choose processes for many images; for a few, starting them would take longer.

    There is one more than there are processors, since now and then one waits for the disk.
    """
    with ExitStack() as stack:
        yield _enter_pool(stack, num_images, num_processors() + 1)


def _enter_pool(stack: ExitStack, num_images: int, workers: int) -> Executor:
    if num_images >= IMAGES_WORTH_A_PROCESS:
        try:
            return stack.enter_context(process_pool(workers))
        except WorkersError as error:
            sys.stderr.write(f"Note: threads do the work, more slowly: {error}\n")
    return stack.enter_context(ThreadPoolExecutor(workers))
