"""A job of a matrix: one command of bench in a process of its own, with a log and an outcome."""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import shlex
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import BenchError
from bench_core.system.files import write_json
from bench_core.system.processes import end_with_parent

LAST_WORDS_SECONDS = 20.0
"""How long a process that is told to end may take to clean up."""
TAIL_BYTES = 1 << 14
ERROR = "Error: "
"""With what the last line of a failed command begins."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job, as its own process noted it.

    Attributes:
        host: Where it ran.
        process: Number of the process there that watched over it.
        started: When it began, in UTC.
        exit_code: What it ended with, negative for a signal; None while it runs, and for ever where
            it was killed with the process that watched over it.
        error: Why it failed, in one line; None otherwise.
    """

    host: str
    process: int
    started: str
    exit_code: int | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command of bench.

    Attributes:
        name: Safe in a file's name, and different for different jobs.
        title: What it does, for people.
        arguments: Those of the command.
        folder: Where its log lies, and what is noted of it.
        needs: Names of the jobs that must have been done before it.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    folder: Path
    needs: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """Everything that it prints, of all attempts."""
        return self.folder / f"{self.name}.log"

    @property
    def outcome_file(self) -> Path:
        """What its own process notes."""
        return self.folder / f"{self.name}.outcome.json"

    @property
    def ticket_file(self) -> Path:
        """The number that a cluster gave to its last submission."""
        return self.folder / f"{self.name}.ticket.json"

    def outcome(self) -> Outcome | None:
        """Return what its last attempt noted; None where it was never begun.

        Raises:
            BenchError: The note is damaged.
        """
        document = read_note(self.outcome_file)
        return None if document is None else _outcome(self.outcome_file, document)


def read_note(path: Path) -> Any:
    """Read a note about a job; None where there is none.

    Raises:
        BenchError: It is no JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be read ({error}); remove it and run again") from error


def run_job(job: Job) -> Outcome:
    """Run a job to its end, in a process that ends with this one; note what becomes of it.

    Raises:
        BenchError: A note cannot be written.
    """
    begun = Outcome(
        host=socket.gethostname(),
        process=os.getpid(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    job.folder.mkdir(parents=True, exist_ok=True)
    write_json(job.outcome_file, asdict(begun))
    start = job.log.stat().st_size if job.log.exists() else 0
    # It starts afresh: a copy of this process would share its locks, threads and signal handlers.
    process = multiprocessing.get_context("spawn").Process(
        target=_work, args=(str(job.log), job.arguments)
    )
    process.start()
    try:
        process.join()
    finally:  # as when this process is told to end
        if process.is_alive():
            process.terminate()
            process.join(LAST_WORDS_SECONDS)
            process.kill()
            process.join()
    code = process.exitcode
    error = _error(job.log, start, code) if code else None
    ended = Outcome(**{**asdict(begun), "exit_code": code, "error": error})
    write_json(job.outcome_file, asdict(ended))
    return ended


def _work(log: str, arguments: tuple[str, ...]) -> None:
    """Be the process of a job: print into its log, and be `bench`."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # by which a cluster warns whoever watches
    end_with_parent()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    print(f"$ bench {shlex.join(arguments)}", flush=True)  # noqa: T201  # into the log
    sys.argv = ["bench", *arguments]
    runpy.run_module("bench_core", run_name="__main__")


def _error(log: Path, start: int, code: int | None) -> str:
    """Say why a command failed: its last error line, or what ended it."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        reason = ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
        return f"it was ended by {name}{reason}"
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    return errors[-1] if errors else f"it ended with exit code {code}"


def _outcome(path: Path, document: Any) -> Outcome:
    try:
        return Outcome(**document)
    except TypeError as error:
        raise BenchError(f"{path} is no note of a job; remove it and run again") from error
