"""What every launcher of jobs can do, and the words for how far a job is."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from bench_core.pipeline.matrix.jobs import Job, Outcome

State: TypeAlias = Literal[
    "to do", "waiting", "running", "done", "failed", "cancelled", "stopped", "left out"
]
"""Of a job. "stopped": it was killed with the process that watched over it, and goes on when the
matrix is run again; "left out": a job that it needs was not done."""
TOLD_TO_END = frozenset(
    code
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    for code in (-number, 128 + number)
)
"""Exit codes of a process that a signal told to end, as a cluster does before it preempts."""
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled", "stopped", "left out"})


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """How far a job is.

    Attributes:
        state: In a word.
        number: What a cluster calls it; None elsewhere.
        error: Why it is not done, in one line, where that is known.
    """

    state: State
    number: str | None = None
    error: str | None = None


class Launcher(Protocol):
    """Runs jobs: on this machine, or by handing them to a cluster."""

    def start(self, jobs: Sequence[Job]) -> None:
        """Take jobs over.

        Args:
            jobs: Each behind those that it needs; what it needs besides is done. One that was
                taken over before and has not ended is not begun again.

        Raises:
            BenchError: They cannot be run here.
        """
        ...

    def follow(self) -> Iterator[tuple[Job, JobStatus]]:
        """Yield each change of a job that was started, until all have ended."""
        ...

    def status(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        """Say how far jobs are, by their names, whoever started them."""
        ...

    def cancel(self, jobs: Sequence[Job]) -> list[str]:
        """End what waits or runs, and return the names of those jobs.

        Raises:
            BenchError: They cannot be ended from here.
        """
        ...


def ended_status(outcome: Outcome, number: str | None = None) -> JobStatus:
    """Say how far a job is that runs no more, by what its process noted."""
    if outcome.exit_code is None or outcome.exit_code in TOLD_TO_END:
        error = f"it was stopped on {outcome.host}; it goes on when the matrix is run again"
        return JobStatus(state="stopped", number=number, error=error)
    if outcome.exit_code == 0:
        return JobStatus(state="done", number=number)
    return JobStatus(state="failed", number=number, error=outcome.error)


def left_out(need: Job | str, number: str | None = None) -> JobStatus:
    """Say that a job is not run as another one was not done."""
    name = need if isinstance(need, str) else need.name
    return JobStatus(state="left out", number=number, error=f"it needs {name}, which was not done")
