"""`bench data`: making and looking after datasets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import click

from bench_core.cli import caches, verification
from bench_core.cli.options import Option, json_option, receives
from bench_core.cli.printing import print_json
from bench_core.synthetic import LAYOUTS, SCALES
from bench_core.system.standard_output import echo


@click.group()
def data() -> None:
    """Render synthetic datasets, check datasets, look after decoded images."""


data.add_command(verification.verify)
data.add_command(caches.cache)


@dataclass(frozen=True, kw_only=True)
class SynthOptions:
    """What is rendered; each option says what it means."""

    layout: Annotated[str, Option(
        "--layout", type=click.Choice(LAYOUTS), default=LAYOUTS[0], show_default=True,
        help="Dataset whose directory tree and kind of images to imitate.",
    )]  # fmt: skip
    scale: Annotated[str, Option(
        "--scale", type=click.Choice(SCALES), default="demo", show_default=True,
        help="tiny (seconds), demo, or full (the real dataset's counts).",
    )]  # fmt: skip
    seed: Annotated[int, Option("--seed", type=click.IntRange(min=0), default=0, show_default=True)]
    train_identities: Annotated[
        int | None,
        Option("--train-identities", type=click.IntRange(min=2), help="Instead of the scale's."),
    ]
    val_identities: Annotated[int | None, Option(
        "--val-identities", type=click.IntRange(min=1),
        help="Instead of the scale's; only sysu-mm01 has validation people.",
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
def synth(options: SynthOptions, /, *, out: Path, as_json: bool) -> None:
    """Render a synthetic dataset into the folder OUT, in the tree of a real one.

    The same options give the same files. sysu-mm01: four visible and two near-infrared cameras.
    regdb: pairs of visible and thermal images, ten random splits. llcm: nine cameras in low light
    and near infrared. See docs/synthetic.md.
    """
    from bench_core.synthetic import generate

    generate(out, **asdict(options))
    rendered = RenderedDataset(
        root=out, layout=options.layout, scale=options.scale, seed=options.seed
    )
    if as_json:
        print_json(rendered)
    else:
        echo(f"dataset  {rendered.root}")
