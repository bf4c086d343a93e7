"""`bench profile`: what a method costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import (
    Assignments,
    ConfigurationPath,
    DeviceName,
    Method,
    Option,
    json_option,
    read_image_size,
    receives,
)
from bench_core.cli.printing import print_json, print_table, show_giga
from bench_core.cli.speeds import SpeedOptions, print_speed
from bench_core.cli.training import choose
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core.pipeline.costs import MethodCost
    from bench_core.plugins import Registry
    from bench_core.profiling.cost import InferenceCost, Uncounted
    from bench_core.profiling.training_steps import StageCost


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """Whose cost is counted; each option says what it means."""

    method: Method
    preset: Annotated[str | None, Option(
        "--preset", metavar="NAME",
        help="Configuration to start from; see 'bench list methods'. [default: --config's, else "
        "'paper']",
    )]  # fmt: skip
    configuration: ConfigurationPath
    assignments: Assignments
    image_size: Annotated[tuple[int, int] | None, Option(
        "--image-size", callback=read_image_size, metavar="HEIGHTxWIDTH",
        help="Size of the images, such as 256x128. [default: the configuration's]",
    )]  # fmt: skip
    device: DeviceName


@click.command()
@receives(ProfileOptions)
@receives(SpeedOptions)
@json_option
@click.pass_obj
def profile(
    registry: Registry, options: ProfileOptions, speed: SpeedOptions, /, *, as_json: bool
) -> None:
    """Count what a method costs: parameters and multiply-adds, by part and in total.

    Extraction is counted on the path that it really runs for an image of each modality, and apart
    from it what only training needs. Nothing is trained and no data is needed. With --throughput,
    its speed on the device is measured, too.
    """
    assignments = options.assignments
    if options.image_size is not None:
        height, width = options.image_size
        assignments = (*assignments, f"image_height={height}", f"image_width={width}")
    choice = choose(
        registry, options.method, options.preset, assignments, configuration=options.configuration
    )

    from bench_core.pipeline.costs import count_cost, speed_of
    from bench_core.system.devices import choose_device, device_name

    device = choose_device(options.device)
    settings = speed.settings(choice, device)
    measured = settings and speed_of(registry, choice, settings, speed.root)
    cost = count_cost(choice, device)
    if as_json:
        counted, speeds = cost.as_document(), measured.as_document() if measured else {}
        print_json({**counted, "device": device_name(device), **speeds})
        return
    _print_profile(cost)
    if measured:
        print_speed(measured)


def _print_profile(cost: MethodCost) -> None:
    choice = cost.choice
    height, width = choice.config.image_size
    echo(
        f"{choice.name} ({choice.preset.name}) on images of {height}x{width}, "
        f"{cost.num_identities} training identities\n"
    )
    _print_parts(cost.inference)
    _print_stages(cost.stages)
    _print_uncounted(cost.inference.uncounted)


def _print_parts(cost: InferenceCost) -> None:
    """Print the parts that extraction runs with their sum, and those that only training does."""
    used = [part for part in cost.modules if part.inference]
    others = [part for part in cost.modules if not part.inference]
    counted = any(cost.macs.values())
    rows = [
        *(_part(part.name, part.parameters, part.macs, counted=counted) for part in used),
        _part("extraction in all", cost.parameters, cost.macs, counted=counted),
        *(_part(part.name, part.parameters) for part in others),
        _part("only training in all", cost.training_only_parameters),
    ]
    print_table(["part", "parameters", *(f"{kind} (G)" for kind in MODALITIES)], rows)
    echo("\nMultiply-adds of extracting an image of each modality; FLOPs are twice as many.")
    if not counted:
        echo("None are counted: all that this extraction computes is listed as uncounted.")


def _part(
    name: str,
    parameters: int,
    macs: Mapping[Modality, int] | None = None,
    *,
    counted: bool = True,
) -> list[str]:
    known = [macs[modality] if counted else None for modality in MODALITIES] if macs else []
    counts = [show_giga(count) for count in known] or ["", ""]
    return [name, f"{parameters:,}", *counts]


def _print_stages(stages: tuple[StageCost, ...] | None) -> None:
    if stages is None:
        echo("\nA training step is not counted.")
        return
    echo("\nA training step, forward and backward, for each image of its batch:\n")
    rows = [[stage.name, str(stage.num_images), show_giga(stage.macs)] for stage in stages]
    print_table(["stage", "images in a batch", "multiply-adds (G)"], rows)


def _print_uncounted(operators: tuple[Uncounted, ...]) -> None:
    echo("\nUncounted: operators of extraction that compute and have no multiply-adds.\n")
    columns = [f"{kind} {what}" for kind in MODALITIES for what in ("calls", "elements")]
    rows = []
    for operator in operators:
        work = [operator.work[modality] for modality in MODALITIES]
        counts = [count for done in work for count in (done.calls, done.elements)]
        rows.append([operator.name, *(f"{count:,}" for count in counts)])
    print_table(["operator", *columns], rows)
