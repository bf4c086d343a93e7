"""Runs a stranger's code in a process of its own, with a limit of time, and hears what it says.

The process leaves no compiled files beside its sources. What it prints is counted and kept off our
output; what it finds it writes to a file, a JSON document a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.system.child_processes import ended_with_us, heard

GRACE_SECONDS = 10.0
"""Beyond a limit of time, for a process to start and to say where it stood."""
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code; negative for the signal that ended it.
        killed: Whether it was ended because it took too long.
        num_printed: Characters that it printed.
        printed: The last of them.
    """

    code: int
    killed: bool
    num_printed: int
    printed: str


def run_apart(
    command: Sequence[str],
    *,
    folder: Path,
    limit_seconds: float,
    environment: Mapping[str, str] | None = None,
    has_moved: Callable[[], bool] | None = None,
) -> Ended:
    """Run a command, and end it and all that it started when the time is up.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        limit_seconds: The most that it may take.
        environment: What is set beside our own.
        has_moved: Asked now and then whether the process has got on since it was last asked; the
            limit then begins anew.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with ended_with_us(process), heard(process.stdout, process) as printed:
        code = _wait(process, limit_seconds, has_moved)
    killed = code is None
    return Ended(-signal.SIGKILL if code is None else code, killed, printed.count, printed.end)


def read_documents(path: Path) -> list[Mapping[str, Any]]:
    """Read the JSON documents of a file that are whole; none where there is no file."""
    documents = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            document = json.loads(line)
        except ValueError:
            break  # the process ended amid a line, or is writing it
        documents.append(document)
    return documents


def _wait(
    process: subprocess.Popen[bytes], limit_seconds: float, has_moved: Callable[[], bool] | None
) -> int | None:
    """Return the exit code; None where the time was up."""
    if has_moved is None:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(limit_seconds)
        return None
    end = time.monotonic() + limit_seconds
    while time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_SECONDS)
        if has_moved():
            end = time.monotonic() + limit_seconds
    return None
