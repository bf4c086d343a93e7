"""A simulated queue: trainings on cards that are taken away now and then."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Cards of one kind, and how they are lent.

    Attributes:
        cards: Their number.
        hours_between_preemptions: Mean time that a training keeps its card; None for ever. The
            times are exponential, as of events that do not know of each other.
        checkpoint_seconds: Time between two checkpoints; what was done since is lost.
        start_seconds: From the start of a job to its first step: imports, data, checkpoint.
    """

    cards: int
    hours_between_preemptions: float | None = None
    checkpoint_seconds: float = 300.0
    start_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the trainings.

    Attributes:
        seconds: Until the last one was done.
        longest: From the start to the end of the training that took longest, in seconds.
        card_seconds: Time of all cards that was used.
        lost_share: Share of it that went to starts and to steps that were done again.
    """

    seconds: float
    longest: float
    card_seconds: float
    lost_share: float


@dataclass(order=True)
class _Job:
    """A training in the queue: those that have begun stand first, then the longest."""

    order: tuple[bool, float]
    length: float = field(compare=False)
    began: float | None = field(default=None, compare=False)
    done: float = field(default=0.0, compare=False)


def simulate(trainings: Sequence[float], cluster: Cluster, *, seed: int) -> Outcome:
    """Run trainings on the first card that is free, the longest first.

    A training that loses its card goes on from its last checkpoint as soon as another is free,
    ahead of those that have not begun.

    Args:
        trainings: Their lengths on a card that is never taken away, in seconds.
        cluster: The cards.
        seed: Of the times at which they are taken away.
    """
    rng = np.random.default_rng(seed)
    free = [0.0] * cluster.cards
    ready = [_Job((True, -length), length) for length in trainings]
    heapq.heapify(ready)
    interrupted: list[tuple[float, _Job]] = []
    used, longest = 0.0, 0.0
    while ready or interrupted:
        now = heapq.heappop(free)
        if not ready:
            now = max(now, interrupted[0][0])
        while interrupted and interrupted[0][0] <= now:
            heapq.heappush(ready, heapq.heappop(interrupted)[1])
        job = heapq.heappop(ready)
        end = _run(job, now, cluster, rng)
        if job.done < job.length:
            heapq.heappush(interrupted, (end, job))
        else:
            longest = max(longest, end - (job.began or 0.0))
        used += end - now
        heapq.heappush(free, end)
    lost = 1 - sum(trainings) / used
    return Outcome(seconds=max(free), longest=longest, card_seconds=used, lost_share=lost)


def _run(job: _Job, now: float, cluster: Cluster, rng: np.random.Generator) -> float:
    """Run a training until it is done or loses its card; return when that is."""
    if job.began is None:
        job.began, job.order = now, (False, now)
    hours = cluster.hours_between_preemptions
    kept = math.inf if hours is None else float(rng.exponential(hours * 3600))
    needed = cluster.start_seconds + job.length - job.done
    if needed <= kept:
        job.done = job.length
        return now + needed
    worked = max(kept - cluster.start_seconds, 0.0)
    job.done += worked // cluster.checkpoint_seconds * cluster.checkpoint_seconds
    return now + kept
