"""`bench leaderboard`: tables from the result records."""

from __future__ import annotations

from pathlib import Path

import click

from bench_core.contracts.errors import BenchError, UsageError

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
    "--check", is_flag=True,
    help="Write nothing; fail when the file of --output is not what would be written.",
)  # fmt: skip
def leaderboard(
    *, results: Path, output_format: str | None, as_json: bool, output: Path | None, check: bool
) -> None:
    """Make the leaderboard from the result records.

    The same records always give the same bytes.
    """
    if check and output is None:
        raise UsageError("--check needs --output FILE, the leaderboard to compare with")
    if as_json and output_format not in (None, "json"):
        raise UsageError(f"--json and --format {output_format} contradict each other; give one")
    if not results.exists() and results != DEFAULT_RESULTS:
        raise UsageError(f"--results {results}: there is no such folder")

    from bench_core.files import write_text
    from bench_core.leaderboard import render
    from bench_core.leaderboard.paired import PairedTests
    from bench_core.results.store import find_results

    found = find_results(results)
    records, told_apart = list(found.values()), PairedTests(found)
    output_format = "json" if as_json else output_format or "markdown"
    if output is None:
        click.echo(render.render(records, output_format, told_apart), nl=False)
    elif check:
        difference = render.check(records, output_format, told_apart, output)
        if difference is not None:
            raise BenchError(difference)
        click.echo(f"{output} is up to date", err=True)
    else:
        write_text(output, render.render(records, output_format, told_apart))
        click.echo(f"leaderboard {output}", err=True)
