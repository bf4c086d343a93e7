"""Devices: what they are, the number formats they compute in, and the threads of a processor."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, get_args

import torch

from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Precision
from bench_core.system.process_group import num_processes

NumberFormat: TypeAlias = Precision
"""Of the factors of convolutions and matrix products."""

FORMATS: tuple[Precision, ...] = get_args(Precision)
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""What Linux calls bfloat16 arithmetic of x86-64 (two forms) and of Arm processors."""
THREADS_VARIABLE = "VIREID_BENCH_THREADS"
DEFAULT_THREADS = 2
"""Of trainings and extractions on a processor: a sum's order, and with it its last bit, follows
from their number, so it is the same on every machine unless it is asked for."""
MOST_THREADS = 1024
_PROCESSOR_INFORMATION = Path("/proc/cpuinfo")


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


def choose_precision(option: str, device: torch.device, preset: str) -> Precision:
    """Read the value of `--precision`.

    Args:
        option: A number format, or "auto": float32, as papers train; but bfloat16 with the preset
            "quick" on CUDA that has it.
        device: Where is trained.
        preset: Name of the preset.

    Raises:
        UsageError: The device has no such format.
    """
    on_cuda = device.type == "cuda"
    if option == "tf32" and not on_cuda:
        raise UsageError("--precision tf32: only CUDA has it; use --precision float32")
    for known in FORMATS:
        if option == known:
            if on_cuda:
                check_format(known, device)
            return known
    fast = on_cuda and preset == "quick" and "bfloat16" in number_formats(device)
    return "bfloat16" if fast else "float32"


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """On a CPU, choose kernels that give the same bits every time; on CUDA they cost too much."""
    settings: Any = torch.utils.deterministic  # torch's stubs leave out its one attribute
    before = torch.are_deterministic_algorithms_enabled()
    fill_before = settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(before or device.type == "cpu")
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        settings.fill_uninitialized_memory = fill_before


@contextmanager
def arithmetic(device: torch.device, number_format: NumberFormat) -> Iterator[None]:
    """Compute in a number format in this block.

    PyTorch rounds the factors of float32 convolutions on CUDA to TF32 unless it is told not to.
    """
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = number_format == "tf32"
    try:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=number_format == "bfloat16"):
            yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def number_formats(device: torch.device) -> tuple[NumberFormat, ...]:
    """Return the formats that a device has arithmetic for, "float32" first."""
    if device.type == "cuda":
        ampere = torch.cuda.get_device_capability(device) >= (8, 0)
        return ("float32", "tf32", "bfloat16") if ampere else ("float32",)
    if BFLOAT16_FLAGS & processor_flags():
        return ("float32", "bfloat16")
    return ("float32",)


def check_format(number_format: NumberFormat, device: torch.device) -> None:
    """Refuse a format that a device would only imitate, slowly.

    Raises:
        UsageError: The device has no arithmetic for it.
    """
    known = number_formats(device)
    if number_format not in known:
        raise UsageError(
            f"--precision {number_format}: {device_name(device)} has no arithmetic for it; use "
            f"--precision {known[-1]}"
        )


def device_name(device: torch.device) -> str:
    """Return the name of a processor or accelerator, such as "NVIDIA H200".

    Of several processes that work together, it is that of each, as in "2 x NVIDIA H200".
    """
    several = f"{num_processes()} x " if num_processes() > 1 else ""
    if device.type == "cuda":
        return f"{several}{torch.cuda.get_device_name(device)}"
    name = next(iter(processor_facts("model name")), platform.processor() or platform.machine())
    threads = torch.get_num_threads()
    return f"{several}{name}, {threads} thread{'' if threads == 1 else 's'}"


def processor_flags() -> frozenset[str]:
    """Return the instruction sets of this machine's processor, as Linux names them.

    Returns:
        Such as {"avx2", "avx512f", ...}; empty where the system does not say.
    """
    return frozenset(next(iter(processor_facts("flags", "Features")), "").split())


def processor_facts(*names: str) -> list[str]:
    """Return what Linux tells of the cores of this machine's processor.

    Args:
        names: Of a fact, such as "model name"; architectures differ in them.

    Returns:
        What it is of each core; nothing where the system does not say.
    """
    if not _PROCESSOR_INFORMATION.exists():
        return []
    lines = (line.partition(":") for line in _PROCESSOR_INFORMATION.read_text().splitlines())
    return [value.strip() for name, _, value in lines if name.strip() in names]
