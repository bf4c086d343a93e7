"""`bench run`: the whole way from a method to a result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli import options
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.contracts.method import Selection
    from bench_core.pipeline.benchmark import RunOutcome
    from bench_core.plugins import Registry


@click.command()
@options.training_options
@options.convention_option
@options.rerank_option
@click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="Folder that the result record is written to.",
)  # fmt: skip
@options.json_option
@click.pass_obj
def run(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    *,
    method_name: str,
    protocol_id: str,
    root: Path | None,
    preset: str | None,
    assignments: tuple[str, ...],
    seed: int,
    weights: str | None,
    selection: Selection,
    device: str,
    precision: str,
    threads: int | None,
    runs: Path,
    convention: str | None,
    rerank: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Train a method, score it under a protocol, cost it, and write a result record.

    A training that was finished before is used again; one that was interrupted goes on.
    """
    protocol = registry.protocol(protocol_id)
    chosen_convention = options.resolve_convention(protocol, convention)
    options.check_selection(protocol, selection)
    choice = options.choose(registry, method_name, preset, assignments, root, weights)
    settings = options.training_settings(
        registry, choice, seed=seed, weights=weights, device=device, precision=precision,
        runs=runs, selection=selection, threads=threads,
    )  # fmt: skip
    inputs = options.open_run_inputs(registry, protocol, root)

    from bench_core.pipeline.benchmark import ScoringSettings, run_benchmark

    outcome = run_benchmark(
        registry,
        choice,
        inputs,
        ScoringSettings(chosen_convention, rerank),
        settings,
        results=results,
        command=options.command_line(),
    )
    if as_json:
        options.print_json(outcome.record.as_document())
    else:
        _print_outcome(outcome)


def _print_outcome(outcome: RunOutcome) -> None:
    record = outcome.record
    document = record.as_document()
    title = record.dataset.title or record.dataset.id
    people = "synthetic people" if record.dataset.synthetic else title
    scores, cost = record.scores, record.cost
    echo(
        f"{record.method.label} ({record.method.preset}) on {record.protocol.id}, "
        f"{record.protocol.convention} galleries"
        f"{', selected on validation' if record.provenance.selection == 'validation' else ''}"
        f"{', re-ranked' if record.protocol.rerank else ''}, {terminal_line(people)}\n"
        f"{scores.valid_queries} of {scores.queries} queries have a match, "
        f"gallery of {_range(scores.gallery)} images, {len(scores.trials)} trials\n"
    )
    options.print_scores(document["scores"])
    echo(
        f"\nparameters {cost.parameters / 1e6:.2f} M; multiply-adds "
        f"{cost.macs_visible / 1e9:.3f} G visible, {cost.macs_infrared / 1e9:.3f} G "
        f"infrared; {cost.images_per_second} images/s on {cost.device}"
    )
    for model in outcome.models:
        echo(f"model    {model.path} ({options.training_state(model)})")
    echo(f"result   {outcome.path}")


def _range(sizes: tuple[int, ...]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)}"
