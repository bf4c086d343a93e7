"""`bench leaderboard`: tables from the result records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.contracts.errors import BenchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.rows import ToldApart

DEFAULT_RESULTS = Path("results")


@click.command()
@click.option(
    "--results", type=click.Path(path_type=Path), default=DEFAULT_RESULTS, show_default=True,
    help="Folder of result records.",
)  # fmt: skip
@click.option(
    "--format", "output_format", type=click.Choice(["markdown", "csv", "json"]),
    help="[default: markdown]",
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
    "would be written.",
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

    The same records always give the same bytes.
    """
    if check and output is None and plot is None:
        raise UsageError("--check needs --output FILE or --plot DIR, what to compare with")
    if as_json and output_format not in (None, "json"):
        raise UsageError(f"--json and --format {output_format} contradict each other; give one")
    if not results.exists() and results != DEFAULT_RESULTS:
        raise UsageError(f"--results {results}: there is no such folder")

    from bench_core.leaderboard.paired import PairedTests
    from bench_core.results.store import find_results

    found = find_results(results)
    for defect in found.defects:
        click.echo(f"Warning: left out: {defect}", err=True)
    if check and found.defects:
        raise BenchError(f"{results}: {len(found.defects)} of its files cannot be shown; see above")
    records = list(found.records.values())
    if output is not None or plot is None or as_json or output_format is not None:
        output_format = "json" if as_json else output_format or "markdown"
        _table(records, output_format, PairedTests(found.records), output, check=check)
    if plot is not None:
        _plots(records, plot, check=check)


def _table(
    records: Sequence[ResultRecord],
    output_format: str,
    told_apart: ToldApart,
    output: Path | None,
    *,
    check: bool,
) -> None:
    """Print, write or check the leaderboard."""
    from bench_core.files import write_text
    from bench_core.leaderboard import render

    if output is None:
        click.echo(render.render(records, output_format, told_apart), nl=False)
    elif check:
        _report(output, render.check(records, output_format, told_apart, output))
    else:
        write_text(output, render.render(records, output_format, told_apart))
        click.echo(f"leaderboard {output}", err=True)


def _plots(records: Sequence[ResultRecord], folder: Path, *, check: bool) -> None:
    """Write or check the pictures."""
    from bench_core.files import write_bytes
    from bench_core.leaderboard.plot import check_plots, plot_files

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
