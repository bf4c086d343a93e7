"""`bench run`: the whole way from a method to a result."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.limited import try_training
from bench_core.cli.options import (
    AsJson,
    ConventionName,
    Option,
    RerankerName,
    RerankerSettings,
    receives,
    resolve_convention,
    resolve_reranker,
)
from bench_core.cli.printing import print_json, print_paragraph, print_scores, show_search
from bench_core.cli.several_processes import worked_for_us
from bench_core.cli.training import TrainingOptions, TrainingReport, open_training, own_device
from bench_core.system.escaping import terminal_line
from bench_core.system.process_group import is_first, joined
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.contracts.result import Cost
    from bench_core.pipeline.benchmark import RunOutcome
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class RunOptions(TrainingOptions):
    """What is trained and scored; each option says what it means."""

    convention: ConventionName
    reranker: RerankerName
    reranker_settings: RerankerSettings
    results: Annotated[Path, Option(
        "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
        show_default=True, help="Folder that the result record is written to.",
    )]  # fmt: skip
    as_json: AsJson


@click.command()
@receives(RunOptions)
@click.pass_obj
def run(registry: Registry, options: RunOptions) -> None:
    """Train a method, score it under a protocol, cost it, and write a result record.

    A training that was finished before is used again; one that was interrupted goes on.
    """
    protocol = registry.protocol(options.protocol)
    convention = resolve_convention(protocol, options.convention)
    reranker = resolve_reranker(registry, protocol, options.reranker, options.reranker_settings)
    if worked_for_us(options.processes):
        return
    with joined(own_device(options)):
        choice, settings, inputs = open_training(registry, protocol, options)

        if options.limit is not None:
            splits = inputs.training_splits(options.selection)
            try_training(registry, choice, inputs, splits, settings, options, convention)
            return

        from bench_core.pipeline.benchmark import ScoringSettings, run_benchmark, take_part

        if not is_first():
            take_part(registry, choice, inputs, settings)
            return
        outcome = run_benchmark(
            registry,
            choice,
            inputs,
            ScoringSettings(convention, reranker),
            settings,
            results=options.results,
            command=["bench", *sys.argv[1:]],  # as typed, without the folder of the program
        )
    if options.as_json:
        print_json(outcome.record)
    else:
        _print_outcome(outcome)


def _print_outcome(outcome: RunOutcome) -> None:
    record = outcome.record
    title = record.dataset.title or record.dataset.id
    people = "synthetic people" if record.dataset.synthetic else title
    scores, cost, used = record.scores, record.cost, record.protocol.reranker
    echo(
        f"{record.method.label} ({record.method.preset}) on {record.protocol.id}, "
        f"{record.protocol.convention} galleries"
        f"{', selected on validation' if record.provenance.selection == 'validation' else ''}"
        f"{used.phrase if used else ''}, {terminal_line(people)}\n"
        f"{show_search(scores)}\n"
    )
    print_scores(scores)
    if cost is not None:
        echo()
        print_paragraph(
            f"parameters {cost.parameters / 1e6:.2f} M; multiply-adds {_multiply_adds(cost)}; "
            f"{cost.images_per_second} images/s on {cost.device}"
        )
    for model in outcome.models:
        echo(f"model    {model.path}\n         {TrainingReport.of(model).state}")
    echo(f"result   {outcome.path}")


def _multiply_adds(cost: Cost) -> str:
    """Say how many an image of each modality takes, or that none are counted."""
    if not cost.macs:
        return "uncounted"
    visible, infrared = cost.macs_visible / 1e9, cost.macs_infrared / 1e9
    return f"{visible:.3f} G visible, {infrared:.3f} G infrared"
