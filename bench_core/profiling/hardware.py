"""What was measured on: device, clocks, power, software, and the fastest that it multiplies."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import torch
from torch.backends import cudnn

from bench_core.profiling.timing import Timing, measure
from bench_core.system.devices import (
    NumberFormat,
    arithmetic,
    device_name,
    processor_facts,
    processor_flags,
)
from bench_core.system.processes import num_processors

KNOWN_FLAGS = (
    *("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx512_fp16", "amx_tile", "amx_bf16"),
    *("asimd", "bf16", "sve"),
)
"""Instruction sets that convolutions and matrix products are written for."""

NVIDIA_READINGS = {
    "clock_mhz": "clocks.sm",
    "max_clock_mhz": "clocks.max.sm",
    "memory_clock_mhz": "clocks.mem",
    "power_watts": "power.draw",
    "power_limit_watts": "power.limit",
}
"""Our names of what nvidia-smi is asked for, and its own."""
NVIDIA_TIMEOUT_SECONDS = 10.0

MATRIX_SIZES = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices that each type of device multiplies at its fastest."""

Readings: TypeAlias = dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class DeviceReport:
    """A device and its software, as they were when this was made.

    Attributes:
        name: Such as "NVIDIA H200", or a processor with its number of threads.
        kind: "cpu" or "cuda".
        threads: Threads that PyTorch computes with on the processor.
        processors: Processors that this process may use.
        instruction_sets: What a processor has of `KNOWN_FLAGS`; empty on CUDA.
        driver: Version of NVIDIA's driver; None where there is none, or it cannot be read.
        readings: Clock and, on CUDA, more of `NVIDIA_READINGS`; None for what cannot be read.
        versions: Of Python and PyTorch, and of CUDA and cuDNN where they are used.
    """

    name: str
    kind: str
    threads: int
    processors: int
    instruction_sets: tuple[str, ...]
    driver: str | None
    readings: Mapping[str, float | None]
    versions: Mapping[str, str]

    def as_document(self) -> dict[str, Any]:
        """Return the report as `bench profile --json` gives it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class MatrixPeak:
    """The rate of a product of two large square matrices.

    Attributes:
        number_format: Of the factors.
        size: Rows and columns of each matrix.
        timing: Of the product.
    """

    number_format: NumberFormat
    size: int
    timing: Timing

    @property
    def flops_per_second(self) -> float:
        """FLOPs (two for a multiply-add) in a second, of the fastest product."""
        return 2 * self.size**3 / min(self.timing.seconds)

    def as_document(self) -> dict[str, Any]:
        """Return the peak as `bench profile --json` lists it."""
        return {
            "dtype": self.number_format,
            "matrix_size": self.size,
            "flops_per_second": round(self.flops_per_second),
        }


def report_device(device: torch.device) -> DeviceReport:
    """Describe a device; best called right after it was at work, for its clock and power."""
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    instruction_sets: list[str] = []
    driver = None
    if device.type == "cuda":
        versions |= {"cuda": str(torch.version.cuda), "cudnn": str(cudnn.version())}  # type: ignore[no-untyped-call]
        driver, readings = _ask_nvidia(device)
    else:
        flags = processor_flags()
        instruction_sets = [flag for flag in KNOWN_FLAGS if flag in flags]
        readings = {"clock_mhz": _processor_clock()}
    return DeviceReport(
        name=device_name(device),
        kind=device.type,
        threads=torch.get_num_threads(),
        processors=num_processors(),
        instruction_sets=tuple(instruction_sets),
        driver=driver,
        readings=readings,
        versions=versions,
    )


def matrix_peak(
    number_format: NumberFormat,
    device: torch.device,
    budget_seconds: float,
    size: int | None = None,
) -> MatrixPeak:
    """Measure how fast a device multiplies large matrices with `torch.mm`.

    Args:
        number_format: Of the factors.
        device: The device.
        budget_seconds: When to stop.
        size: Rows and columns of the matrices; by default, those of `MATRIX_SIZES`.
    """
    size = size or MATRIX_SIZES[device.type]
    dtype = torch.bfloat16 if number_format == "bfloat16" else torch.float32
    first, second = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    with torch.inference_mode(), arithmetic(device, number_format):
        timing = measure(lambda: torch.mm(first, second), device, budget_seconds)
    return MatrixPeak(number_format=number_format, size=size, timing=timing)


def speed_group(device: str, number_format: str, versions: Mapping[str, str]) -> str:
    """Return a key that two measurements share if their speeds may be ranked.

    Args:
        device: Name of the device, with its number of threads where it is a processor.
        number_format: Such as "float32".
        versions: Version of each distribution by name; that of torch names its build for CUDA.
    """
    return f"{device} | {number_format} | torch {versions['torch']}"


def _processor_clock() -> float | None:
    """Return the highest clock of a processor's cores in MHz; None where the system is silent."""
    return max(map(float, processor_facts("cpu MHz")), default=None)


def _ask_nvidia(device: torch.device) -> tuple[str | None, Readings]:
    """Return driver and readings of a GPU; none where NVIDIA's tool is missing or refuses."""
    identity = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
    fields = ",".join(("driver_version", *NVIDIA_READINGS.values()))
    command = ["nvidia-smi", f"--id={identity}", f"--query-gpu={fields}"]
    try:
        finished = subprocess.run(
            [*command, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=True,
            timeout=NVIDIA_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):  # the report says None of what it would tell
        return None, dict.fromkeys(NVIDIA_READINGS)
    return parse_nvidia(finished.stdout)


def parse_nvidia(line: str) -> tuple[str, Readings]:
    """Read the answer of nvidia-smi: driver and `NVIDIA_READINGS`.

    Examples:
        >>> driver, readings = parse_nvidia("550.54.15, 1980, 1980, 3201, [N/A], 700.00")
        >>> driver, readings["clock_mhz"], readings["power_watts"]
        ('550.54.15', 1980.0, None)
    """
    driver, *values = (value.strip() for value in line.split(","))
    readings = zip(NVIDIA_READINGS, values, strict=True)
    return driver, {name: _number(value) for name, value in readings}


def _number(text: str) -> float | None:
    """Return a number; None where the tool says, in brackets, that it has none."""
    return None if text.startswith("[") else float(text)
