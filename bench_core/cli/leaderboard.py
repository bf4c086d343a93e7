"""`bench leaderboard`: tables from the result records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.contracts.speed import SpeedRecord
    from bench_core.leaderboard.rows import ToldApart
    from bench_core.published.registry import Published
    from bench_core.results.remembered import RememberedAnswers

DEFAULT_RESULTS = Path("results")
SPEEDS = "speeds"
"""The folder of the results that holds measurements of speed."""
PUBLISHED = "published"
"""The folder of the results that holds published numbers."""
FORMATS = ("table", "markdown", "csv", "json")
FORMAT_OF_SUFFIX: Mapping[str, str] = MappingProxyType(
    {".txt": "table", ".md": "markdown", ".csv": "csv", ".json": "json"}
)


@dataclass(frozen=True)
class _Shown:
    """What the tables are made of."""

    records: Sequence[ResultRecord]
    speeds: Sequence[SpeedRecord]
    published: Published


@click.command()
@click.option(
    "--results", type=click.Path(path_type=Path), default=DEFAULT_RESULTS, show_default=True,
    help="Folder of result records.",
)  # fmt: skip
@click.option(
    "--format", "output_format", type=click.Choice(FORMATS),
    help="table is text of 80 columns. [default: table, on a terminal and in a pipe; with "
    "--output what the file's suffix says: .txt table, .md markdown, .csv, .json]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a file instead of standard output.",
)  # fmt: skip
@click.option(
    "--plot", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Draw accuracy against cost into accuracy-cost.png and .svg in DIR, of synthetic data "
    "into accuracy-cost-synthetic.png and .svg; then the table is written with --output only.",
)  # fmt: skip
@click.option(
    "--check", is_flag=True,
    help="Write nothing; fail when the file of --output or a picture (SVG) of --plot is not what "
    "would be written, or when a result cannot be read.",
)  # fmt: skip
def leaderboard(
    *,
    results: Path,
    output_format: str | None,
    as_json: bool,
    output: Path | None,
    plot: Path | None,
    check: bool,
) -> None:
    """Make the leaderboard from the result records.

    The same records always give the same bytes. A file that is no whole record is named on
    standard error and left out. Measured speeds (the folder speeds of the results, written by make
    gpu) stand behind the results, a block for each device; a CSV has none. Published numbers (the
    folder published of the results) stand apart from measured ones, without ranks.
    """
    if check and output is None and plot is None:
        raise UsageError("--check needs --output FILE or --plot DIR, what to compare with")
    if as_json and output_format not in (None, "json"):
        raise UsageError(f"--json and --format {output_format} contradict each other; give one")
    if not results.exists() and results != DEFAULT_RESULTS:
        raise UsageError(f"--results {results}: there is no such folder")
    wants_table = output is not None or plot is None or as_json or output_format is not None
    chosen_format = "json" if as_json else output_format or _format_for(output)

    from bench_core.leaderboard.paired import PairedTests
    from bench_core.published.reading import read_published
    from bench_core.results.remembered import RememberedAnswers
    from bench_core.results.speeds import find_speeds
    from bench_core.results.store import find_results
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.garbage import without_garbage_collection

    click.get_current_context().with_resource(without_garbage_collection())
    remembered = RememberedAnswers(cache_directory() / "leaderboard-answers.bin")
    found, speeds = find_results(results, remembered), find_speeds(results / SPEEDS)
    told_apart = PairedTests(found.records, remembered)
    known = read_published(results / PUBLISHED)
    records = list(found.records.values())
    shown = _Shown(records, speeds.records, known.published)
    _warn((*found.defects, *speeds.defects, *known.defects))
    try:
        if wants_table:
            _table(shown, chosen_format, told_apart, output, check=check)
    finally:  # a file that differs may do so for this reason
        _warn(told_apart.defects)
        _save(remembered)
    if plot is not None:
        _plots(records, plot, check=check)
    if check and (found.defects or speeds.defects or known.defects or told_apart.defects):
        raise BenchError(f"{results} holds results that cannot be used, named above")


def _format_for(output: Path | None) -> str:
    if output is None:
        return "table"
    if output.suffix not in FORMAT_OF_SUFFIX:
        raise UsageError(
            f"--output {output}: the suffix names no format; give --format, or one of "
            f"{', '.join(FORMAT_OF_SUFFIX)}"
        )
    return FORMAT_OF_SUFFIX[output.suffix]


def _table(
    shown: _Shown,
    output_format: str,
    told_apart: ToldApart,
    output: Path | None,
    *,
    check: bool,
) -> None:
    """Print, write or check the leaderboard."""
    records, speeds, published = shown.records, shown.speeds, shown.published
    from bench_core.leaderboard import render
    from bench_core.system.files import write_text

    if output is None:
        echo(render.render(records, output_format, told_apart, speeds, published), newline=False)
    elif check:
        difference = render.check(records, output_format, told_apart, output, speeds, published)
        _report(output, difference)
    else:
        text = render.render(records, output_format, told_apart, speeds, published)
        write_text(output, text)
        click.echo(f"leaderboard {output}", err=True)


def _plots(records: Sequence[ResultRecord], folder: Path, *, check: bool) -> None:
    """Write or check the pictures."""
    from bench_core.leaderboard.plot import check_plots, plot_files
    from bench_core.system.files import write_bytes

    if check:
        _report(folder, check_plots(records, folder))
        return
    files = plot_files(records)
    for name, content in files.items():
        write_bytes(folder / name, content)
        click.echo(f"plot {folder / name}", err=True)
    if not files:
        click.echo("no results to plot", err=True)


def _report(path: Path, difference: str | None) -> None:
    if difference is not None:
        raise BenchError(difference)
    click.echo(f"{path} is up to date", err=True)


def _save(remembered: RememberedAnswers) -> None:
    """Keep the answers for the next time; without them it takes longer, and that is all."""
    try:
        remembered.save()
    except BenchError as error:
        _warn([f"what was checked cannot be remembered for the next time: {error}"])


def _warn(defects: Iterable[object]) -> None:
    """Name what keeps results out of the tables, or their ranks untested."""
    for defect in defects:
        click.echo(f"Warning: {terminal_line(str(defect))}", err=True)
