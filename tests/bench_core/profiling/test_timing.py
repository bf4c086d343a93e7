from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle

import pytest
import torch

from bench_core.profiling.timing import (
    CUDA_SAMPLES,
    LEAST_SAMPLES,
    STABLE_SAMPLES,
    Call,
    Clock,
    Timing,
    elapsed_seconds,
    in_sequence,
    measure,
    now,
    one_by_one,
)

CPU = torch.device("cpu")


@pytest.fixture
def clock_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clock]:
    """Return a maker of clocks: calls take the given seconds, in turns, of an invented time."""
    moment = 0.0
    monkeypatch.setattr("bench_core.profiling.timing.time.monotonic", lambda: moment)

    def make(*seconds: float) -> Clock:
        turns = cycle(seconds)

        def clock(call: Call, _device: torch.device) -> list[float]:
            nonlocal moment
            call()
            taken = next(turns)
            moment += taken
            return [taken]

        return clock

    return make


def test_a_timing_is_summed_up_by_its_median_and_quartiles() -> None:
    timing = Timing((0.1, 0.2, 0.3, 0.4, 0.5), stable=True)
    assert timing.median == pytest.approx(0.3)
    assert timing.spread == pytest.approx(0.2 / 0.3)
    assert timing.percentile(95) == pytest.approx(0.48)
    assert timing.as_document(6) == {
        "images_per_second": 20.0,
        "images_per_second_quartiles": [15.0, 30.0],
        "latency_ms": 300.0,
        "latency_p95_ms": 480.0,
        "num_timed": 5,
        "stable": True,
    }


def test_measuring_ends_as_soon_as_times_agree(clock_of: Callable[..., Clock]) -> None:
    timing = measure(lambda: None, CPU, 1000.0, clock_of(1.0, 1.001))
    assert timing.stable
    assert len(timing.seconds) == STABLE_SAMPLES


def test_a_tenth_of_the_budget_is_warm_up(clock_of: Callable[..., Clock]) -> None:
    calls: list[int] = []
    timing = measure(lambda: calls.append(1), CPU, 1000.0, clock_of(1.0))
    assert len(calls) - len(timing.seconds) == 100


def test_measuring_ends_with_the_budget_where_times_differ(
    clock_of: Callable[..., Clock],
) -> None:
    timing = measure(lambda: None, CPU, 100.0, clock_of(1.0, 3.0))
    assert not timing.stable
    assert len(timing.seconds) == 44


def test_a_slow_call_is_warmed_up_once_and_timed_a_few_times(
    clock_of: Callable[..., Clock],
) -> None:
    calls: list[int] = []
    timing = measure(lambda: calls.append(1), CPU, 1.0, clock_of(50.0))
    assert len(timing.seconds) == LEAST_SAMPLES
    assert len(calls) == LEAST_SAMPLES + 1


def test_a_call_is_timed_from_start_to_end() -> None:
    for clock in (one_by_one, in_sequence):
        (seconds,) = clock(lambda: time.sleep(0.02), CPU)
        assert 0.02 <= seconds < 0.2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_calls_on_cuda_are_timed_by_the_device() -> None:
    device = torch.device("cuda")
    matrix = torch.rand(4096, 4096, device=device)
    seconds = in_sequence(lambda: matrix @ matrix, device)
    assert len(seconds) == CUDA_SAMPLES
    (alone,) = one_by_one(lambda: matrix @ matrix, device)
    assert min(seconds) <= 2 * alone
    first = now(device)
    matrix @ matrix
    assert elapsed_seconds(first, now(device)) > 0
