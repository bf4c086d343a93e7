"""`--limit N`: how `bench train` and `bench run` show a few steps of what they would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.cli.printing import print_json, print_table
from bench_core.system.escaping import terminal_line
from bench_core.system.process_group import is_first
from bench_core.system.standard_output import echo
from bench_core.system.text_layout import terminal_paragraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.cli.run import RunOptions
    from bench_core.cli.steps import TrainOptions
    from bench_core.configuration import MethodChoice
    from bench_core.contracts.protocol import Convention
    from bench_core.pipeline.inputs import RunInputs
    from bench_core.pipeline.limited import LimitedReport
    from bench_core.pipeline.trainings import TrainingSettings
    from bench_core.plugins import Registry

MEBI = 2**20


def try_training(
    registry: Registry,
    choice: MethodChoice,
    inputs: RunInputs,
    splits: Sequence[str],
    settings: TrainingSettings,
    options: TrainOptions | RunOptions,
    convention: Convention | None = None,
) -> None:
    """Take the steps that `--limit` asks for, and print what they showed.

    Raises:
        BenchError: Anything that the whole would meet up to there.
    """
    from bench_core.pipeline.limited import run_limited

    report = run_limited(
        registry,
        choice,
        inputs,
        splits,
        settings,
        limit=options.limit or 1,
        convention=convention,
    )
    if not is_first():
        return
    if options.as_json:
        print_json(report)
    else:
        _print(report)


def _print(report: LimitedReport) -> None:
    """Print time and memory by stage, losses, and what the whole takes."""
    choice = report.choice
    echo(
        terminal_line(
            f"{choice.name} ({choice.preset.name}), {report.split}, in {report.precision} on "
            f"{report.device}"
        )
    )
    echo()
    if report.stages:
        _print_stages(report)
    else:
        echo("The method trains nothing.")
    _print_whole(report)


def _print_stages(report: LimitedReport) -> None:
    rows = [
        [
            stage.name,
            f"{stage.num_steps} of {stage.epochs * stage.epoch_steps:,}",
            f"{stage.seconds_per_step:.3f}",
            f"{100 * stage.waiting_for_data:.0f} %",
            _megabytes(stage.peak_memory_bytes),
            show_length(stage.projected_seconds),
        ]
        for stage in report.stages
    ]
    columns = ["stage", "steps", "s/step", "waiting", "peak MiB", "whole stage"]
    print_table(columns, rows)
    echo()
    losses = [
        [stage.name, name, f"{first:.4g}", f"{stage.last_losses[name]:.4g}"]
        for stage in report.stages
        for name, first in stage.first_losses.items()
        if name in stage.last_losses
    ]
    print_table(["stage", "loss", "first step", "last step"], losses, text=["stage", "loss"])


def _megabytes(number: int | None) -> str:
    return "not seen" if number is None else f"{number / MEBI:,.0f}"


def _print_whole(report: LimitedReport) -> None:
    extraction, parts = report.extraction, []
    if extraction is not None:
        views, dimensions = extraction.shape
        parts.append(
            f"{extraction.num_images} of {extraction.all_images:,} images were extracted: {views} "
            f"views x {dimensions} dimensions."
        )
    several = f" for {report.num_trainings} trainings" if report.num_trainings > 1 else ""
    parts.append(
        f"The whole takes about {show_length(report.projected_seconds)}{several} at this speed, "
        "without checkpoints, validation and scoring. Nothing was kept."
    )
    echo()
    for line in terminal_paragraph(" ".join(parts)):
        echo(line)


def show_length(seconds: float) -> str:
    """Return a duration in its largest unit that it holds two of, from seconds on."""
    from bench_core.pipeline.estimates import show_duration

    return f"{seconds:.0f} s" if seconds < 120 else show_duration(seconds)
