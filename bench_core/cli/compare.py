"""`bench compare`: whether one result is better than another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_table
from bench_core.contracts.errors import UsageError
from bench_core.leaderboard.cells import percent
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo
from bench_core.system.text_layout import terminal_paragraph

if TYPE_CHECKING:
    from bench_core.results.comparison import Comparison

TWO = 2
RESULT = click.Path(path_type=Path)


@click.command()
@click.argument("results", type=RESULT, nargs=-1, metavar="RESULT RESULT")
@json_option
def compare(*, results: tuple[Path, ...], as_json: bool) -> None:
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

    comparison = compare_results(*results)
    if as_json:
        print_json(comparison)
    else:
        _print_comparison(comparison)


def _print_comparison(comparison: Comparison) -> None:
    from bench_core.results.comparison import show_p_value

    protocol = comparison.records[0].protocol
    echo(
        f"{protocol.id}, {protocol.convention} galleries: the same {comparison.num_queries} "
        f"queries of {comparison.num_identities} people\n"
    )
    first, second = (record.scores.mean.by_name() for record in comparison.records)
    rows = [
        [
            metric,
            percent(first[metric]),
            percent(second[metric]),
            f"{100 * difference.value:+.2f}",
            *(f"{100 * end:+.2f}" for end in difference.interval),
            show_p_value(difference.p_value),
        ]
        for metric, difference in comparison.differences.items()
    ]
    columns = ["percent", *comparison.names, "difference", "95 % low", "95 % high", "p"]
    print_table(columns, rows)
    echo()
    for line in terminal_paragraph(comparison.sentence):
        echo(line)
