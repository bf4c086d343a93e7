"""The registry that comes with the program, and tables to be linted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.published.reading import read_published, shipped_folder
from bench_core.published.registry import Published
from bench_core.table_lint.lint import LintReport, TableLinter


@pytest.fixture(scope="session")
def published() -> Published:
    """The published numbers of this checkout."""
    return read_published(shipped_folder()).published


@pytest.fixture(scope="session")
def linter(published: Published) -> TableLinter:
    """A linter with the numbers of this checkout."""
    return TableLinter(published)


@pytest.fixture
def lint(linter: TableLinter, tmp_path: Path) -> Callable[..., LintReport]:
    """Lint a text as a file of a given suffix."""

    def lint_text(text: str, suffix: str = ".md") -> LintReport:
        path = tmp_path / f"table{suffix}"
        path.write_text(text)
        return linter.lint(path)

    return lint_text
