"""`bench profile`: what a method costs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import click

from bench_core.cli.options import (
    Assignments,
    DeviceName,
    Method,
    Option,
    json_option,
    receives,
)
from bench_core.cli.printing import print_json, print_table, show_giga
from bench_core.cli.speeds import measured_speed, print_speed, speed_options
from bench_core.cli.training import choose
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """Whose cost is counted; each option says what it means."""

    method: Method
    preset: Annotated[str, Option(
        "--preset", default="paper", show_default=True, metavar="NAME",
        help="Configuration to start from; see 'bench list methods'.",
    )]  # fmt: skip
    assignments: Assignments
    image_size: Annotated[str | None, Option(
        "--image-size", metavar="HEIGHTxWIDTH",
        help="Size of the images, such as 256x128. [default: the configuration's]",
    )]  # fmt: skip
    device: DeviceName


@click.command()
@receives(ProfileOptions)
@speed_options
@json_option
@click.pass_obj
def profile(registry: Registry, options: ProfileOptions, /, *, as_json: bool, **speed: Any) -> None:
    """Count what a method costs: parameters and multiply-adds, by part and in total.

    Extraction is counted on the path that it really runs for an image of each modality, and apart
    from it what only training needs. Nothing is trained and no data is needed. With --throughput,
    its speed on the device is measured, too.
    """
    assignments = options.assignments
    if options.image_size is not None:
        assignments = (*assignments, *_size_assignments(options.image_size))
    choice = choose(registry, options.method, options.preset, assignments)

    from bench_core.pipeline.profiles import count_cost
    from bench_core.system.devices import choose_device, device_name

    chosen = choose_device(options.device)
    measured = measured_speed(registry, choice, chosen, **speed)
    counted = count_cost(choice, chosen).as_document()
    document = {**counted, "device": device_name(chosen), **measured}
    if as_json:
        print_json(document)
    else:
        _print_profile(document)
        if measured:
            print_speed(measured)


def _size_assignments(size: str) -> list[str]:
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if match is None:
        raise UsageError(f"--image-size {size}: expected HEIGHTxWIDTH in pixels, such as 256x128")
    return [f"image_height={match[1]}", f"image_width={match[2]}"]


def _print_profile(document: dict[str, Any]) -> None:
    height, width = document["image_size"]
    echo(
        f"{document['method']} ({document['preset']}) on images of {height}x{width}, "
        f"{document['num_identities']} training identities\n"
    )
    _print_parts(document)
    _print_stages(document["training_only"]["stages"])
    _print_uncounted(document["uncounted_work"])


def _print_parts(document: dict[str, Any]) -> None:
    """Print the parts that extraction runs with their sum, and those that only training does."""
    parts = document["modules"]
    rows = [
        *(_extraction_row(part["name"], part) for part in parts if part["inference"]),
        _extraction_row("extraction in all", document["inference"]),
        *(_training_row(part["name"], part) for part in parts if not part["inference"]),
        _training_row("only training in all", document["training_only"]),
    ]
    print_table(["part", "parameters", *(f"{kind} (G)" for kind in MODALITIES)], rows)
    echo("\nMultiply-adds of extracting an image of each modality; FLOPs are twice as many.")


def _extraction_row(name: str, part: dict[str, Any]) -> list[str]:
    macs = [show_giga(part[f"macs_{modality}"]) for modality in MODALITIES]
    return [name, f"{part['parameters']:,}", *macs]


def _training_row(name: str, part: dict[str, Any]) -> list[str]:
    return [name, f"{part['parameters']:,}", *("" for _ in MODALITIES)]


def _print_stages(stages: list[dict[str, Any]] | None) -> None:
    echo("\nA training step, forward and backward, for each image of its batch:\n")
    rows = [
        [stage["name"], str(stage["images"]), show_giga(stage["macs"])] for stage in stages or ()
    ]
    print_table(["stage", "images in a batch", "multiply-adds (G)"], rows)


def _print_uncounted(work: dict[str, dict[str, int]]) -> None:
    echo("\nUncounted: operators of extraction that compute and have no multiply-adds.\n")
    columns = [f"{kind} {what}" for kind in MODALITIES for what in ("calls", "elements")]
    rows = [
        [
            operator,
            *(
                f"{done[f'{what}_{kind}']:,}"
                for kind in MODALITIES
                for what in ("calls", "elements")
            ),
        ]
        for operator, done in work.items()
    ]
    print_table(["operator", *columns], rows)
