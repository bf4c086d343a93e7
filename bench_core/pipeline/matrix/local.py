"""Jobs on this machine: one after another, each in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench_core.contracts.errors import UsageError
from bench_core.pipeline.matrix.jobs import Job, run_job
from bench_core.pipeline.matrix.launchers import JobStatus, ended_status, left_out
from bench_core.system.processes import is_locked, locked

RUNNING = "running"
"""Name of what is locked in the folder of a matrix while this machine works at it."""


class LocalLauncher:
    """Runs jobs one after another; a crash of one does not end the others.

    Args:
        folder: Where their logs lie.
    """

    def __init__(self, folder: Path) -> None:
        self._running = folder / RUNNING
        self._jobs: list[Job] = []

    def start(self, jobs: Sequence[Job]) -> None:
        """Take jobs over; they run while `follow` is asked."""
        self._jobs += jobs

    def follow(self) -> Iterator[tuple[Job, JobStatus]]:
        """Run the jobs, and yield when each begins and ends.

        Raises:
            BenchError: Another process works at the same matrix.
        """
        unsuccessful: set[str] = set()
        with locked(self._running, wait=False, way_out="choose another folder for runs"):
            for job in self._jobs:
                missing = [need for need in job.needs if need in unsuccessful]
                if missing:
                    status = left_out(missing[0])
                else:
                    yield job, JobStatus(state="running")
                    status = ended_status(run_job(job))
                if status.state != "done":
                    unsuccessful.add(job.name)
                yield job, status

    def status(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        """Say how far jobs are, by what their processes noted."""
        at_work = is_locked(self._running)
        return {job.name: _status(job, at_work=at_work) for job in jobs}

    def cancel(self, jobs: Sequence[Job]) -> list[str]:  # noqa: ARG002  # as of every launcher
        """Refuse: what runs here belongs to another terminal.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "--cancel is for jobs of a cluster; what runs on this machine ends with Ctrl-C where "
            "it was started, and goes on when it is started again"
        )


def _status(job: Job, *, at_work: bool) -> JobStatus:
    outcome = job.outcome()
    if outcome is None:
        return JobStatus(state="to do")
    if outcome.exit_code is None and at_work:
        return JobStatus(state="running")
    return ended_status(outcome)
