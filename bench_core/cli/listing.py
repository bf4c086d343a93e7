"""`bench list`: what is installed. No model's code is loaded."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli import options
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.plugins import Registry


@click.group(name="list")
def listing() -> None:
    """List methods, variants, protocols, datasets or plugins."""


@listing.command()
@click.option(
    "--cost", is_flag=True,
    help="What each costs with the preset 'paper': parameters, multiply-adds of an image.",
)  # fmt: skip
@click.option(
    "--training", is_flag=True, help="With --cost: of a training step, too. Takes longer."
)
@options.json_option
@click.pass_obj
def methods(registry: Registry, *, cost: bool, training: bool, as_json: bool) -> None:
    """List the methods that can be run."""
    if training and not cost:
        raise UsageError("--training adds a column to the table of costs; give --cost, too")
    if cost:
        _print_costs(registry, training=training, as_json=as_json)
        return
    _print(
        [
            {
                "method": spec.id,
                "title": spec.title,
                "paper": f"{spec.paper.title} ({spec.paper.venue} {spec.paper.year})",
                "presets": [preset.name for preset in spec.presets],
                "package": registry.distribution_of(spec.id),
            }
            for spec in registry.methods.values()
        ],
        as_json=as_json,
        hidden=("paper",),
    )


@listing.command()
@options.json_option
@click.pass_obj
def variants(registry: Registry, *, as_json: bool) -> None:
    """List the variants (ablations) of every method."""
    _print(
        [
            {
                "name": spec.id if number == 0 else f"{spec.id}:{variant.name}",
                "summary": variant.summary,
            }
            for spec in registry.methods.values()
            for number, variant in enumerate(spec.variants)
        ],
        as_json=as_json,
    )


@listing.command()
@options.json_option
@click.pass_obj
def protocols(registry: Registry, *, as_json: bool) -> None:
    """List the protocols that a method can be scored under."""
    _print(
        [
            {
                "protocol": spec.id,
                "title": spec.title,
                "dataset": spec.dataset,
                "query": spec.query_modality,
                "gallery": spec.gallery_modality,
                "trials": spec.num_trials,
                "conventions": list(spec.conventions),
            }
            for spec in registry.protocols.values()
        ],
        as_json=as_json,
        hidden=("title", "dataset"),
    )


@listing.command()
@options.json_option
@click.pass_obj
def datasets(registry: Registry, *, as_json: bool) -> None:
    """List the datasets that can be read."""
    _print(
        [
            {
                "dataset": spec.id,
                "title": spec.title,
                "synthetic stand-in": "yes" if spec.synthetic else "no",
                "source": spec.source,
                "paper": spec.paper,
            }
            for spec in registry.datasets.values()
        ],
        as_json=as_json,
        hidden=("paper",),
    )


@listing.command()
@options.json_option
@click.pass_obj
def plugins(registry: Registry, *, as_json: bool) -> None:
    """List the installed plugins, the broken ones with their error."""
    _print(
        [
            {
                "plugin": plugin.name,
                "module": plugin.module,
                "package": plugin.distribution,
                "state": plugin.error or "loaded",
            }
            for plugin in registry.plugins
        ],
        as_json=as_json,
    )
    for conflict in registry.conflicts:
        click.echo(terminal_line(f"Warning: {conflict}"), err=True)


def _print_costs(registry: Registry, *, training: bool, as_json: bool) -> None:
    from bench_core.pipeline.costs import NUM_IDENTITIES, count_costs

    rows = [cost.as_row() for cost in count_costs(registry, training=training)]
    if as_json:
        options.print_json(rows)
        return
    shown = [
        [
            row["method"],
            "x".join(map(str, row["image_size"])),
            f"{row['parameters'] / 1e6:.2f}",
            f"{row['training_only_parameters'] / 1e6:.2f}",
            *(options.show_giga(row[f"macs_{modality}"]) for modality in MODALITIES),
            *([options.show_giga(row["training_macs"])] if training else []),
        ]
        for row in rows
    ]
    columns = ["method", "image", "parameters (M)", "only training (M)", *MODALITIES]
    options.print_table([*columns, *(["training step"] if training else [])], shown)
    echo(
        f"\nPreset 'paper', {NUM_IDENTITIES} identities. Multiply-adds in G: of extracting an image"
        + (
            ", and of a training step for each image of its batch, of the costliest stage."
            if training
            else "."
        )
    )


def _print(rows: list[dict[str, Any]], *, as_json: bool, hidden: Collection[str] = ()) -> None:
    """Print rows; the hidden columns, which a terminal has no room for, stand in JSON alone."""
    if as_json:
        options.print_json(rows)
        return
    columns = [name for name in (rows[0] if rows else ()) if name not in hidden]
    options.print_text_table(columns, [[_text(row[name]) for name in columns] for row in rows])


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
