"""`bench report`: tables and pictures of a result or a trained run in one page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from bench_core.cli.options import AsJson, DeviceName, Option, receives
from bench_core.cli.printing import print_json, print_paragraph
from bench_core.cli.split_files import check_root
from bench_core.contracts.protocol import Convention
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.plugins import Registry
    from bench_core.reports.folder import Page


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
    umap: Annotated[bool, Option(
        "--umap", is_flag=True,
        help="Map the features by UMAP, too; takes half a minute and the extra 'maps'.",
    )]  # fmt: skip
    device: DeviceName
    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        path: The file of its page.
        page: What it says.
    """

    path: Path
    page: Page

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON values, as `bench report --json` prints it."""
        return {"page": self.path, **self.page.as_document()}

    def tell(self) -> None:
        """Say what was written, and what was left out."""
        echo(terminal_line(self.page.title))
        for item in self.page.left_out:
            print_paragraph(f"left out: {item.what} ({item.why})")
        echo(f"report   {self.path}")


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
    check_root(options.root)

    from bench_core.reports.building import build_report, default_folder
    from bench_core.reports.folder import check_folder, write_page
    from bench_core.reports.subjects import ReportOptions
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.devices import choose_device

    folder = options.output or default_folder(path)
    check_folder(folder)
    page = build_report(
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
            umap=options.umap,
        ),
    )
    written = WrittenReport(path=write_page(folder, page), page=page)
    if options.as_json:
        print_json(written)
    else:
        written.tell()
