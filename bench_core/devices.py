"""Devices and precisions as the user names them."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Precision


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


def choose_precision(option: str, device: torch.device) -> Precision:
    """Read the value of `--precision`: "auto" trains in bfloat16 on CUDA, in float32 on a CPU."""
    if option == "float32":
        return "float32"
    if option == "bfloat16" or device.type == "cuda":
        return "bfloat16"
    return "float32"


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
