"""`--processes N`: the same command again, in N processes, as torchrun would start them."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system import interruption, standard_output
from bench_core.system.process_group import LOCAL_RANK, NUMBER, NUMBER_HERE, RANK, asked_for
from bench_core.system.processes import end_with_parent

ADDRESS = "127.0.0.1"
LAST_WORDS_SECONDS = 10.0
"""How long a process that is told to end may take to clean up."""


def worked_for_us(number: int) -> bool:
    """Let other processes do the work of this command, where several were asked for.

    Args:
        number: How many.

    Returns:
        Whether they have; if not, this process is to do it, perhaps with others that are there.

    Raises:
        UsageError: Another number of processes has been started already.
        BenchError: One of them was killed.
        click.exceptions.Exit: One of them failed, and has said why.
    """
    if asked_for() > 1 and number not in (1, asked_for()):
        raise UsageError(
            f"--processes {number}: {asked_for()} were started from outside; leave it out"
        )
    if number == 1 or asked_for() > 1:
        return False
    _run(number, sys.argv[1:])
    return True


def _run(number: int, arguments: Sequence[str]) -> None:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]
    from torch.multiprocessing.spawn import ProcessExitedException, start_processes

    logging.getLogger(start_processes.__module__).setLevel(logging.ERROR)
    meeting_place = TCPStore(ADDRESS, 0, is_master=True, wait_for_workers=False)
    with standard_output.passed_on():
        started: Any = start_processes(  # type: ignore[no-untyped-call]
            _work,
            (number, meeting_place.port, list(arguments)),
            number,
            join=False,
            start_method="spawn",
        )
    try:
        while not started.join():
            pass
    except ProcessExitedException as end:
        if end.signal_name is None:
            raise click.exceptions.Exit(end.exit_code) from None
        raise BenchError(
            f"process {end.error_index + 1} of {number} was ended by {end.signal_name}, as the "
            "system does when memory runs out; run the command again to go on from the last "
            "checkpoint"
        ) from None
    finally:
        _end(started.processes)


def _end(processes: Sequence[Any]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(LAST_WORDS_SECONDS)
        process.kill()


def _work(rank: int, number: int, port: int, arguments: Sequence[str]) -> NoReturn:
    """Be one of the processes, in the environment that torchrun would make."""
    end_with_parent()
    os.environ |= {
        RANK: str(rank),
        LOCAL_RANK: str(rank),
        NUMBER: str(number),
        NUMBER_HERE: str(number),
        "MASTER_ADDR": ADDRESS,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": str(True),
    }
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is told by the process that started this
    interruption.end_at_once()

    from bench_core.cli.main import run_process

    sys.exit(run_process(arguments))
