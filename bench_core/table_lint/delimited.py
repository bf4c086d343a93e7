"""Reads the tables of a Markdown text, and the table of a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from bench_core.contracts.errors import UsageError
from bench_core.table_lint.grid import Cell, Grid, check_size, lay_out

RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
TAG = re.compile(r"<[^<>]*>")
MARKUP = re.compile(r"\*\*|__|`|~~|(?<!\w)[*_](?=\w)|(?<=[\w.%)])[*_](?!\w)")
LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
SEPARATORS = (",", ";", "\t", "|")


def markdown_tables(text: str) -> list[Grid]:
    """Return the tables of a Markdown text; what stands above one is its caption."""
    lines = text.splitlines()
    grids = []
    for number, line in enumerate(lines):
        if number and "|" in line and RULE.match(line) and "|" in lines[number - 1]:
            rows = [_markdown_row(lines[number - 1], number)]
            for below, body in enumerate(lines[number + 1 :], start=number + 2):
                if "|" not in body:
                    break
                rows.append(_markdown_row(body, below))
            grid = lay_out(rows, _text_above(lines[: number - 1]), number)
            grids += [grid] if grid else []
    return grids


def csv_tables(text: str) -> list[Grid]:
    """Return the table of a CSV text, separated by commas, semicolons, tabs or bars.

    Raises:
        UsageError: It is not CSV.
    """
    sample = [line for line in text.splitlines() if line.strip()][:20]
    separator = max(SEPARATORS, key=lambda mark: sum(line.count(mark) for line in sample))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows, start, num_cells = [], 1, 0
    try:
        for cells in reader:
            num_cells += len(cells)
            check_size(num_cells, 1)
            if any(cell.strip() for cell in cells):
                rows.append([
                    Cell(_plain(cell), start, column) for column, cell in enumerate(cells, 1)
                ])  # fmt: skip
            start = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"it is not CSV: line {reader.line_num}: {error}") from error
    grid = lay_out(rows, "", 1)
    return [grid] if grid else []


def _markdown_row(line: str, number: int) -> list[Cell]:
    body = line.strip().removeprefix("|")
    pieces = re.split(r"(?<!\\)\|", body)
    if len(pieces) > 1 and not pieces[-1].strip():
        pieces.pop()
    return [
        Cell(_plain(piece.replace(r"\|", "|")), number, column)
        for column, piece in enumerate(pieces, start=1)
    ]


def _plain(text: str) -> str:
    text = LINK.sub(r"\1", text)
    text = MARKUP.sub("", TAG.sub(" ", text))
    text = re.sub(r"\\(?=[^\w\s])", "", text).replace("$", "").replace("^", "")
    return " ".join(text.split())


def _text_above(lines: Sequence[str]) -> str:
    """Return the last heading, and the text between it and the table."""
    above: list[str] = []
    for line in reversed(lines):
        if "|" in line and above:
            break
        if line.strip():
            above.append(line.strip(" #*"))
        if line.startswith("#"):
            break
    return " ".join(reversed(above))
