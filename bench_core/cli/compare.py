"""`bench compare`: whether one result is better than another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_paragraph, print_table
from bench_core.leaderboard.cells import percent
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.results.comparison import Comparison

RESULT = click.Path(path_type=Path)


@click.command()
@click.argument("first", type=RESULT, metavar="RESULT")
@click.argument("second", type=RESULT, metavar="RESULT")
@json_option
def compare(*, first: Path, second: Path, as_json: bool) -> None:
    """Compare two results query by query: the second minus the first.

    RESULT is a record that 'bench run' wrote, with the scores of its queries beside it. Both must
    be of one protocol, gallery convention and dataset. Intervals and p-values are over identities.
    """
    from bench_core.results.comparison import compare_results

    comparison = compare_results(first, second)
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
            " to ".join(f"{100 * end:+.2f}" for end in difference.interval),
            show_p_value(difference.p_value),
        ]
        for metric, difference in comparison.differences.items()
    ]
    print_table(["percent", *comparison.names, "difference", "95 % interval", "p"], rows)
    echo()
    print_paragraph(comparison.sentence)
