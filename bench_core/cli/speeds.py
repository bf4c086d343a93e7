"""What `bench profile --throughput` measures, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import Option
from bench_core.cli.printing import print_table
from bench_core.contracts.errors import UsageError
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    import torch

    from bench_core.configuration import MethodChoice
    from bench_core.profiling.end_to_end import EndToEndSpeed
    from bench_core.profiling.speed import SpeedReport, SpeedSettings
    from bench_core.profiling.throughput import Speed
    from bench_core.profiling.timing import Timing
    from bench_core.profiling.training_steps import StageSpeed

SMALLEST_SHARE_SHOWN = 0.005


@dataclass(frozen=True, kw_only=True)
class SpeedOptions:
    """What is measured; each option says what it means."""

    throughput: Annotated[bool, Option(
        "--throughput", is_flag=True,
        help="Measure, too: images per second in batches and number formats, latency, memory, and "
        "the way from image files to features.",
    )]  # fmt: skip
    training_speed: Annotated[bool, Option(
        "--training-speed", is_flag=True,
        help="With --throughput: measure training steps, which takes minutes on a CPU.",
    )]  # fmt: skip
    compiled: Annotated[bool, Option(
        "--compile", is_flag=True,
        help="With --throughput: measure torch.compile, which on a CPU needs a C++ compiler.",
    )]  # fmt: skip
    budget: Annotated[float, Option(
        "--budget", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True,
        metavar="SECONDS", help="With --throughput: time for extraction, and again for training.",
    )]  # fmt: skip
    root: Annotated[Path | None, Option(
        "--data", type=click.Path(path_type=Path), metavar="ROOT",
        help="With --throughput: dataset whose files are read. [default: synthetic people]",
    )]  # fmt: skip

    def settings(self, choice: MethodChoice, device: torch.device) -> SpeedSettings | None:
        """Return what to measure of a method on a device; None for nothing.

        Raises:
            UsageError: An option was given that needs --throughput.
        """
        if not self.throughput:
            for option, value in {
                "--training-speed": self.training_speed,
                "--compile": self.compiled,
                "--data": self.root,
            }.items():
                if value:
                    raise UsageError(f"{option} needs --throughput")
            return None

        from bench_core.profiling.speed import SpeedSettings
        from bench_core.system.devices import choose_precision

        precision = choose_precision("auto", device, choice.preset.name)
        return SpeedSettings(
            device=device,
            batch_size=choice.config.extraction_batch,
            budget_seconds=self.budget,
            compiled=self.compiled,
            training=precision if self.training_speed else None,
        )


def print_speed(report: SpeedReport) -> None:
    """Print what was measured."""
    _print_throughput(report)
    _print_latency(report.latency)
    if report.end_to_end is not None:
        _print_end_to_end(report.end_to_end)
    if report.training is not None:
        _print_training(report.training)


def _print_throughput(report: SpeedReport) -> None:
    software = ", ".join(f"{name} {version}" for name, version in report.device.versions.items())
    echo(f"\nExtraction on {report.device.name} ({software}), images on the device:\n")
    rows = [
        [
            f"{speed.workload.mode} {speed.workload.number_format}",
            speed.workload.modality,
            str(speed.workload.batch),
            *_rates(speed.timing, speed.workload.batch),
            f"{report.flops_per_second(speed) / 1e9:,.1f}",
            f"{100 * report.share_of_peak(speed):.1f}",
        ]
        for speed in report.throughput
    ]
    columns = ["mode", "images", "batch", "images/s", "middle half", "GFLOP/s", "% of peak"]
    print_table(columns, rows, text={"mode", "images"})
    peaks = ", ".join(
        f"{peak.flops_per_second / 1e9:,.1f} GFLOP/s in {number_format}"
        for number_format, peak in report.peaks.items()
    )
    echo(
        f"\nPeak of matrix products: {peaks}. Memory of extracting a batch: "
        f"{_megabytes(report.peak_memory_bytes)}."
    )


def _print_latency(speeds: tuple[Speed, ...]) -> None:
    echo("\nLatency of one image:\n")
    print_table(
        ["number format", "image", "median (ms)", "95 % within (ms)", "timed"],
        [
            [
                speed.workload.number_format,
                speed.workload.modality,
                f"{1000 * speed.timing.median:.2f}",
                f"{1000 * speed.timing.percentile(95):.2f}",
                str(len(speed.timing.seconds)),
            ]
            for speed in speeds
        ],
        text={"number format", "image"},
    )


def _print_end_to_end(speed: EndToEndSpeed) -> None:
    echo(
        f"\nThe whole way, by {speed.num_images} images: {speed.decoding:,.1f} images/s "
        f"from files to decoded images, {speed.cache_to_features:,.1f} from those to "
        f"features, {speed.files_to_features:,.1f} in all.\nThe limit is the "
        f"{speed.limit_from_files} from files, and the {speed.limit_from_cache} from "
        "decoded images."
    )


def _print_training(stages: tuple[StageSpeed, ...]) -> None:
    echo("\nTraining steps, and the share of their time in forward passes of each network:\n")
    rows = [
        [
            f"{stage.name} {stage.precision}",
            str(stage.num_images),
            *_rates(stage.timing, stage.num_images),
            _megabytes(stage.peak_memory_bytes),
            ", ".join(
                f"{name} {100 * share:.0f} %"
                for name, share in stage.shares.items()
                if share >= SMALLEST_SHARE_SHOWN
            ),
        ]
        for stage in stages
    ]
    columns = ["stage", "images", "images/s", "middle half", "memory", "forward"]
    print_table(columns, rows, text={"stage", "forward"})


def _rates(timing: Timing, num_images: int) -> tuple[str, str]:
    """Return the throughput of calls of some images, and its middle half."""
    low, high = timing.middle_half(num_images)
    return f"{timing.images_per_second(num_images):,.1f}", f"{low:,.0f} to {high:,.0f}"


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:,.1f} MiB"
