"""`bench report`: tables and pictures of a result or a trained run in one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli import options
from bench_core.contracts.protocol import Convention
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.plugins import Registry


@click.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="RESULT|RUN")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder to write. [default: 'report' in the folder of a run, ./report-NAME for a result]",
)  # fmt: skip
@click.option(
    "--data", "root", type=click.Path(path_type=Path), metavar="ROOT",
    help="Root folder of the dataset. Without it, synthetic people are used.",
)  # fmt: skip
@click.option(
    "--runs", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"),
    show_default=True, help="Folder of trainings, in which the model of a RESULT is looked for.",
)  # fmt: skip
@click.option(
    "--protocol", "protocol_id", metavar="ID",
    help="Protocol to score a RUN under. [default: the first of its dataset]",
)  # fmt: skip
@click.option(
    "--convention", metavar="NAME",
    help="How galleries are drawn for a RUN. [default: the protocol's first]",
)  # fmt: skip
@click.option(
    "--inception", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Weights of torchvision's inception_v3: FID of generated images over its features, too.",
)  # fmt: skip
@options.device_option
@options.json_option
@click.pass_obj
def report(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    *,
    path: Path,
    output: Path | None,
    root: Path | None,
    runs: Path,
    protocol_id: str | None,
    convention: Convention | None,
    inception: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Write a page with the scores and pictures of a result or a trained run.

    RESULT is a record that 'bench run' wrote. RUN is the folder of a finished training, or its
    model.safetensors; it is scored for the report. Pictures of images need the model and the
    dataset. What is missing is listed on the page, with the reason.
    """
    from bench_core.reports.building import (
        build_report,
        check_folder,
        default_folder,
        write_report,
    )
    from bench_core.reports.subjects import ReportOptions
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.devices import choose_device

    folder = output or default_folder(path)
    check_folder(folder)
    built = build_report(
        registry,
        path,
        ReportOptions(
            root=root,
            runs=runs,
            cache=cache_directory(),
            device=choose_device(device),
            protocol=protocol_id,
            convention=convention,
            inception=inception,
        ),
    )
    page = write_report(folder, built)
    if as_json:
        options.print_json({"page": str(page), **built.as_document()})
        return
    echo(terminal_line(built.title))
    for item in built.left_out:
        echo(terminal_line(f"left out: {item.what} ({item.why})"))
    echo(f"report   {page}")
