"""How `bench compare` shows two results, and two methods over their seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli.printing import print_json, print_paragraph, print_table
from bench_core.leaderboard.cells import percent
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.results.comparison import Comparison
    from bench_core.results.delta import Delta


def print_conditions(comparison: Comparison) -> None:
    """Print under what two results were scored."""
    protocol = comparison.records[0].protocol
    echo(
        f"{protocol.id}, {protocol.convention} galleries: the same {comparison.num_queries} "
        f"queries of {comparison.num_identities} people"
    )


def print_differences(comparison: Comparison) -> None:
    """Print both results and their difference, with what other people do to it."""
    from bench_core.results.comparison import show_p_value

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


def compare_seeds(first: Path, second: Path, *, as_json: bool) -> None:
    """Compare two methods over all their seeds, and print what that says.

    Raises:
        BenchError: They cannot be compared.
    """
    delta = _compared_over_seeds(first, second)
    if as_json:
        print_json(delta)
    else:
        _print_delta(delta)


def _compared_over_seeds(first: Path, second: Path) -> Delta:
    """Compare over seeds, and name files that might be one and cannot be read."""
    from bench_core.results.delta import compare_over_seeds
    from bench_core.results.remembered import RememberedAnswers
    from bench_core.system.cache_folder import cache_directory

    # What the leaderboard found good before need not be checked again.
    known = RememberedAnswers(cache_directory() / "leaderboard-answers.bin")
    delta = compare_over_seeds(first, second, known)
    for defect in delta.defects:
        click.echo(f"Warning: {terminal_line(str(defect))}", err=True)
    return delta


def _print_delta(delta: Delta) -> None:
    comparison = delta.comparison
    print_conditions(comparison)
    for name, side in zip(comparison.names, delta.sides, strict=True):
        seeds = ", ".join(str(record.method.seed) for record in side.records)
        label = "seeds" if len(side.records) > 1 else "seed"
        echo(terminal_line(f"{name}: {label} {seeds}"))
    echo("\nMeans over seeds, with the interval and p of other people alone:\n")
    print_differences(comparison)
    echo(
        "\nDeviation over the seeds of each, and of the difference over trials\n"
        "(galleries); 95 % intervals of the difference with other seeds, and with other\n"
        "seeds and people:\n"
    )
    _print_spreads(delta)
    for sentence in (*delta.sentences, *delta.selection_sentences):
        echo()
        print_paragraph(sentence)


def _print_spreads(delta: Delta) -> None:
    over_seeds = delta.over_seeds or {}
    names = [f"{name}, seeds" for name in delta.comparison.names]
    rows = []
    for metric, over_trials in delta.over_trials.items():
        deviations = [side.deviation(metric) for side in delta.sides]
        found = over_seeds.get(metric)
        rows.append([
            metric,
            *("-" if deviation is None else percent(deviation) for deviation in deviations),
            percent(over_trials),
            _short_interval(found.over_seeds) if found else "-",
            _short_interval(found.over_both) if found else "-",
        ])  # fmt: skip
    print_table(["percent", *names, "trials", "other seeds", "seeds, people"], rows)


def _short_interval(interval: tuple[float, float]) -> str:
    return " to ".join(f"{100 * end:+.1f}" for end in interval)
