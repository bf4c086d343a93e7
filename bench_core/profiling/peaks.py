"""The fastest that a device multiplies: what achieved arithmetic is a share of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench_core.profiling.timing import Timing, measure
from bench_core.system.devices import NumberFormat, arithmetic

SIZES = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices on each type of device."""


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
        size: Rows and columns of the matrices; by default, those of `SIZES`.
    """
    size = size or SIZES[device.type]
    dtype = torch.bfloat16 if number_format == "bfloat16" else torch.float32
    first, second = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    with torch.inference_mode(), arithmetic(device, number_format):
        timing = measure(lambda: torch.mm(first, second), device, budget_seconds)
    return MatrixPeak(number_format=number_format, size=size, timing=timing)
