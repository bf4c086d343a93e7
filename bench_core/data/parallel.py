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
IMAGES_WORTH_A_PROCESS = 2_000


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
    """Choose processes for many images; for a few, starting them would take longer."""
    with ExitStack() as stack:
        yield _enter_pool(stack, num_images)


def _enter_pool(stack: ExitStack, num_images: int) -> Executor:
    if num_images >= IMAGES_WORTH_A_PROCESS:
        try:
            return stack.enter_context(process_pool(num_processors()))
        except WorkersError as error:
            sys.stderr.write(f"Note: threads do the work, more slowly: {error}\n")
    return stack.enter_context(ThreadPoolExecutor(num_processors()))
