"""How work on arrays is spread over threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Result = TypeVar("Result")

_MOST = 16
_SHARES = 4


def num_threads() -> int:
    """Return one thread for each processor that this process may use, up to 16."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every platform
        usable = os.cpu_count() or 1
    return min(usable, _MOST)


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
    threads = num_threads()
    # Several parts a thread, so that none waits long for a slow one.
    size = max(least, -(-count // (threads * _SHARES)))
    starts = range(0, count, size)
    if len(starts) < 2:
        return [function(start, count) for start in starts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda start: function(start, min(start + size, count)), starts))
