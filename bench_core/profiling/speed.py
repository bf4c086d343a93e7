"""How fast a method is on a device: extraction, its latency and memory, and training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Precision
from bench_core.features.extraction import ExtractionSettings, batch_limit
from bench_core.features.fast import fast_copy, in_format
from bench_core.profiling.cost import inference_cost
from bench_core.profiling.end_to_end import EndToEndSpeed, measure_end_to_end
from bench_core.profiling.hardware import (
    DeviceReport,
    MatrixPeak,
    matrix_peak,
    report_device,
    speed_group,
)
from bench_core.profiling.memory import peak_memory
from bench_core.profiling.modes import measured_modes
from bench_core.profiling.throughput import (
    Speed,
    latency_workloads,
    measure_workloads,
    throughput_workloads,
)
from bench_core.profiling.timing import in_sequence, one_by_one
from bench_core.profiling.training_steps import StageSpeed, measure_training
from bench_core.system.devices import NumberFormat, number_formats
from bench_core.training.method import Method, StagedMethod

PEAK_SHARE, LATENCY_SHARE, THROUGHPUT_SHARE = 0.1, 0.2, 0.7
"""Of the budget for extraction."""


@dataclass(frozen=True, kw_only=True)
class SpeedSettings:
    """What is measured, and for how long.

    Attributes:
        device: The device.
        batch_size: Images in a batch of extraction at most; a processor takes smaller ones.
        budget_seconds: For extraction, and again for training where that is measured; slow
            workloads take longer, since each is timed a few times.
        compiled: Whether to measure extraction through `torch.compile`, too.
        training: Number format of the training steps to measure; None measures none.
    """

    device: torch.device
    batch_size: int
    budget_seconds: float
    compiled: bool = False
    training: Precision | None = None


@dataclass(frozen=True, kw_only=True)
class SpeedReport:
    """What was measured of a method on a device.

    Attributes:
        device: The device, right after throughput was measured.
        macs: Multiply-adds of one image of each modality.
        peaks: Matrix products in each number format.
        throughput: Extraction of batches, one after the other.
        latency: Extraction of one image, until its features are there.
        peak_memory_bytes: Of extracting a batch as features are extracted.
        end_to_end: From files to features; None where no dataset was given.
        training: Of each stage; None where it was not measured.
    """

    device: DeviceReport
    macs: Mapping[Modality, int]
    peaks: Mapping[NumberFormat, MatrixPeak]
    throughput: tuple[Speed, ...]
    latency: tuple[Speed, ...]
    peak_memory_bytes: int
    end_to_end: EndToEndSpeed | None
    training: tuple[StageSpeed, ...] | None

    def flops_per_second(self, speed: Speed) -> float:
        """Return the FLOPs (two for a multiply-add) in a second of a measured workload."""
        return 2 * self.macs[speed.workload.modality] * speed.images_per_second

    def share_of_peak(self, speed: Speed) -> float:
        """Return what share of the matrix peak of its number format a workload reaches."""
        return (
            self.flops_per_second(speed) / self.peaks[speed.workload.number_format].flops_per_second
        )

    def as_document(self) -> dict[str, Any]:
        """Return what `bench profile --json` says of speed."""
        return {
            "hardware": self.device.as_document(),
            "speed_groups": {
                number_format: speed_group(self.device.name, number_format, self.device.versions)
                for number_format in self.peaks
            },
            "peaks": [peak.as_document() for peak in self.peaks.values()],
            "throughput": [
                {
                    **speed.as_document(),
                    "flops_per_second": round(self.flops_per_second(speed)),
                    "share_of_peak": round(self.share_of_peak(speed), 4),
                }
                for speed in self.throughput
            ],
            "latency": [speed.as_document() for speed in self.latency],
            "peak_memory_bytes": self.peak_memory_bytes,
            "pipeline": self.end_to_end and self.end_to_end.as_document(),
            "training": self.training and [stage.as_document() for stage in self.training],
        }


def measure_speed(
    method: Method,
    image_size: tuple[int, int],
    settings: SpeedSettings,
    dataset: Dataset | None = None,
) -> SpeedReport:
    """Measure how fast a method is.

    Args:
        method: The method; where training is measured, its networks are of no use afterwards.
        image_size: Height and width in pixels.
        settings: What to measure, and for how long.
        dataset: Images that go the whole way from files to features, if that is to be measured.

    Raises:
        DataError: An image of the dataset is damaged, or features are not what they must be.
    """
    device, seconds = settings.device, settings.budget_seconds
    method.networks.to(device).eval()
    cost = inference_cost(method, image_size, device)
    extraction = ExtractionSettings(device=device, batch_size=settings.batch_size)
    batch = batch_limit(extraction, image_size)
    formats = number_formats(device)
    modes = measured_modes(device, compiled=settings.compiled)
    measured = partial(measure_workloads, method, image_size, device)
    return SpeedReport(
        macs=cost.macs,
        peaks={
            number_format: matrix_peak(number_format, device, PEAK_SHARE * seconds / len(formats))
            for number_format in formats
        },
        latency=measured(latency_workloads(device), one_by_one, LATENCY_SHARE * seconds),
        throughput=measured(
            throughput_workloads(device, cost.costlier, batch, modes),
            in_sequence,
            THROUGHPUT_SHARE * seconds,
        ),
        device=report_device(device),
        peak_memory_bytes=_extraction_memory(method, image_size, device, cost.costlier, batch),
        end_to_end=None
        if dataset is None
        else measure_end_to_end(method, dataset, image_size, extraction),
        training=_training(method, image_size, settings),
    )


def _extraction_memory(
    method: Method,
    image_size: tuple[int, int],
    device: torch.device,
    modality: Modality,
    batch: int,
) -> int:
    copied = fast_copy(method, "float32")
    embed = in_format(copied, "float32")
    images = torch.rand(batch, 3, *image_size, device=device).to(memory_format=torch.channels_last)
    networks = copied.networks
    resident = [images, *networks.parameters(), *networks.buffers()]
    return peak_memory(lambda: embed(images, modality), device, resident)


def _training(
    method: Method, image_size: tuple[int, int], settings: SpeedSettings
) -> tuple[StageSpeed, ...] | None:
    """Measure training where that is asked for; a method with a loop of its own has no stages."""
    if settings.training is None or not isinstance(method, StagedMethod):
        return None
    return measure_training(
        method, image_size, settings.device, settings.training, settings.budget_seconds
    )
