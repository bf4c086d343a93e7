"""Work done by a thread ahead of its use, so that reading data overlaps with computing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3


class Prefetcher(Generic[Item, Result]):
    """Applies a function to items in order, in a thread, a few items ahead of their use.

    Args:
        work: What to do with an item.

    Attributes:
        waited_seconds: Time that was spent waiting for results, in total.
    """

    def __init__(self, work: Callable[[Item], Result]) -> None:
        self._work = work
        self.waited_seconds = 0.0

    def results(self, items: Iterable[Item]) -> Iterator[Result]:
        """Yield what the function returns for each item; items are taken as they are needed."""
        remaining = iter(items)
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[Future[Result]] = deque()
            try:
                waiting.extend(pool.submit(self._work, item) for item in islice(remaining, AHEAD))
                while waiting:
                    started = time.perf_counter()
                    result = waiting.popleft().result()
                    self.waited_seconds += time.perf_counter() - started
                    waiting.extend(pool.submit(self._work, item) for item in islice(remaining, 1))
                    yield result
            finally:
                pool.shutdown(cancel_futures=True)
