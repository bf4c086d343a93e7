"""What `bench profile --throughput` measures, and how it is printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli.options import Command
from bench_core.cli.printing import print_table
from bench_core.contracts.errors import UsageError
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    import torch

    from bench_core.configuration import MethodChoice
    from bench_core.plugins import Registry

SMALLEST_SHARE_SHOWN = 0.005


def speed_options(command: Command) -> Command:
    """Add the options that say what is measured."""
    for option in reversed((
        click.option(
            "--throughput", is_flag=True,
            help="Measure, too: images per second in batches and number formats, latency, memory, "
            "and the way from image files to features.",
        ),
        click.option(
            "--training-speed", is_flag=True,
            help="With --throughput: measure training steps, which takes minutes on a CPU.",
        ),
        click.option(
            "--compile", "compiled", is_flag=True,
            help="With --throughput: measure torch.compile, which on a CPU needs a C++ compiler.",
        ),
        click.option(
            "--budget", type=click.FloatRange(min=0, min_open=True), default=60.0,
            show_default=True, metavar="SECONDS",
            help="With --throughput: time for extraction, and again for training.",
        ),
        click.option(
            "--data", "root", type=click.Path(path_type=Path), metavar="ROOT",
            help="With --throughput: dataset whose files are read. [default: synthetic people]",
        ),
    )):  # fmt: skip
        command = option(command)
    return command


def measured_speed(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    choice: MethodChoice,
    device: torch.device,
    *,
    throughput: bool,
    training_speed: bool,
    compiled: bool,
    budget: float,
    root: Path | None,
) -> dict[str, Any]:
    """Return what the options ask for, as parts of the document of `bench profile`.

    Raises:
        UsageError: An option was given that needs --throughput.
        BenchError: The dataset cannot be read.
    """
    if not throughput:
        for option, value in {
            "--training-speed": training_speed, "--compile": compiled, "--data": root,
        }.items():  # fmt: skip
            if value:
                raise UsageError(f"{option} needs --throughput")
        return {}

    from bench_core.pipeline.speeds import speed_of
    from bench_core.profiling.speed import SpeedSettings
    from bench_core.system.arithmetic import choose_precision

    settings = SpeedSettings(
        device=device,
        batch_size=choice.config.extraction_batch,
        budget_seconds=budget,
        compiled=compiled,
        training=(choose_precision("auto", device, choice.preset.name) if training_speed else None),
    )
    return speed_of(registry, choice, settings, root).as_document()


def print_speed(document: dict[str, Any]) -> None:
    """Print what `measured_speed` returned."""
    _print_throughput(document)
    _print_latency(document["latency"])
    _print_pipeline(document["pipeline"])
    if document["training"] is not None:
        _print_training(document["training"])


def _print_throughput(document: dict[str, Any]) -> None:
    hardware = document["hardware"]
    software = ", ".join(f"{name} {version}" for name, version in hardware["versions"].items())
    echo(f"\nExtraction on {hardware['name']} ({software}), images on the device:\n")
    rows = [
        [
            f"{row['mode']} {row['dtype']}",
            row["modality"],
            str(row["batch"]),
            f"{row['images_per_second']:,.1f}",
            _range(row["images_per_second_quartiles"]),
            f"{row['flops_per_second'] / 1e9:,.1f}",
            f"{100 * row['share_of_peak']:.1f}",
        ]
        for row in document["throughput"]
    ]
    columns = ["mode", "images", "batch", "images/s", "middle half", "GFLOP/s", "% of peak"]
    print_table(columns, rows)
    peaks = ", ".join(
        f"{peak['flops_per_second'] / 1e9:,.1f} GFLOP/s in {peak['dtype']}"
        for peak in document["peaks"]
    )
    echo(
        f"\nPeak of matrix products: {peaks}. Memory of extracting a batch: "
        f"{_megabytes(document['peak_memory_bytes'])}."
    )


def _print_latency(rows: list[dict[str, Any]]) -> None:
    echo("\nLatency of one image:\n")
    print_table(
        ["number format", "image", "median (ms)", "95 % within (ms)", "timed"],
        [
            [
                row["dtype"],
                row["modality"],
                f"{row['latency_ms']:.2f}",
                f"{row['latency_p95_ms']:.2f}",
                str(row["num_timed"]),
            ]
            for row in rows
        ],
    )


def _print_pipeline(pipeline: dict[str, Any]) -> None:
    echo(
        f"\nThe whole way, by {pipeline['images']} images: {pipeline['decoding']:,.1f} images/s "
        f"from files to decoded images, {pipeline['cache_to_features']:,.1f} from those to "
        f"features, {pipeline['files_to_features']:,.1f} in all.\nThe limit is the "
        f"{pipeline['limit_from_files']} from files, and the {pipeline['limit_from_cache']} from "
        "decoded images."
    )


def _print_training(stages: list[dict[str, Any]]) -> None:
    echo("\nTraining steps, and the share of their time in forward passes of each network:\n")
    rows = [
        [
            f"{stage['name']} {stage['dtype']}",
            str(stage["images"]),
            f"{stage['images_per_second']:,.1f}",
            _range(stage["images_per_second_quartiles"]),
            _megabytes(stage["peak_memory_bytes"]),
            ", ".join(
                f"{name} {100 * share:.0f} %"
                for name, share in stage["shares"].items()
                if share >= SMALLEST_SHARE_SHOWN
            ),
        ]
        for stage in stages
    ]
    columns = ["stage", "images", "images/s", "middle half", "memory", "forward"]
    print_table(columns, rows)


def _range(ends: list[float]) -> str:
    return f"{ends[0]:,.1f} to {ends[1]:,.1f}"


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:,.1f} MiB"
