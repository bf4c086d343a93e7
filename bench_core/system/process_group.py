"""Several processes that work at one training: which of them this is, and what they agree on.

Each learns of the others from the environment that torchrun sets. Alone, a process is the first of
one, and everything here costs nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench_core.contracts.errors import BenchError, UsageError

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")

PATIENCE = timedelta(days=1)
"""Others may wait while the first decodes a dataset; who has died is noticed without a clock."""
SAME_ERROR_SECONDS, LOOK_AGAIN_SECONDS = 5.0, 0.1
"""Within this time all processes have an error that they have in common; how often to look."""
TOLD = "an error is told"
"""A key in what the processes share."""
RANK, LOCAL_RANK, NUMBER, NUMBER_HERE = "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"
"""Environment variables of torchrun."""


class ProcessLostError(BenchError):
    """Another process of the training has ended; it says itself why."""


class _Group:
    """The processes that this one has joined."""

    rank = 0
    number = 1
    imagined = False


def rank() -> int:
    """Return the number of this process among those that it has joined, from 0."""
    return _Group.rank


def num_processes() -> int:
    """Return how many processes work together, this one among them."""
    return _Group.number


def num_processes_here() -> int:
    """Return how many of them are on this machine, as whoever started them has said."""
    return min(num_processes(), int(os.environ.get(NUMBER_HERE, num_processes())))


def is_first() -> bool:
    """Return whether this process writes the files, shows the progress and prints the result."""
    return _Group.rank == 0


@contextmanager
def imagined(number: int) -> Iterator[None]:
    """Be the first of so many processes in this block, of which the others are not there.

    What is exchanged stays as it is: for counting what one of them would do.
    """
    before = _Group.rank, _Group.number, _Group.imagined
    _Group.rank, _Group.number, _Group.imagined = 0, number, True
    try:
        yield
    finally:
        _Group.rank, _Group.number, _Group.imagined = before


def is_imagined() -> bool:
    """Return whether the other processes are not there; see `imagined`."""
    return _Group.imagined


def asked_for() -> int:
    """Return how many processes whoever started this one has started: 1 where it is alone."""
    return int(os.environ[NUMBER]) if RANK in os.environ else 1


def device_of_process(option: str) -> str:
    """Return the value of `--device` for this process: each has a CUDA device of its own.

    Args:
        option: "auto", "cpu", "cuda" or "cuda:i".

    Raises:
        UsageError: One device is named for several processes.
    """
    if asked_for() == 1 or option == "cpu":
        return option
    if ":" in option:
        raise UsageError(
            f"--device {option}: {asked_for()} processes need a device each; use --device cuda"
        )
    import torch

    if option == "auto" and not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{os.environ[LOCAL_RANK]}"


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Work together with the other processes in this block, if there are any.

    All but the first write nothing to the standard streams there.

    Args:
        device: That of this process.

    Raises:
        ProcessLostError: Another process did not come.
    """
    if asked_for() == 1:
        yield
        return
    from torch import cuda, distributed
    from torch.distributed.rendezvous import rendezvous

    if device.type == "cuda":
        cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    with together():
        store, place, number = next(rendezvous("env://", timeout=PATIENCE))
        distributed.init_process_group(
            backend, store=store, rank=place, world_size=number, timeout=PATIENCE
        )
    _Group.rank, _Group.number = place, number
    try:
        with nullcontext() if is_first() else _silent():
            yield
    except Exception as error:
        _let_one_speak(store, lost=isinstance(error, ProcessLostError))
        raise
    finally:
        _Group.rank, _Group.number = 0, 1
    distributed.destroy_process_group()


def _let_one_speak(store: Any, *, lost: bool) -> None:
    """Of an error that all processes have, let the first one tell; of another, who has it.

    Who is told of one waits for the end that comes from whoever started the processes.
    """
    if is_first() and not lost:
        store.set(TOLD, "")
        return
    if not _is_told(store) and not lost:
        store.set(TOLD, "")
        sys.stderr.write(f"In process {rank() + 1} of {num_processes()}:\n")
        return
    time.sleep(SAME_ERROR_SECONDS)


def _is_told(store: Any) -> bool:
    deadline = time.monotonic() + SAME_ERROR_SECONDS
    while time.monotonic() < deadline:
        if store.check([TOLD]):
            return True
        time.sleep(LOOK_AGAIN_SECONDS)
    return False


@contextmanager
def _silent() -> Iterator[None]:
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
        yield


@contextmanager
def together() -> Iterator[None]:
    """Exchange something with the other processes in this block.

    Raises:
        ProcessLostError: One of them has ended.
    """
    try:
        yield
    except RuntimeError as error:  # that of a backend is one
        raise ProcessLostError(
            "another process of this training has ended; what it says is the reason "
            f"({' '.join(str(error).split())[:200]})"
        ) from error


def agreed(value: Value) -> Value:
    """Return the value that the first process has; each process has to ask.

    Raises:
        ProcessLostError: A process has ended.
    """
    if num_processes() == 1:
        return value
    from torch import distributed

    values = [value]
    with together():
        distributed.broadcast_object_list(values, src=0)
    return values[0]


def collected(value: Value) -> list[Value]:
    """Return the values of all processes in their order; each process has to ask.

    Raises:
        ProcessLostError: A process has ended.
    """
    if num_processes() == 1:
        return [value]
    from torch import distributed

    values: list[Value] = [value] * num_processes()
    with together():
        distributed.all_gather_object(values, value)
    return values


def add_up(values: torch.Tensor) -> None:
    """Replace values, in place, by their sum over all processes; each process has to come.

    Raises:
        ProcessLostError: A process has ended.
    """
    if _Group.imagined:
        return
    from torch import distributed

    with together():
        distributed.all_reduce(values)


def gather(whole: torch.Tensor, own: torch.Tensor) -> None:
    """Write what each process has into `whole`, in their order; each process has to come.

    Args:
        whole: As long as the values of all processes together.
        own: Those of this one.

    Raises:
        ProcessLostError: A process has ended.
    """
    if _Group.imagined:
        return
    from torch import distributed

    with together():
        distributed.all_gather_into_tensor(whole, own)


def wait_for_all() -> None:
    """Go on when every process is here.

    Raises:
        ProcessLostError: A process has ended.
    """
    collected(None)
