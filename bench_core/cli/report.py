"""`bench report`: tables and pictures of a result or a trained run in one page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from bench_core.cli.options import AsJson, DeviceName, Option, receives
from bench_core.cli.printing import print_json, print_paragraph
from bench_core.contracts.errors import UsageError
from bench_core.contracts.protocol import Convention
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.plugins import Registry
    from bench_core.reports.building import Report


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """How a page is made; each option says what it means."""

    output: Annotated[Path | None, Option(
        "--output", type=click.Path(path_type=Path), metavar="DIR",
        help="Folder to write. [default: 'report' in the folder of a run, ./report-NAME for a "
        "result]",
    )]  # fmt: skip
    root: Annotated[Path | None, Option(
        "--data", type=click.Path(path_type=Path), metavar="ROOT",
        help="Root folder of the dataset. Without it, synthetic people are used.",
    )]  # fmt: skip
    runs: Annotated[Path, Option(
        "--runs", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"),
        show_default=True,
        help="Folder of trainings, in which the model of a RESULT is looked for.",
    )]  # fmt: skip
    protocol: Annotated[str | None, Option(
        "--protocol", metavar="ID",
        help="Protocol to score a RUN under. [default: the first of its dataset]",
    )]  # fmt: skip
    convention: Annotated[Convention | None, Option(
        "--convention", metavar="NAME",
        help="How galleries are drawn for a RUN. [default: the protocol's first]",
    )]  # fmt: skip
    inception: Annotated[Path | None, Option(
        "--inception", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Weights of torchvision's inception_v3: FID of generated images over its "
        "features, too.",
    )]  # fmt: skip
    device: DeviceName
    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        page: Its page.
        report: What it says.
    """

    page: Path
    report: Report

    def as_document(self) -> dict[str, Any]:
        """Return what `bench report --json` prints."""
        return {"page": self.page, **self.report.as_document()}


@click.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="RESULT|RUN")
@receives(PageOptions)
@click.pass_obj
def report(registry: Registry, options: PageOptions, /, *, path: Path) -> None:
    """Write a page with the scores and pictures of a result or a trained run.

    RESULT is a record that 'bench run' wrote. RUN is the folder of a finished training, or its
    model.safetensors; it is scored for the report. Pictures of images need the model and the
    dataset. What is missing is listed on the page, with the reason.
    """
    if options.root is not None and not options.root.is_dir():
        raise UsageError(f"--data {options.root} is not a folder")

    from bench_core.reports import building
    from bench_core.reports.subjects import ReportOptions
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.devices import choose_device

    folder = options.output or building.default_folder(path)
    building.check_folder(folder)
    built = building.build_report(
        registry,
        path,
        ReportOptions(
            root=options.root,
            runs=options.runs,
            cache=cache_directory(),
            device=choose_device(options.device),
            protocol=options.protocol,
            convention=options.convention,
            inception=options.inception,
        ),
    )
    page = building.write_report(folder, built)
    if options.as_json:
        print_json(WrittenReport(page=page, report=built))
        return
    echo(terminal_line(built.title))
    for item in built.left_out:
        print_paragraph(f"left out: {item.what} ({item.why})")
    echo(f"report   {page}")
