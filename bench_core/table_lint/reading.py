"""Which tables a file holds, whatever its syntax is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from bench_core.contracts.errors import UsageError
from bench_core.system.foreign_files import read_regular, recognise
from bench_core.table_lint.delimited import csv_tables, markdown_tables
from bench_core.table_lint.grid import Grid
from bench_core.table_lint.latex import latex_tables

LARGEST_TABLE_BYTES = 1 << 22
"""4 MiB: a whole thesis in LaTeX has one or two."""
READERS: Mapping[str, Callable[[str], list[Grid]]] = MappingProxyType(
    {"latex": latex_tables, "markdown": markdown_tables, "csv": csv_tables}
)
SYNTAX_OF_SUFFIX: Mapping[str, str] = MappingProxyType({
    ".tex": "latex", ".ltx": "latex", ".md": "markdown", ".markdown": "markdown",
    ".csv": "csv", ".tsv": "csv",
})  # fmt: skip


def read_tables(path: Path) -> tuple[str, list[Grid]]:
    """Read the tables of a file.

    Args:
        path: LaTeX, Markdown or CSV, by its suffix or, where that says nothing, its content.

    Returns:
        The name of its syntax, and at least one table.

    Raises:
        UsageError: It cannot be read, or holds no table; the message names it.
    """
    try:
        content = read_regular(path, LARGEST_TABLE_BYTES)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    if kind := recognise(content[:64]):
        raise UsageError(f"{path} holds no table: it is {kind}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it so and try again") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    syntax = SYNTAX_OF_SUFFIX.get(path.suffix.lower()) or _syntax_of(text)
    try:
        tables = READERS[syntax](text)
    except UsageError as error:
        raise UsageError(f"{path} holds no table: {error}") from error
    if not tables:
        raise UsageError(
            f"{path} holds no table in {syntax}; give a tabular of LaTeX (.tex), a table of "
            "Markdown (.md) or CSV (.csv)"
        )
    return syntax, tables


def _syntax_of(text: str) -> str:
    if r"\begin{" in text or re.search(r"&.*\\\\", text):
        return "latex"
    return "markdown" if re.search(r"^\s*\|?\s*:?-{3,}:?\s*\|", text, re.MULTILINE) else "csv"
