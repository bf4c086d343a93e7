"""`bench list`: what is installed. No model's code is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import (
    NAME_IN_JSON,
    print_json,
    print_paragraph,
    print_table,
    show_giga,
)
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.corrupted_twins import SUFFIXES, twins
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from bench_core.contracts.method import Paper
    from bench_core.pipeline.costs import MethodCost
    from bench_core.plugins import Registry

IN_JSON_ALONE = "in_json_alone"
"""Key of a field's metadata: a terminal has no room for it."""


@dataclass(frozen=True, kw_only=True)
class ListedMethod:
    """A method, as `bench list methods` shows it.

    Attributes:
        method: Its id.
        title: Its name for people.
        paper: Its paper.
        presets: Names of its presets.
        fidelity: What its implementation rests on.
        package: The distribution that it comes from.
    """

    method: str
    title: str
    paper: str = field(metadata={IN_JSON_ALONE: True})
    presets: tuple[str, ...]
    fidelity: str
    package: str


@dataclass(frozen=True, kw_only=True)
class ListedVariant:
    """A variant of a method, as `bench list variants` shows it.

    Attributes:
        name: What `--method` takes.
        summary: What it is.
    """

    name: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class ListedProtocol:
    """A protocol, as `bench list protocols` shows it.

    Attributes:
        protocol: Its id.
        title: Its name for people.
        dataset: Id of its dataset.
        query: Modality of its queries.
        gallery: Modality of its galleries.
        trials: Number of its trials.
        conventions: How its galleries can be drawn.
        twins: Ids of its corrupted twins.
    """

    protocol: str
    title: str = field(metadata={IN_JSON_ALONE: True})
    dataset: str = field(metadata={IN_JSON_ALONE: True})
    query: str
    gallery: str
    trials: int
    conventions: tuple[str, ...]
    twins: tuple[str, ...] = field(metadata={IN_JSON_ALONE: True})


@dataclass(frozen=True, kw_only=True)
class ListedDataset:
    """A dataset, as `bench list datasets` shows it.

    Attributes:
        dataset: Its id.
        title: Its name for people.
        synthetic: Whether it has a synthetic stand-in, "yes" or "no".
        source: Where to ask for it.
        paper: Its paper.
    """

    dataset: str
    title: str
    synthetic: str = field(metadata={NAME_IN_JSON: "synthetic stand-in"})
    source: str
    paper: str = field(metadata={IN_JSON_ALONE: True})


@dataclass(frozen=True, kw_only=True)
class ListedReranker:
    """A re-ranker, as `bench list rerankers` shows it.

    Attributes:
        reranker: Its id.
        title: Its name for people.
        paper: Its paper.
        needs: What it looks at.
        scope: Whose images it looks at together, a "group" or the whole "trial".
        settings: Its settings, as "key=value".
        by_protocol: What it sets under the protocols for which it has settings of its own.
        package: The distribution that it comes from.
    """

    reranker: str
    title: str
    paper: str = field(metadata={IN_JSON_ALONE: True})
    needs: tuple[str, ...]
    scope: str
    settings: tuple[str, ...]
    by_protocol: Mapping[str, Any] = field(metadata={IN_JSON_ALONE: True})
    package: str


@dataclass(frozen=True, kw_only=True)
class ListedPlugin:
    """A plugin, as `bench list plugins` shows it.

    Attributes:
        plugin: Its name.
        module: Its module.
        package: The distribution that it comes from.
        state: "loaded", or why it is not.
    """

    plugin: str
    module: str
    package: str
    state: str


@click.group(name="list")
def listing() -> None:
    """List methods, variants, protocols, datasets, re-rankers or plugins."""


@listing.command()
@click.option(
    "--cost", is_flag=True,
    help="What each costs with the preset 'paper': parameters, multiply-adds of an image.",
)  # fmt: skip
@click.option(
    "--training", is_flag=True, help="With --cost: of a training step, too. Takes longer."
)
@json_option
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
            ListedMethod(
                method=spec.id,
                title=spec.title,
                paper=_citation(spec.paper),
                presets=tuple(preset.name for preset in spec.presets),
                fidelity=spec.fidelity or "",
                package=registry.distribution_of(spec.id),
            )
            for spec in registry.methods.values()
        ],
        as_json=as_json,
    )


@listing.command()
@json_option
@click.pass_obj
def variants(registry: Registry, *, as_json: bool) -> None:
    """List the variants (ablations) of every method."""
    _print(
        [
            ListedVariant(
                name=spec.id if number == 0 else f"{spec.id}:{variant.name}",
                summary=variant.summary,
            )
            for spec in registry.methods.values()
            for number, variant in enumerate(spec.variants)
        ],
        as_json=as_json,
    )


@listing.command()
@json_option
@click.pass_obj
def protocols(registry: Registry, *, as_json: bool) -> None:
    """List the protocols that a method can be scored under."""
    _print(
        [
            ListedProtocol(
                protocol=spec.id,
                title=spec.title,
                dataset=spec.dataset,
                query=spec.query_modality,
                gallery=spec.gallery_modality,
                trials=spec.num_trials,
                conventions=tuple(spec.conventions),
                twins=tuple(twin.id for twin in twins(spec)),
            )
            for spec in registry.protocols.values()
        ],
        as_json=as_json,
    )
    if not as_json:
        echo()
        endings = " and ".join(SUFFIXES)
        print_paragraph(
            f"Each that scores visible images has corrupted twins, whose ids end in {endings}: see "
            "docs/corruption.md."
        )


@listing.command()
@json_option
@click.pass_obj
def datasets(registry: Registry, *, as_json: bool) -> None:
    """List the datasets that can be read."""
    _print(
        [
            ListedDataset(
                dataset=spec.id,
                title=spec.title,
                synthetic="yes" if spec.synthetic else "no",
                source=spec.source,
                paper=spec.paper,
            )
            for spec in registry.datasets.values()
        ],
        as_json=as_json,
    )


@listing.command()
@json_option
@click.pass_obj
def rerankers(registry: Registry, *, as_json: bool) -> None:
    """List what can re-rank distances: the names that --rerank takes."""
    from bench_core.scoring.reranking import default_settings

    _print(
        [
            ListedReranker(
                reranker=spec.id,
                title=spec.title,
                paper=_citation(spec.paper),
                needs=tuple(spec.needs),
                scope=spec.scope,
                settings=default_settings(spec),
                by_protocol={name: dict(values) for name, values in spec.by_protocol.items()},
                package=registry.plugin_of_reranker(spec.id).distribution,
            )
            for spec in registry.rerankers.values()
        ],
        as_json=as_json,
    )


@listing.command()
@json_option
@click.pass_obj
def plugins(registry: Registry, *, as_json: bool) -> None:
    """List the installed plugins, the broken ones with their error."""
    _print(
        [
            ListedPlugin(
                plugin=plugin.name,
                module=plugin.module,
                package=plugin.distribution,
                state=plugin.error or "loaded",
            )
            for plugin in registry.plugins
        ],
        as_json=as_json,
    )
    for conflict in registry.conflicts:
        click.echo(terminal_line(f"Warning: {conflict}"), err=True)


def _print_costs(registry: Registry, *, training: bool, as_json: bool) -> None:
    from bench_core.pipeline.costs import NUM_IDENTITIES, count_costs

    costs = count_costs(registry, training=training)
    if as_json:
        print_json([cost.as_row() for cost in costs])
        return
    columns = ["method", "image", "parameters (M)", "only training (M)", *MODALITIES]
    if training:
        columns.append("training step")
    print_table(columns, [_cost_row(cost, training=training) for cost in costs])
    step = ", and of a training step for each image of its batch, of the costliest stage"
    echo(
        f"\nPreset 'paper', {NUM_IDENTITIES} identities. Multiply-adds in G: of extracting an image"
        f"{step if training else ''}."
    )


def _cost_row(cost: MethodCost, *, training: bool) -> list[str]:
    height, width = cost.choice.config.image_size
    inference = cost.inference
    return [
        cost.choice.name,
        f"{height}x{width}",
        f"{inference.parameters / 1e6:.2f}",
        f"{inference.training_only_parameters / 1e6:.2f}",
        *(show_giga(inference.macs[modality] or None) for modality in MODALITIES),
        *([show_giga(cost.training_macs)] if training else []),
    ]


def _citation(paper: Paper) -> str:
    return f"{paper.title} ({paper.venue} {paper.year})"


def _print(rows: Sequence[DataclassInstance], *, as_json: bool) -> None:
    """Print rows of one kind."""
    if as_json:
        print_json(rows)
        return
    shown = [
        column for row in rows[:1] for column in fields(row) if IN_JSON_ALONE not in column.metadata
    ]
    columns = [column.metadata.get(NAME_IN_JSON, column.name) for column in shown]
    cells = [[_text(getattr(row, column.name)) for column in shown] for row in rows]
    print_table(columns, cells, text=set(columns) - {"trials"})


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
