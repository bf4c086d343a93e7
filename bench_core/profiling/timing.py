"""How long a call takes: repeated until the times agree or a budget is spent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import torch

LEAST_SAMPLES = 3
STABLE_SAMPLES = 10
STABLE_SPREAD = 0.03
"""Times agree when this share of their median spans their middle half."""
WARM_UP_SHARE = 0.1
CUDA_SAMPLES = 10
"""Calls that are queued on CUDA before it is waited for."""

Moment: TypeAlias = float | torch.cuda.Event
Call: TypeAlias = Callable[[], object]
Clock: TypeAlias = Callable[[Call, torch.device], list[float]]
"""Times some calls on a device; returns the seconds of each."""


@dataclass(frozen=True)
class Timing:
    """Times of repeated calls, after a warm-up.

    Attributes:
        seconds: Of each call.
        stable: Whether the times agreed before the budget was spent.
    """

    seconds: tuple[float, ...]
    stable: bool

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return self.percentile(50)

    @property
    def spread(self) -> float:
        """What spans the middle half of the seconds, relative to their median."""
        return (self.percentile(75) - self.percentile(25)) / self.median

    def images_per_second(self, num_images: int) -> float:
        """Return the throughput of calls that process some images each, by the median call."""
        return num_images / self.median

    def middle_half(self, num_images: int) -> tuple[float, float]:
        """Return between which throughputs the middle half of the calls lies."""
        return num_images / self.percentile(75), num_images / self.percentile(25)

    def as_document(self, num_images: int) -> dict[str, Any]:
        """Return the times as `bench profile --json` gives them: in milliseconds.

        Args:
            num_images: Images of a call.
        """
        return {
            "images_per_second": round(self.images_per_second(num_images), 2),
            "images_per_second_quartiles": [round(end, 2) for end in self.middle_half(num_images)],
            "latency_ms": round(1000 * self.median, 4),
            "latency_p95_ms": round(1000 * self.percentile(95), 4),
            "num_timed": len(self.seconds),
            "stable": self.stable,
        }

    def percentile(self, percent: float) -> float:
        """Return a percentile of the seconds."""
        return float(np.percentile(self.seconds, percent))


def in_sequence(call: Call, device: torch.device) -> list[float]:
    """Time calls that follow each other: what counts for throughput.

    On CUDA, events on the device mark where each call ends; the host waits for it once.
    """
    if device.type != "cuda":
        return one_by_one(call, device)
    moments = [now(device)]
    for _ in range(CUDA_SAMPLES):
        call()
        moments.append(now(device))
    return [elapsed_seconds(first, second) for first, second in pairwise(moments)]


def one_by_one(call: Call, device: torch.device) -> list[float]:
    """Time one call from its start until its result is there: its latency."""
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return [time.perf_counter() - started]


def measure(
    call: Call, device: torch.device, budget_seconds: float, clock: Clock = in_sequence
) -> Timing:
    """Time a call again and again.

    Args:
        call: What is timed; a tenth of the budget, but at least one call, warms it up.
        device: Where it computes.
        budget_seconds: When to stop at the latest; a slow call is still timed `LEAST_SAMPLES`
            times.
        clock: How calls are timed.
    """
    started = time.monotonic()
    clock(call, device)
    while time.monotonic() - started < WARM_UP_SHARE * budget_seconds:
        clock(call, device)
    seconds: list[float] = []
    while True:
        seconds += clock(call, device)
        stable = len(seconds) >= STABLE_SAMPLES and (
            Timing(tuple(seconds), stable=True).spread <= STABLE_SPREAD
        )
        spent = time.monotonic() - started >= budget_seconds
        if stable or (spent and len(seconds) >= LEAST_SAMPLES):
            return Timing(tuple(seconds), stable=stable)


def now(device: torch.device) -> Moment:
    """Mark a moment; on CUDA, the one at which the device has done what was asked of it so far."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event


def elapsed_seconds(first: Moment, second: Moment) -> float:
    """Return the seconds between two moments of one device; the host waits for the second."""
    if isinstance(first, torch.cuda.Event) and isinstance(second, torch.cuda.Event):
        second.synchronize()
        milliseconds: float = first.elapsed_time(second)
        return milliseconds / 1000
    return second - first  # type: ignore[operator]
