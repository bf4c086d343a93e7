"""Lints a file: reads its tables, holds each against the published numbers, and reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench_core.published.names import MethodNames
from bench_core.published.registry import Published
from bench_core.table_lint.accepted import Claims
from bench_core.table_lint.entries import read_table
from bench_core.table_lint.findings import Finding, judge
from bench_core.table_lint.reading import read_tables


@dataclass(frozen=True)
class LintReport:
    """What was found in a file.

    Attributes:
        file: The file.
        syntax: "latex", "markdown" or "csv".
        num_tables: Tables in it.
        methods: Labels of the methods of the registry that it has rows of.
        num_agreeing: Numbers that a source prints.
        num_unknown: Numbers of known methods for which the registry has nothing checked.
        findings: What disagrees, by line and column.
        notes: What is disputed or to be known; no errors of the table.
        unknown_methods: Names of rows that are not in the registry.
        unknown_columns: Headings above numbers that are not in the registry.
        num_rendered: Rows of synthetic people, which compare with nothing published.
    """

    file: Path
    syntax: str
    num_tables: int
    methods: tuple[str, ...]
    num_agreeing: int
    num_unknown: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    unknown_methods: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    num_rendered: int


class TableLinter:
    """Holds files against the published numbers.

    Args:
        published: The registry.
    """

    def __init__(self, published: Published) -> None:
        self._names, self._claims = MethodNames(published), Claims(published)

    def lint(self, path: Path) -> LintReport:
        """Lint the tables of a file.

        Args:
            path: LaTeX, Markdown or CSV.

        Raises:
            UsageError: It cannot be read, or holds no table; the message names it.
        """
        syntax, grids = read_tables(path)
        tables = [read_table(grid, self._names) for grid in grids]
        verdicts = [judge(table, self._claims) for table in tables]
        entries = [entry for table in tables for entry in table.entries]
        return LintReport(
            file=path,
            syntax=syntax,
            num_tables=len(tables),
            methods=tuple(sorted({entry.method for entry in entries if entry.method is not None})),
            num_agreeing=sum(verdict.num_agreeing for verdict in verdicts),
            num_unknown=sum(verdict.num_unknown for verdict in verdicts),
            findings=tuple(finding for verdict in verdicts for finding in verdict.findings),
            notes=_once(note for verdict in verdicts for note in verdict.notes),
            unknown_methods=_once(name for table in tables for name in table.unknown_methods),
            unknown_columns=_once(name for table in tables for name in table.unknown_columns),
            num_rendered=sum(table.num_rendered for table in tables),
        )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
