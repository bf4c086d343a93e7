"""`bench data export` and `bench data import`: datasets as other repositories keep them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import Option, json_option, read_image_size, receives
from bench_core.cli.printing import print_json
from bench_core.cli.verification import dataset_option, find_dataset
from bench_core.contracts.dataset import USUAL_DATASET
from bench_core.contracts.errors import unknown_name
from bench_core.system.escaping import terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench_core.data.exchange.exporting import Exported
    from bench_core.data.exchange.importing import Imported
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a dataset is written; each option says what it means."""

    size: Annotated[tuple[int, int] | None, Option(
        "--image-size", callback=read_image_size, metavar="HxW",
        help="Height and width of images in arrays: AGW's 288x144, DEEN's 384x144, PMT's 256x128. "
        "[default: 288x144]",
    )]  # fmt: skip
    hard_links: Annotated[bool, Option(
        "--hard-links", is_flag=True,
        help="Give files a second name instead of copying them; on the disk of ROOT only.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What is imported and how; each option says what it means."""

    dataset_id: Annotated[str, Option(
        "--dataset", metavar="ID", default=USUAL_DATASET, show_default=True,
        help="What the new root is; see 'bench list datasets'.",
    )]  # fmt: skip
    splits: Annotated[Path | None, Option(
        "--splits", type=click.Path(path_type=Path), metavar="DIR",
        help="Folder of the split files, such as exp of SYSU-MM01. [default: exp or idx in DIR]",
    )]  # fmt: skip
    size: Annotated[tuple[int, int] | None, Option(
        "--image-size", callback=read_image_size, metavar="HxW",
        help="Size of arrays that no known script writes.",
    )]  # fmt: skip
    one_camera: Annotated[bool, Option(
        "--one-camera", is_flag=True,
        help="Where nothing tells the cameras, have one for each modality; results say so.",
    )]  # fmt: skip


@click.command(name="export")
@click.argument("format_", metavar="FORMAT")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--data", "root", type=click.Path(path_type=Path), metavar="ROOT", required=True,
    help="Root folder of the dataset.",
)  # fmt: skip
@dataset_option
@receives(ExportOptions)
@json_option
@click.pass_obj
def export_command(
    registry: Registry,
    options: ExportOptions,
    /,
    *,
    format_: str,
    out: Path,
    root: Path,
    dataset_id: str | None,
    as_json: bool,
) -> None:
    """Write a dataset into the folder OUT as other repositories want it.

    FORMAT is agw-npy (the training arrays of AGW's pre_process_sysu.py), market (Market-style
    copies) or sysu-mm01 (nothing but what the splits list). The root is verified first. See
    docs/exchange.md.
    """
    from bench_core.data.exchange.exporting import export
    from bench_core.system.cache_folder import cache_directory

    _check_format(format_, (name for spec in registry.datasets.values() for name in spec.exports))
    spec = find_dataset(registry, root, dataset_id)
    exported = export(
        spec,
        [item for item in registry.protocols.values() if item.dataset == spec.id],
        root=root,
        out=out,
        format_=format_,
        cache=cache_directory(),
        size=options.size,
        hard_links=options.hard_links,
    )
    _print(exported, as_json=as_json)


@click.command(name="import")
@click.argument("format_", metavar="FORMAT")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@receives(ImportOptions)
@json_option
@click.pass_obj
def import_command(
    registry: Registry,
    options: ImportOptions,
    /,
    *,
    format_: str,
    folder: Path,
    out: Path,
    as_json: bool,
) -> None:
    """Make a root in the folder OUT of what another repository keeps in the folder DIR.

    FORMAT is agw-npy (training arrays, for training alone) or market (a Market-style copy). What
    they do not tell is not made up; see docs/exchange.md.
    """
    from bench_core.data.exchange.importing import import_folder

    _check_format(format_, (name for spec in registry.datasets.values() for name in spec.imports))
    imported = import_folder(
        registry.dataset(options.dataset_id),
        folder=folder,
        out=out,
        format_=format_,
        splits=options.splits,
        size=options.size,
        one_camera=options.one_camera,
    )
    _print(imported, as_json=as_json)


def _check_format(name: str, known: Iterable[str]) -> None:
    formats = set(known)
    if name not in formats:
        raise unknown_name("format", name, formats)


def _print(made: Exported | Imported, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    people = ", synthetic people" if made.synthetic else ""
    echo(f"{made.format}  {terminal_name(str(made.out))}")
    echo(f"{made.images:,} images of {made.dataset}{people}")
    for doubt in getattr(made, "doubts", ()):
        echo(f"note  {doubt}")
