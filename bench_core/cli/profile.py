"""`bench profile`: what a method costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli import options
from bench_core.cli.speeds import SpeedOptions, print_speed, speed_options
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core.pipeline.costs import MethodCost
    from bench_core.plugins import Registry
    from bench_core.profiling.cost import InferenceCost, Uncounted
    from bench_core.profiling.training_steps import StageCost


@click.command()
@options.method_option
@click.option(
    "--preset", default="paper", show_default=True, metavar="NAME",
    help="Configuration to start from; see 'bench list methods'.",
)  # fmt: skip
@options.set_option
@click.option(
    "--image-size", metavar="HEIGHTxWIDTH",
    help="Size of the images, such as 256x128. [default: the configuration's]",
)  # fmt: skip
@options.device_option
@speed_options
@options.json_option
@click.pass_obj
def profile(
    registry: Registry,
    /,
    *,
    method_name: str,
    preset: str,
    assignments: tuple[str, ...],
    image_size: str | None,
    device: str,
    as_json: bool,
    **speed: Any,
) -> None:
    """Count what a method costs: parameters and multiply-adds, by part and in total.

    Extraction is counted on the path that it really runs for an image of each modality, and apart
    from it what only training needs. Nothing is trained and no data is needed. With --throughput,
    its speed on the device is measured, too.
    """
    if image_size is not None:
        assignments = (*assignments, *_size_assignments(image_size))
    choice = options.choose(registry, method_name, preset, assignments, None, None)

    from bench_core.pipeline.costs import count_cost, speed_of
    from bench_core.system.devices import choose_device, device_name

    chosen, asked = choose_device(device), SpeedOptions(**speed)
    settings = asked.settings(choice, chosen)
    measured = settings and speed_of(registry, choice, settings, asked.root)
    cost = count_cost(choice, chosen)
    if as_json:
        counted, speeds = cost.as_document(), measured.as_document() if measured else {}
        options.print_json({**counted, "device": device_name(chosen), **speeds})
        return
    _print_profile(cost)
    if measured:
        print_speed(measured)


def _size_assignments(size: str) -> list[str]:
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if match is None:
        raise UsageError(f"--image-size {size}: expected HEIGHTxWIDTH in pixels, such as 256x128")
    return [f"image_height={match[1]}", f"image_width={match[2]}"]


def _print_profile(cost: MethodCost) -> None:
    choice = cost.choice
    height, width = choice.config.image_size
    echo(
        f"{choice.name} ({choice.preset.name}) on images of {height}x{width}, "
        f"{cost.num_identities} training identities\n"
    )
    _print_parts(cost.inference)
    _print_stages(cost.stages or ())
    _print_uncounted(cost.inference.uncounted)


def _print_parts(cost: InferenceCost) -> None:
    """Print the parts that extraction runs with their sum, and those that only training does."""
    used = [part for part in cost.modules if part.inference]
    others = [part for part in cost.modules if not part.inference]
    rows = [
        *(_part(part.name, part.parameters, part.macs) for part in used),
        _part("extraction in all", cost.parameters, cost.macs),
        *(_part(part.name, part.parameters) for part in others),
        _part("only training in all", cost.training_only_parameters),
    ]
    options.print_table(["part", "parameters", *(f"{kind} (G)" for kind in MODALITIES)], rows)
    echo("\nMultiply-adds of extracting an image of each modality; FLOPs are twice as many.")


def _part(name: str, parameters: int, macs: Mapping[Modality, int] | None = None) -> list[str]:
    counts = [options.show_giga(macs[modality]) if macs else "" for modality in MODALITIES]
    return [name, f"{parameters:,}", *counts]


def _print_stages(stages: tuple[StageCost, ...]) -> None:
    echo("\nA training step, forward and backward, for each image of its batch:\n")
    rows = [[stage.name, str(stage.num_images), options.show_giga(stage.macs)] for stage in stages]
    options.print_table(["stage", "images in a batch", "multiply-adds (G)"], rows)


def _print_uncounted(operators: tuple[Uncounted, ...]) -> None:
    echo("\nUncounted: operators of extraction that compute and have no multiply-adds.\n")
    columns = [f"{kind} {what}" for kind in MODALITIES for what in ("calls", "elements")]
    rows = []
    for operator in operators:
        work = [operator.work[modality] for modality in MODALITIES]
        counts = [count for done in work for count in (done.calls, done.elements)]
        rows.append([operator.name, *(f"{count:,}" for count in counts)])
    options.print_table(["operator", *columns], rows)
