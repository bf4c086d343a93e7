"""Working on many images at once: in order, whole, and ended by the first failure."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

import pytest

from bench_core.data import parallel
from bench_core.data.parallel import CHUNK, map_chunks


def describe(numbers: Sequence[int]) -> tuple[int, int, int]:
    """Return first and last of a chunk, and the process that worked on it."""
    return numbers[0], numbers[-1], os.getpid()


def fail_on_zero(numbers: Sequence[int]) -> None:
    if 0 in numbers:
        raise ValueError("zero")


@pytest.mark.parametrize("worth_a_process", [1, 10_000])
def test_chunks_come_in_order_and_hold_everything(
    worth_a_process: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "IMAGES_WORTH_A_PROCESS", worth_a_process)
    results = map_chunks(describe, range(3 * CHUNK + 5), description="test")
    assert [result[:2] for result in results] == [
        (0, CHUNK - 1),
        (CHUNK, 2 * CHUNK - 1),
        (2 * CHUNK, 3 * CHUNK - 1),
        (3 * CHUNK, 3 * CHUNK + 4),
    ]
    inside = {process == os.getpid() for *_, process in results}
    assert inside == {worth_a_process > 1}


def test_nothing_is_done_with_nothing() -> None:
    assert map_chunks(describe, [], description="test") == []


def test_the_first_failure_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    release = threading.Event()

    def work(numbers: Sequence[int]) -> None:
        started.append(numbers[0])
        if 0 in numbers:
            release.set()
            raise ValueError("zero")
        release.wait()

    monkeypatch.setattr(parallel, "num_processors", lambda: 1)
    with pytest.raises(ValueError, match="zero"):
        map_chunks(work, range(20 * CHUNK), description="test")
    assert len(started) < 20


def test_a_failure_in_a_process_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "IMAGES_WORTH_A_PROCESS", 1)
    with pytest.raises(ValueError, match="zero"):
        map_chunks(fail_on_zero, range(10), description="test")
