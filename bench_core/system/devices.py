"""Devices as the user names them, and the threads that a processor computes with."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from bench_core.contracts.errors import UsageError

THREADS_VARIABLE = "VIREID_BENCH_THREADS"
DEFAULT_THREADS = 2
"""Of trainings and extractions on a processor: a sum's order, and with it its last bit, follows
from their number, so it is the same on every machine unless it is asked for."""
MOST_THREADS = 1024


def choose_device(option: str) -> torch.device:
    """Read the value of `--device`.

    Args:
        option: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:i".

    Raises:
        UsageError: The text is none of these, or the CUDA device is not there.
    """
    if option == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = option.partition(":")
    if option == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or (":" in option and not index.isdecimal()):
        raise UsageError(f"--device {option}: expected auto, cpu, cuda or cuda:0, cuda:1, ...")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        found = f"{count} CUDA devices are there" if count else "no CUDA device is there"
        raise UsageError(f"--device {option}: {found}; use --device cpu or --device auto")
    return torch.device(option)


def default_threads() -> int:
    """Return the number of processor threads: `$VIREID_BENCH_THREADS`, else `DEFAULT_THREADS`.

    Raises:
        UsageError: The variable holds no number of threads.
    """
    text = os.environ.get(THREADS_VARIABLE, str(DEFAULT_THREADS))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_THREADS):
        raise UsageError(
            f"{THREADS_VARIABLE}={text}: expected a number of threads from 1 to {MOST_THREADS}"
        )
    return int(text)


@contextmanager
def fixed_threads(threads: int) -> Iterator[None]:
    """Compute with a number of processor threads in this block, whatever OMP_NUM_THREADS says."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def device_name(device: torch.device) -> str:
    """Return the name of a processor or accelerator, such as "NVIDIA H200"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{_processor_name()}, {threads} thread{'' if threads == 1 else 's'}"


def _processor_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
