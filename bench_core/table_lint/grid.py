"""A table as it stands in somebody's file: cells with their lines, spans laid out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench_core.contracts.errors import UsageError

NUMBER = re.compile(
    r"^[\s*\u2020\u2021\u00a7]*(?P<number>\d{1,3}(?:[.,]\d+)?)\s*%?\s*"
    r"(?:\u00b1\s*[\d.,]+\s*%?|\([^)]*\)|\[[^\]]*\])?[\s*\u2020\u2021\u00a7]*$"
)

MOST_CELLS = 200_000
"""In a table; more are features, not results, and would fill the memory."""


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: What it shows, without markup.
        line: On which line of the file it starts, from 1.
        column: The first column that it stands in, from 1.
        span: How many columns it takes.
        rows: How many rows it takes.
    """

    text: str
    line: int
    column: int
    span: int = 1
    rows: int = 1

    @property
    def parts(self) -> tuple[str, ...]:
        """What a slash divides, such as the rank-1 and the mAP of one cell."""
        return tuple(part.strip() for part in self.text.split("/"))

    def numbers(self) -> tuple[str | None, ...]:
        """Return the number of each part, None where it is no number."""
        return tuple(number_of(part) for part in self.parts)

    @property
    def is_number(self) -> bool:
        """Whether it is a number, or several behind slashes."""
        return all(number is not None for number in self.numbers())


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        rows: Cells by row and column; a cell stands in each column that it spans. Rows are of the
            same length.
        caption: What the text around the table says it is of.
        line: Where it starts, from 1.
    """

    rows: tuple[tuple[Cell, ...], ...]
    caption: str
    line: int


def number_of(text: str) -> str | None:
    """Return the number that a text shows, with a point; None where it shows something else.

    Example:
        >>> number_of("49,92 %"), number_of("49.9 \u00b1 0.3"), number_of("-"), number_of("r1")
        ('49.92', '49.9', None, None)
    """
    found = NUMBER.match(text)
    return found["number"].replace(",", ".") if found else None


def check_size(num_cells: int, line: int) -> None:
    """Refuse a table that is larger than any of results.

    Args:
        num_cells: Cells that it has so far, or will have.
        line: Where it starts, from 1.

    Raises:
        UsageError: There are more than `MOST_CELLS`.
    """
    if num_cells > MOST_CELLS:
        raise UsageError(
            f"the table from line {line} has more than {MOST_CELLS:,} cells, as no table of "
            "results has"
        )


def lay_out(rows: list[list[Cell]], caption: str, line: int) -> Grid | None:
    """Lay out rows of cells, each at the columns that it spans; short rows are filled.

    Returns:
        The table; None where there is no row of two cells.

    Raises:
        UsageError: It is larger than a table of results.
    """
    width = max((sum(cell.span for cell in row) for row in rows), default=0)
    check_size(width * len(rows), line)
    filled = [[cell for cell in row for _ in range(cell.span)] for row in rows]
    if width < 2:
        return None
    for row, cells in zip(filled, rows, strict=True):
        at = cells[-1].line if cells else line
        row += [Cell("", at, column) for column in range(len(row) + 1, width + 1)]
    _fill_down(filled)
    return Grid(tuple(tuple(row) for row in filled), caption, line)


def _fill_down(rows: list[list[Cell]]) -> None:
    """Put a cell that takes several rows into the empty cells below it."""
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            for below in rows[number + 1 : number + cell.rows]:
                if not below[column].text:
                    below[column] = cell
