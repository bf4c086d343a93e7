"""`bench lint-table`: a results table held against the published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json
from bench_core.cli.published import load_published, published_option
from bench_core.contracts.errors import BenchError
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench_core.table_lint.findings import Finding
    from bench_core.table_lint.lint import LintReport


@click.command("lint-table")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@published_option
@json_option
def lint_table(*, file: Path, published: Path | None, as_json: bool) -> None:
    """Hold the results tables of a paper against the published numbers.

    FILE is LaTeX, Markdown or CSV. Rows are known by the names of methods, columns by dataset,
    search or direction, and metric. Exit 1 where a number disagrees with its sources, 0 where none
    does, 2 where FILE holds no table. What the registry does not know is told, and no error.
    """
    from bench_core.table_lint.lint import TableLinter

    report = TableLinter(load_published(published)).lint(file)
    if as_json:
        print_json(report)
    else:
        echo("\n".join(_lines(report)))
    if report.findings:
        count = len(report.findings)
        raise BenchError(f"{file}: {count} number{'s' * (count > 1)} to be looked at")


def _lines(report: LintReport) -> Iterator[str]:
    """Yield the report as lines of 80 columns."""
    from bench_core.system.text_layout import terminal_paragraph

    if not report.methods and not report.findings:
        yield from terminal_paragraph(
            f"{report.file}: no row is of a method in the registry (bench published list): there "
            "was nothing to look up"
        )
    else:
        yield from terminal_paragraph(
            f"{report.file}: {report.num_tables} table{'s' * (report.num_tables > 1)} in "
            f"{report.syntax}, {len(report.methods)} known methods; {report.num_agreeing} numbers "
            f"agree with a source, {len(report.findings)} do not, {report.num_unknown} are not in "
            "the registry"
        )
    for finding in report.findings:
        yield from _finding_lines(finding)
    for note in report.notes:
        yield from terminal_paragraph(f"note: {note}", hanging="  ")
    if report.num_rendered:
        yield from terminal_paragraph(
            f"left out: {report.num_rendered} rows of synthetic people, which compare with nothing "
            "published"
        )
    for kind, names in (("rows", report.unknown_methods), ("columns", report.unknown_columns)):
        if names:
            listed = ", ".join(map(terminal_line, names))
            yield from terminal_paragraph(f"not in the registry, {kind}: {listed}", hanging="  ")


def _finding_lines(finding: Finding) -> Iterator[str]:
    from bench_core.system.text_layout import terminal_paragraph

    yield ""
    yield from terminal_paragraph(
        f"line {finding.line}, cell {finding.column}: {finding.row}, {finding.heading}: "
        f"{finding.printed}",
        hanging="  ",
    )
    if finding.expected:
        should = " or ".join(finding.expected)
        yield from terminal_paragraph(f"should be {should}", margin="  ", hanging="  ")
    yield from terminal_paragraph(f"{finding.kind}: {finding.text}", margin="  ", hanging="  ")
