"""Jobs on a SLURM cluster, through submitit: queued, dependent, requeued, and asked for."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.pipeline.matrix.file import SlurmTable
from bench_core.pipeline.matrix.jobs import Job, read_note, run_job
from bench_core.pipeline.matrix.launchers import (
    ENDED,
    JobStatus,
    State,
    ended_status,
    left_out,
)
from bench_core.system.files import write_json

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

POLL_SECONDS = 5.0
"""How often the queue is asked while jobs are followed."""
ASKING_SECONDS = 120.0
"""How long a cluster may take for an answer."""
NEVER = "DependencyNeverSatisfied"
"""SLURM's reason for a job that waits in vain."""
WAITING = frozenset(
    {
        "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD",
        "SPECIAL_EXIT", "SUSPENDED",
    }
)  # fmt: skip
RUNNING = frozenset({"RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED"})
REASONS: Mapping[str, str] = {
    "TIMEOUT": "it reached its time limit; raise slurm.minutes or slurm.most_timeouts",
    "OUT_OF_MEMORY": "it took more memory than it asked for; raise slurm.memory_gb",
    "PREEMPTED": "it was preempted and not requeued; run the matrix again to go on",
    "NODE_FAIL": "its node failed; run the matrix again to go on",
}
"""Why a job failed, where SLURM knows more than its process."""


class Submission:
    """What submitit runs on a node: a job, which is queued again where it is interrupted.

    A training goes on by itself from its last checkpoint.

    Args:
        job: The job; its folder is relative to that in which it was submitted, if to any.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self) -> None:
        """Run the job.

        Raises:
            BenchError: It failed, by which the jobs that need it are left out.
        """
        outcome = run_job(self._job)
        if outcome.exit_code != 0:
            raise BenchError(f"{self._job.name}: {outcome.error}; see {self._job.log}")

    def checkpoint(self) -> DelayedSubmission:
        """Return what is queued when the time is up: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class SlurmLauncher:
    """Hands jobs to SLURM, each with those that it needs as its dependencies.

    Args:
        folder: Where their logs lie; the nodes must see it, too.
        table: What they ask for.
        source: The file of the matrix, which errors name.

    Raises:
        UsageError: There is no SLURM on this machine, or submitit is not installed.
    """

    def __init__(self, folder: Path, table: SlurmTable, source: Path) -> None:
        _check_installed()
        self._folder, self._table, self._source = folder.absolute(), table, source
        self._jobs: list[Job] = []

    def start(self, jobs: Sequence[Job]) -> None:
        """Submit jobs, unless they are in the queue from before.

        Raises:
            BenchError: SLURM refuses one.
        """
        before = self.status(jobs)
        numbers: dict[str, str] = {}
        for job in jobs:
            known = before[job.name]
            if known.number is not None and known.state in ("waiting", "running"):
                numbers[job.name] = known.number
                continue
            after = [numbers[need] for need in job.needs if need in numbers]
            job.folder.mkdir(parents=True, exist_ok=True)
            job.outcome_file.unlink(missing_ok=True)
            numbers[job.name] = self._submit(job, after)
            write_json(job.ticket_file, {"number": numbers[job.name]})
        self._jobs += jobs

    def follow(self) -> Iterator[tuple[Job, JobStatus]]:
        """Ask the queue now and then, and yield what has changed, until all jobs have ended."""
        last: dict[str, JobStatus] = {}
        while True:
            now = self.status(self._jobs)
            for job in self._jobs:
                if now[job.name] != last.get(job.name):
                    yield job, now[job.name]
            if all(status.state in ENDED for status in now.values()):
                return
            last = now
            time.sleep(POLL_SECONDS)

    def status(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        """Say how far jobs are: by the queue, and of those that it has forgotten by their notes."""
        numbers = {job.name: _number(job) for job in jobs}
        queue = _queue() if any(numbers.values()) else {}
        statuses: dict[str, JobStatus] = {}
        for job in jobs:
            number = numbers[job.name]
            status = _status(job, number, queue.get(number or ""))
            missing = [n for n in job.needs if n in statuses and _in_vain(statuses[n])]
            if status.state == "cancelled" and missing:
                status = left_out(missing[0], number)
            statuses[job.name] = status
        return statuses

    def cancel(self, jobs: Sequence[Job]) -> list[str]:
        """Take what waits or runs out of the queue, and return the names of those jobs.

        Raises:
            BenchError: SLURM refuses.
        """
        live = {
            name: status.number
            for name, status in self.status(jobs).items()
            if status.state in ("waiting", "running") and status.number is not None
        }
        if live:
            _ask("scancel", *live.values())
        return list(live)

    def _submit(self, job: Job, after: Sequence[str]) -> str:
        """Submit a job and return its number.

        Raises:
            BenchError: SLURM refuses it.
        """
        import submitit

        executor = submitit.SlurmExecutor(
            self._folder / "submitit", max_num_timeout=self._table.most_timeouts
        )
        executor.update_parameters(**_parameters(self._table, job, after))
        try:
            submitted = executor.submit(Submission(job))
        except (submitit.core.utils.FailedJobError, subprocess.SubprocessError, OSError) as error:
            lines = [line for line in str(error).splitlines() if "error" in line.lower()]
            reason = (lines or [" ".join(str(error).split())])[0]
            raise BenchError(
                f"SLURM refuses {job.name}: {reason}; mend [slurm] in {self._source}"
            ) from error
        return str(submitted.job_id)


def _check_installed() -> None:
    if importlib.util.find_spec("submitit") is None:
        raise UsageError(
            "the launcher 'slurm' needs submitit: run pip install 'vireid-bench[cluster]'"
        )
    for program in ("sbatch", "srun"):
        if shutil.which(program) is None:
            raise UsageError(
                f"the launcher 'slurm' needs {program}, which is not here: start bench where jobs "
                "are submitted, or use --launcher local"
            )


def _parameters(table: SlurmTable, job: Job, after: Sequence[str]) -> dict[str, Any]:
    """Return what submitit writes into the script of a job."""
    given = {
        "partition": table.partition,
        "account": table.account,
        "gpus_per_node": table.gpus or None,
        "mem": None if table.memory_gb is None else f"{round(table.memory_gb * 1024)}M",
        "setup": list(table.setup) or None,
        "dependency": f"afterok:{':'.join(after)}" if after else None,
    }
    additional: dict[str, str | int | bool] = {
        name.replace("_", "-"): value for name, value in table.sbatch.items() if value is not False
    }
    if after:
        additional["kill-on-invalid-dep"] = "yes"  # else those that wait in vain wait for ever
    return {
        "job_name": job.name,
        "time": table.minutes,
        "cpus_per_task": table.cpus,
        "signal_delay_s": table.warning_seconds,
        "stderr_to_stdout": True,
        "additional_parameters": {**additional, "requeue": True},
        **{name: value for name, value in given.items() if value is not None},
    }


def _number(job: Job) -> str | None:
    """Return the number of a job's last submission.

    Raises:
        BenchError: The note of it is damaged.
    """
    ticket = read_note(job.ticket_file)
    if ticket is None:
        return None
    if not (isinstance(ticket, dict) and isinstance(ticket.get("number"), str)):
        raise BenchError(f"{job.ticket_file} is no note of a job; remove it and run again")
    return str(ticket["number"])


def _queue() -> dict[str, tuple[str, str]]:
    """Return state and reason of this user's jobs by number; those that ended lately, too."""
    user, form = f"--user={os.getuid()}", "--format=%i|%T|%r"
    lines = _ask("squeue", "--noheader", "--states=all", user, form).splitlines()
    parts = (line.strip().split("|", 2) for line in lines)
    return {number: (state, reason) for number, state, reason in parts}


def _status(job: Job, number: str | None, queued: tuple[str, str] | None) -> JobStatus:
    outcome = job.outcome()
    if number is None:
        return JobStatus(state="to do")
    if queued is None:  # SLURM forgets a job some minutes after its end
        if outcome is not None:
            return ended_status(outcome, number)
        return JobStatus(state="cancelled", number=number, error="it left the queue unbegun")
    word, reason = queued
    if word == "PENDING" and reason == NEVER:
        return JobStatus(state="cancelled", number=number, error=reason)
    state = _state(word)
    error = None
    if state == "failed":
        said = None if outcome is None else outcome.error
        error = REASONS.get(word) or said or f"SLURM says {word}"
    return JobStatus(state=state, number=number, error=error)


def _state(word: str) -> State:
    """Put a state of SLURM into a word of ours."""
    if word in WAITING:
        return "waiting"
    if word in RUNNING:
        return "running"
    if word == "COMPLETED":
        return "done"
    return "cancelled" if word in ("CANCELLED", "REVOKED") else "failed"


def _in_vain(status: JobStatus) -> bool:
    """Say whether a job that needs this one waits in vain."""
    return status.state in ENDED and status.state != "done"


def _ask(*command: str) -> str:
    """Ask SLURM, and return its answer.

    Raises:
        BenchError: It does not answer, or refuses.
    """
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=ASKING_SECONDS
        )
    except subprocess.CalledProcessError as error:
        reason = " ".join(error.stderr.split()) or f"exit code {error.returncode}"
        raise BenchError(f"SLURM does not answer {command[0]}: {reason}; try again") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"SLURM does not answer {command[0]}: {error}; try again") from error
    return answer.stdout
