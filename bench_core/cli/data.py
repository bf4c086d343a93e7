"""`bench data`: making and looking after datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli import caches, options, verification
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
    """Render synthetic datasets, check datasets, look after decoded images."""


data.add_command(verification.verify)
data.add_command(caches.cache)


@data.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--layout", type=LayoutName(), default=USUAL_DATASET, show_default=True,
    help="Dataset whose directory tree and kind of images to imitate.",
)  # fmt: skip
@click.option(
    "--scale", type=click.Choice(SCALES), default=DEMO, show_default=True,
    help="tiny (seconds), demo, or full (the real dataset's counts).",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--train-identities", type=click.IntRange(min=2), help="Instead of the scale's.")
@click.option(
    "--val-identities", type=click.IntRange(min=1),
    help="Instead of the scale's, where the dataset has validation people.",
)  # fmt: skip
@click.option("--test-identities", type=click.IntRange(min=2), help="Instead of the scale's.")
@click.option(
    "--images-per-camera", type=click.FloatRange(min=1),
    help="Mean number of images of a person in a camera, instead of the scale's.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes. [default: one for each processor]"
)
@options.json_option
@click.pass_obj
def synth(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    *,
    out: Path,
    layout: str,
    scale: str,
    seed: int,
    train_identities: int | None,
    val_identities: int | None,
    test_identities: int | None,
    images_per_camera: float | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Render a synthetic dataset into the folder OUT, in the tree of a real one.

    The same options give the same files. See docs/synthetic.md.
    """
    from bench_core.synthetic import generate

    generate(
        out,
        registry.dataset(layout),
        scale=scale,
        seed=seed,
        workers=workers,
        train_identities=train_identities,
        val_identities=val_identities,
        test_identities=test_identities,
        images_per_camera=images_per_camera,
    )
    if as_json:
        options.print_json({"root": str(out), "layout": layout, "scale": scale, "seed": seed})
    else:
        echo(f"dataset  {out}")
