"""Number formats of convolutions and matrix products, and which of them a device computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import torch

from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Precision
from bench_core.system.devices import device_name

NumberFormat: TypeAlias = Precision
"""Of the factors of convolutions and matrix products."""

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""What Linux calls bfloat16 arithmetic of x86-64 (two forms) and of Arm processors."""
_PROCESSOR_INFORMATION = Path("/proc/cpuinfo")


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


def processor_flags() -> frozenset[str]:
    """Return the instruction sets of this machine's processor, as Linux names them.

    Returns:
        Such as {"avx2", "avx512f", ...}; empty where the system does not say.
    """
    if not _PROCESSOR_INFORMATION.exists():
        return frozenset()
    for line in _PROCESSOR_INFORMATION.read_text().splitlines():
        name, _, values = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(values.split())
    return frozenset()
