from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from bench_core.data.prefetching import AHEAD, Prefetcher


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(Prefetcher(lambda item: item * item).results(range(10))) == [
        item * item for item in range(10)
    ]


def test_there_may_be_no_item() -> None:
    assert list(Prefetcher(str).results([])) == []


def test_work_is_done_in_another_thread_and_a_few_items_ahead() -> None:
    threads: list[int] = []
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            taken.append(item)
            yield item

    results = Prefetcher(lambda _: threads.append(threading.get_ident())).results(items())
    next(results)
    assert len(taken) == AHEAD + 1
    results.close()  # type: ignore[attr-defined]
    assert threads
    assert threading.get_ident() not in threads


def test_an_error_is_raised_where_its_result_is_asked_for() -> None:
    results = Prefetcher(lambda item: 1 / item).results([1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_time_spent_waiting_is_summed() -> None:
    slow = Prefetcher(lambda _: time.sleep(0.1))
    list(slow.results(range(3)))
    assert slow.waited_seconds >= 0.15  # of 0.3: a busy machine may ask late
