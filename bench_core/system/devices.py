"""Devices and precisions as the user names them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import torch

from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Precision

THREADS_VARIABLE = "VIREID_BENCH_THREADS"
DEFAULT_THREADS = 2
"""Of trainings and extractions on a processor: a sum's order, and with it its last bit, follows
from their number, so it is the same on every machine unless it is asked for."""
MOST_THREADS = 1024
FORMATS: tuple[Precision, ...] = get_args(Precision)


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


def choose_precision(option: str, device: torch.device, preset: str = "") -> Precision:
    """Read the value of `--precision`.

    Args:
        option: A number format, or "auto": bfloat16 on CUDA, except that the preset "paper" is
            trained in float32, as papers are; float32 on a CPU.
        device: Where is trained.
        preset: Name of the preset.

    Raises:
        UsageError: The device has no such format.
    """
    if option == "tf32" and device.type != "cuda":
        raise UsageError("--precision tf32: only CUDA has it; use --precision float32")
    for known in FORMATS:
        if option == known:
            return known
    return "bfloat16" if device.type == "cuda" and preset != "paper" else "float32"


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
