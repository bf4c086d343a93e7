"""`bench preview`: a picture of the first batch of each stage, as the networks would see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import (
    AsJson,
    Assignments,
    ConfigurationPath,
    DataRoot,
    Method,
    Option,
    PresetName,
    ProtocolId,
    Seed,
    receives,
)
from bench_core.cli.printing import print_json, print_paragraph
from bench_core.cli.training import choose, open_run_inputs, usual_preset_of
from bench_core.contracts.errors import UsageError
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.pipeline.previews import StagePreview
    from bench_core.plugins import Registry

FORMATS = (".png", ".svg")


@dataclass(frozen=True, kw_only=True)
class PreviewOptions:
    """What is drawn; each option says what it means."""

    method: Method
    protocol: ProtocolId
    root: DataRoot
    preset: PresetName
    configuration: ConfigurationPath
    assignments: Assignments
    seed: Seed
    num_images: Annotated[int, Option(
        "--images", type=click.IntRange(1, 64), default=12, show_default=True, metavar="N",
        help="Most images of each modality.",
    )]  # fmt: skip
    output: Annotated[Path, Option(
        "--output", required=True, type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE", help="Picture to write, .png or .svg.",
    )]  # fmt: skip
    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class PreviewedStage:
    """A stage whose batch was drawn.

    Attributes:
        stage: Its name.
        rows: Names of the rows of images.
        outside: Of each view the share of values beyond [0, 1], which are cut off in the picture.
    """

    stage: str
    rows: tuple[str, ...]
    outside: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class WrittenPreview:
    """What `bench preview` wrote.

    Attributes:
        method: The method, with its variant.
        preset: Its preset.
        picture: The file.
        stages: What it shows.
    """

    method: str
    preset: str
    picture: Path
    stages: tuple[PreviewedStage, ...]


@click.command()
@receives(PreviewOptions)
@click.pass_obj
def preview(registry: Registry, options: PreviewOptions) -> None:
    """Draw the first batch of each stage of a training, augmented, beside its decoded images.

    It is the batch that a training on a CPU with the same options begins with. Nothing is trained.
    """
    output = options.output
    if output.suffix not in FORMATS:
        raise UsageError(f"--output {output}: the name of a picture ends in {' or '.join(FORMATS)}")
    protocol = registry.protocol(options.protocol)
    choice = choose(
        registry,
        options.method,
        options.preset,
        options.assignments,
        configuration=options.configuration,
        usual_preset=lambda: usual_preset_of(options.root),
    )
    inputs = open_run_inputs(registry, protocol, options.root)

    import torch

    from bench_core.modeling.pretrained import PretrainedWeights
    from bench_core.pipeline.previews import preview as look
    from bench_core.pipeline.trainings import TrainingSettings

    settings = TrainingSettings(
        seed=options.seed,
        weights=PretrainedWeights("none"),
        device=torch.device("cpu"),
        precision="float32",
        runs=Path("runs"),
    )
    split = inputs.training_splits("last")[0]
    seen = look(registry, choice, inputs, split, settings, options.num_images)
    _write(output, seen)
    written = WrittenPreview(
        method=choice.name,
        preset=choice.preset.name,
        picture=output,
        stages=tuple(
            PreviewedStage(stage=each.stage, rows=tuple(each.rows), outside=dict(each.outside))
            for each in seen
        ),
    )
    if options.as_json:
        print_json(written)
    else:
        _print(written)


def _write(output: Path, seen: Sequence[StagePreview]) -> None:
    from bench_core.figures.batches import draw_batches
    from bench_core.figures.drawing import png_bytes, svg_bytes
    from bench_core.system.files import write_bytes

    as_bytes = png_bytes if output.suffix == ".png" else svg_bytes
    write_bytes(output, as_bytes(draw_batches({each.stage: each.rows for each in seen})))


def _print(written: WrittenPreview) -> None:
    for each in written.stages:
        print_paragraph(f"{each.stage}: {'; '.join(each.rows)}")
        for name, share in each.outside.items():
            if share:
                print_paragraph(
                    f"{100 * share:.1f} % of the values of '{name}' lie beyond black and white, "
                    "and are drawn as these"
                )
    echo(f"picture {written.picture}")
