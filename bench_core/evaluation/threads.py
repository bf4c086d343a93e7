"""Work that threads share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from bench_core.system.processes import num_processors

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_MOST_THREADS = 16
_SHARES = 4
"""Parts of the work a thread, so that none waits long for a slow one."""


def in_threads(function: Callable[[int, int], Result], count: int, least: int = 16) -> list[Result]:
    """Call a function, which should release the interpreter's lock, on parts of a range.

    Args:
        function: Takes the start of a part and where to stop before.
        count: Length of the range, from 0.
        least: Length of a part that is worth a thread.

    Returns:
        What it returned for each part, in order; nothing for an empty range.

    Examples:
        >>> in_threads(lambda start, stop: stop - start, 5, least=10)
        [5]
    """
    threads = min(num_processors(), _MOST_THREADS)
    size = max(least, -(-count // (threads * _SHARES)))
    starts = range(0, count, size)
    if len(starts) < 2:
        return [function(start, count) for start in starts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda start: function(start, min(start + size, count)), starts))
