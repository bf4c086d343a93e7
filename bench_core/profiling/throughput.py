"""Images per second and latency of extraction, of images that lie on the device."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bench_core.contracts.images import MODALITIES, Modality
from bench_core.profiling.modes import Mode, build_mode, images_for
from bench_core.profiling.timing import Call, Clock, Timing, measure
from bench_core.system.devices import NumberFormat, number_formats
from bench_core.system.progress import progress
from bench_core.training.method import Method

EXTRACTION_MODE: Mode = "folded"
"""The mode that features are extracted in; batches and latency are measured in it."""

LONGEST_REASON = 200
"""Characters that are shown of an error; compilers write pages."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is extracted, and how.

    Attributes:
        modality: Of the images.
        batch: Images in a batch.
        number_format: Of convolutions and matrix products.
        mode: How extraction is run.
    """

    modality: Modality
    batch: int
    number_format: NumberFormat
    mode: Mode = EXTRACTION_MODE

    def __str__(self) -> str:
        return f"{self.mode} {self.number_format} of {self.batch} {self.modality} images"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """A measured workload.

    Attributes:
        workload: What was measured.
        timing: Of a batch.
    """

    workload: Workload
    timing: Timing

    @property
    def images_per_second(self) -> float:
        """The throughput, by the median time of a batch."""
        return self.timing.images_per_second(self.workload.batch)

    def as_document(self) -> dict[str, Any]:
        """Return the workload and its throughput as `bench profile --json` lists them."""
        return {
            "batch": self.workload.batch,
            "dtype": self.workload.number_format,
            "mode": self.workload.mode,
            "modality": self.workload.modality,
            **self.timing.as_document(self.workload.batch),
        }


def throughput_workloads(
    device: torch.device, costlier: Modality, batch: int, modes: Sequence[Mode]
) -> list[Workload]:
    """Return what is measured for throughput, in every number format of a device.

    Images of the costlier modality in every mode, and in batches of other sizes; images of the
    other modality as features are extracted.

    Args:
        device: The device.
        costlier: The modality that takes more multiply-adds.
        batch: Images in a batch as features are extracted.
        modes: The modes.
    """
    sizes = sorted({1, max(batch // 4, 1), 4 * batch} - {batch})
    other = next(modality for modality in MODALITIES if modality != costlier)
    kinds = [
        *((costlier, batch, mode) for mode in modes),
        *((costlier, size, EXTRACTION_MODE) for size in sizes),
        (other, batch, EXTRACTION_MODE),
    ]
    return [
        Workload(modality=modality, batch=size, number_format=number_format, mode=mode)
        for number_format in number_formats(device)
        for modality, size, mode in kinds
    ]


def latency_workloads(device: torch.device) -> list[Workload]:
    """Return what is measured for latency: one image of each modality, in every number format."""
    return [
        Workload(modality=modality, batch=1, number_format=number_format)
        for number_format in number_formats(device)
        for modality in MODALITIES
    ]


def measure_workloads(
    method: Method,
    image_size: tuple[int, int],
    device: torch.device,
    workloads: Sequence[Workload],
    clock: Clock,
    budget_seconds: float,
) -> tuple[Speed, ...]:
    """Measure workloads one after the other.

    One that the device has no memory for, or a mode that the method does not bear (a CUDA graph of
    what reads a value, say) or the machine cannot compile, is named on standard error and left out.

    Args:
        method: In evaluation mode on the device; it is left as it is.
        image_size: Height and width in pixels.
        device: The device.
        workloads: What to measure.
        clock: How a batch is timed.
        budget_seconds: In all; each gets an equal share, and slow ones take longer.
    """
    each = budget_seconds / len(workloads)
    speeds = []
    for workload in progress(workloads, description="measuring extraction", unit="workload"):
        try:
            speeds.append(measure_workload(method, image_size, device, workload, clock, each))
        except (RuntimeError, TypeError, subprocess.CalledProcessError) as error:
            reason = " ".join(str(error).split())[:LONGEST_REASON]
            sys.stderr.write(f"Note: {workload} could not be measured: {reason}\n")
    return tuple(speeds)


def measure_workload(
    method: Method,
    image_size: tuple[int, int],
    device: torch.device,
    workload: Workload,
    clock: Clock,
    budget_seconds: float,
) -> Speed:
    """Measure a workload.

    Args:
        method: In evaluation mode on the device; it is left as it is.
        image_size: Height and width in pixels.
        device: The device.
        workload: What to measure.
        clock: How a batch is timed.
        budget_seconds: When to stop; a slow workload takes longer.

    Raises:
        RuntimeError: The device has no memory for it, or the method does not bear its mode.
        TypeError: The method does not bear its mode.
        CalledProcessError: The machine's compiler refuses what it is given.
    """
    call = _extraction(method, workload, image_size, device)
    return Speed(workload=workload, timing=measure(call, device, budget_seconds, clock))


def _extraction(
    method: Method, workload: Workload, image_size: tuple[int, int], device: torch.device
) -> Call:
    embed = build_mode(method, workload.mode, workload.number_format)
    images = images_for(workload.mode, torch.rand(workload.batch, 3, *image_size, device=device))
    return lambda: embed(images, workload.modality)
