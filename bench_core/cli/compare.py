"""`bench compare`: whether one result is better than another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.compare_tables import compare_seeds, print_conditions, print_differences
from bench_core.cli.options import AsJson, Option, receives
from bench_core.cli.printing import print_json, print_paragraph
from bench_core.cli.report import WrittenReport
from bench_core.cli.split_files import check_root
from bench_core.contracts.errors import UsageError
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.plugins import Registry
    from bench_core.results.comparison import Comparison

TWO = 2
RESULT = click.Path(path_type=Path)


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """What is made of a comparison; each option says what it means."""

    report: Annotated[Path | None, Option(
        "--report", type=click.Path(path_type=Path), metavar="FOLDER",
        help="Write a page with pictures, too: differences by metric, camera and query.",
    )]  # fmt: skip
    seeds: Annotated[bool, Option(
        "--seeds", is_flag=True,
        help="Compare the means over all seeds: the results beside each RESULT that differ from it "
        "in the seed alone. Says how much is seeds, people, galleries and the choice of an epoch.",
    )]  # fmt: skip
    root: Annotated[Path | None, Option(
        "--data", type=click.Path(path_type=Path), metavar="ROOT",
        help="Root folder of the dataset, for images of queries in the report. Without it, "
        "results on synthetic people show the synthetic people.",
    )]  # fmt: skip
    as_json: AsJson


@click.command()
@click.argument("results", type=RESULT, nargs=-1, metavar="RESULT RESULT")
@receives(CompareOptions)
@click.pass_obj
def compare(registry: Registry, options: CompareOptions, /, *, results: tuple[Path, ...]) -> None:
    """Compare two results query by query: the second minus the first.

    RESULT is a record that 'bench run' wrote, with the scores of its queries beside it. Both must
    be of one protocol, gallery convention and dataset. Intervals and p-values are over identities.
    """
    if len(results) != TWO:
        given = ", ".join(str(path) for path in results) or "none"
        raise UsageError(
            f"two results are compared, and {len(results)} were given: {terminal_line(given)}; "
            "name two files, as a pattern such as *.json may match more"
        )

    from bench_core.results.comparison import compare_results

    if options.report is None and options.root is not None:
        raise UsageError("--data is for the images of a report; add --report FOLDER, or leave it")
    if options.seeds and options.report is not None:
        raise UsageError("--report is a page on two results; leave out --seeds or --report")
    check_root(options.root)
    if options.seeds:
        compare_seeds(*results, as_json=options.as_json)
        return
    if options.report is not None:
        from bench_core.reports.folder import check_folder

        check_folder(options.report, "--report")
    comparison = compare_results(*results)
    written = None
    if options.report is not None:
        written = _write_report(registry, comparison, options.report, options.root)
    if options.as_json:
        print_json(comparison if written is None else written)
        return
    _print_comparison(comparison)
    if written is not None:
        echo("")
        written.tell()


def _write_report(
    registry: Registry, comparison: Comparison, folder: Path, root: Path | None
) -> WrittenReport:
    from bench_core.reports.comparison_page import ComparisonOptions, build_comparison
    from bench_core.reports.folder import write_page
    from bench_core.system.cache_folder import cache_directory

    options = ComparisonOptions(registry=registry, root=root, cache=cache_directory())
    page = build_comparison(comparison, options)
    return WrittenReport(path=write_page(folder, page, "--report"), page=page)


def _print_comparison(comparison: Comparison) -> None:
    print_conditions(comparison)
    echo()
    print_differences(comparison)
    echo()
    print_paragraph(comparison.sentence)
