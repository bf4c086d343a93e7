"""`bench data`: making and looking after datasets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from bench_core.cli import caches, exchange, verification
from bench_core.cli.options import Option, json_option, receives
from bench_core.cli.printing import print_json
from bench_core.contracts.dataset import DEMO, SCALES, USUAL_DATASET
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from bench_core.plugins import Registry


class LayoutName(click.ParamType):  # type: ignore[type-arg]  # generic in late versions only
    """The id of a registered dataset that has a layout for synthetic people."""

    name = "layout"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the ids as a choice."""
        return _layouts(ctx).get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is no such id."""
        return _layouts(ctx or click.get_current_context()).convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the ids that begin so."""
        return _layouts(ctx).shell_complete(ctx, param, incomplete)


def _layouts(context: click.Context) -> click.Choice[str]:
    registry: Registry = context.obj
    return click.Choice([spec.id for spec in registry.datasets.values() if spec.synthetic])


@click.group()
def data() -> None:
    """Render, check, export and import datasets, look after decoded images."""


data.add_command(verification.verify)
data.add_command(caches.cache)
data.add_command(exchange.export_command)
data.add_command(exchange.import_command)


@dataclass(frozen=True, kw_only=True)
class SynthOptions:
    """What is rendered; each option says what it means."""

    layout: Annotated[str, Option(
        "--layout", type=LayoutName(), default=USUAL_DATASET, show_default=True,
        help="Dataset whose directory tree and kind of images to imitate.",
    )]  # fmt: skip
    scale: Annotated[str, Option(
        "--scale", type=click.Choice(SCALES), default=DEMO, show_default=True,
        help="tiny (seconds), demo, or full (the real dataset's counts).",
    )]  # fmt: skip
    seed: Annotated[int, Option("--seed", type=click.IntRange(min=0), default=0, show_default=True)]
    train_identities: Annotated[
        int | None,
        Option("--train-identities", type=click.IntRange(min=2), help="Instead of the scale's."),
    ]
    val_identities: Annotated[int | None, Option(
        "--val-identities", type=click.IntRange(min=1),
        help="Instead of the scale's, where the dataset has validation people.",
    )]  # fmt: skip
    test_identities: Annotated[
        int | None,
        Option("--test-identities", type=click.IntRange(min=2), help="Instead of the scale's."),
    ]
    images_per_camera: Annotated[float | None, Option(
        "--images-per-camera", type=click.FloatRange(min=1),
        help="Mean number of images of a person in a camera, instead of the scale's.",
    )]  # fmt: skip
    workers: Annotated[int | None, Option(
        "--workers", type=click.IntRange(min=1),
        help="Processes. [default: one for each processor]",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RenderedDataset:
    """What `bench data synth` rendered.

    Attributes:
        root: Its folder.
        layout: The dataset that it imitates.
        scale: Its scale.
        seed: Its seed.
    """

    root: Path
    layout: str
    scale: str
    seed: int


@data.command()
@click.argument("out", type=click.Path(path_type=Path))
@receives(SynthOptions)
@json_option
@click.pass_obj
def synth(registry: Registry, options: SynthOptions, /, *, out: Path, as_json: bool) -> None:
    """Render a synthetic dataset into the folder OUT, in the tree of a real one.

    The same options give the same files. See docs/synthetic.md.
    """
    from bench_core.synthetic import generate

    generate(
        out,
        registry.dataset(options.layout),
        scale=options.scale,
        seed=options.seed,
        workers=options.workers,
        train_identities=options.train_identities,
        val_identities=options.val_identities,
        test_identities=options.test_identities,
        images_per_camera=options.images_per_camera,
    )
    rendered = RenderedDataset(
        root=out, layout=options.layout, scale=options.scale, seed=options.seed
    )
    if as_json:
        print_json(rendered)
    else:
        echo(f"dataset  {rendered.root}")
