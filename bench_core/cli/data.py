"""`bench data`: making and looking after datasets."""

from __future__ import annotations

from pathlib import Path

import click

from bench_core.cli import caches, options, verification
from bench_core.synthetic import LAYOUTS, SCALES
from bench_core.system.standard_output import echo


@click.group()
def data() -> None:
    """Render synthetic datasets, check datasets, look after decoded images."""


data.add_command(verification.verify)
data.add_command(caches.cache)


@data.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--layout", type=click.Choice(LAYOUTS), default=LAYOUTS[0], show_default=True,
    help="Dataset whose directory tree and kind of images to imitate.",
)  # fmt: skip
@click.option(
    "--scale", type=click.Choice(SCALES), default="demo", show_default=True,
    help="tiny (seconds), demo, or full (the real dataset's counts).",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--train-identities", type=click.IntRange(min=2), help="Instead of the scale's.")
@click.option(
    "--val-identities", type=click.IntRange(min=1),
    help="Instead of the scale's; only sysu-mm01 has validation people.",
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
def synth(  # noqa: PLR0913  # one argument an option
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

    The same options give the same files. sysu-mm01: four visible and two near-infrared cameras.
    regdb: pairs of visible and thermal images, ten random splits. llcm: nine cameras in low light
    and near infrared. See docs/synthetic.md.
    """
    from bench_core.synthetic import generate

    generate(
        out,
        layout=layout,
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
