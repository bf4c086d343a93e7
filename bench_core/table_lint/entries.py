"""From a table to numbers that can be looked up: whose, under which protocol, of which metric."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bench_core.published.names import MethodNames
from bench_core.table_lint.grid import Cell, Grid
from bench_core.table_lint.scopes import Scope, metrics_in, protocols_of, scope_of

SPREAD = re.compile(r"\b(?:std|low|high|ci|interval|deviation)\b", re.IGNORECASE)
"""Headings of what stands beside a metric."""
RENDERED = re.compile(r"synthetic|rendered", re.IGNORECASE)
RANK_NUMBERS = frozenset({"1", "5", "10", "20"})


@dataclass(frozen=True)
class Number:
    """A number of a table.

    Attributes:
        metric: Of which metric.
        printed: Its digits; of a fraction, those in percent.
        cell: Where it stands.
    """

    metric: str
    printed: str
    cell: Cell


@dataclass(frozen=True)
class Entry:
    """The numbers of a row under one heading.

    Attributes:
        row: Number of the row in its table, from 0.
        name: The cell that names the row.
        method: Label of the method; None where the registry has none of that name.
        reranked: Whether the name says that distances were re-ranked.
        protocols: What they can be of, at least one; the likeliest first.
        heading: The words above the numbers, for people.
        numbers: At least one.
    """

    row: int
    name: Cell
    method: str | None
    reranked: bool
    protocols: tuple[str, ...]
    heading: str
    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class ReadTable:
    """What of a table can be looked up, and what cannot.

    Attributes:
        entries: By row, then from the left.
        unknown_methods: Names of rows that no method of the registry has.
        unknown_columns: Headings above numbers that name no metric, or no protocol.
        num_rendered: Rows that are of synthetic people.
    """

    entries: tuple[Entry, ...]
    unknown_methods: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    num_rendered: int = 0


@dataclass(frozen=True)
class _Column:
    """What stands above a column."""

    heading: str
    metrics: tuple[str, ...]
    scope: Scope


def read_table(grid: Grid, names: MethodNames) -> ReadTable:
    """Read a table.

    Nothing of a table, or of a row, that says that it is of synthetic people is read.

    Args:
        grid: Its cells.
        names: The names of methods.
    """
    if RENDERED.search(grid.caption):
        return ReadTable((), (), (), num_rendered=len(grid.rows) - 1)
    num_headers = _num_header_rows(grid)
    columns = [_column(grid, num_headers, place) for place in range(len(grid.rows[0]))]
    caption, section = scope_of(grid.caption), Scope()
    hundredfold = _in_fractions(grid, num_headers, columns)
    entries: list[Entry] = []
    strangers: dict[str, None] = {}
    num_rendered = 0
    labels: dict[int, Cell] = {}
    for number, bare in enumerate(grid.rows[num_headers:], start=num_headers):
        row = _with_labels(bare, columns, labels)
        cells = list(dict.fromkeys(row))
        if not any(cell.is_number for cell in bare):
            said = scope_of(" ".join(cell.text for cell in cells))
            section = said if said.says_something else section
            continue
        if _says_rendered(row, columns):
            num_rendered += 1
            continue
        name, method, reranked = _named(row, columns, names)
        if method is None and name.text:
            strangers[name.text] = None
        wider = _row_scope(row, columns).or_else(section).or_else(caption)
        for heading, protocols, numbers in _groups(row, columns, wider, hundredfold=hundredfold):
            entries.append(Entry(number, name, method, reranked, protocols, heading, numbers))
    unknown = _unknown(grid, columns, entries, num_headers) if entries or strangers else ()
    return ReadTable(tuple(entries), tuple(strangers), tuple(unknown), num_rendered)


def _with_labels(
    row: tuple[Cell, ...], columns: Sequence[_Column], labels: dict[int, Cell]
) -> tuple[Cell, ...]:
    """Return a row with the labels that stand above its empty cells, such as a dataset's name.

    Args:
        row: The cells.
        columns: What stands above them.
        labels: By column, the last cell that says something of numbers; kept up to date.
    """
    for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
        if not cell.text or column.metrics:
            continue
        if scope_of(cell.text).says_something and cell.span == 1:
            labels[place] = cell
        else:
            labels.pop(place, None)
    return tuple(
        labels.get(place, cell) if not cell.text else cell for place, cell in enumerate(row)
    )


def _says_rendered(row: Sequence[Cell], columns: Sequence[_Column]) -> bool:
    """Tell whether a row is of synthetic people, whose numbers compare with nothing published."""
    return any(
        RENDERED.search(cell.text) is not None
        or (RENDERED.search(column.heading) is not None and cell.text.casefold() == "true")
        for cell, column in zip(row, columns, strict=True)
    )


def _num_header_rows(grid: Grid) -> int:
    """Return how many rows stand above the first one with numbers."""
    for place, row in enumerate(grid.rows):
        numbers = [number for cell in dict.fromkeys(row) for number in cell.numbers() if number]
        if numbers and not _is_rank_row(row, numbers):
            return max(_behind_sections(grid, place), 1)
    return len(grid.rows)


def _behind_sections(grid: Grid, place: int) -> int:
    """Return where the headings end, if above the first numbers stand words on rows below."""
    named = (n for n, row in enumerate(grid.rows[:place]) if metrics_in(_words(row)))
    first = next(named, place)
    while place - 1 > first and len({cell.text for cell in grid.rows[place - 1]} - {""}) == 1:
        if metrics_in(_words(grid.rows[place - 1])):
            break
        place -= 1
    return place


def _words(row: Sequence[Cell]) -> str:
    return " ".join(cell.text for cell in row)


def _is_rank_row(row: Sequence[Cell], numbers: Sequence[str]) -> bool:
    """Tell whether a row is a heading whose numbers are the k of rank-k."""
    words = " ".join(cell.text for cell in row if not cell.is_number)
    return set(numbers) <= RANK_NUMBERS and bool(metrics_in(words))


def _column(grid: Grid, num_headers: int, place: int) -> _Column:
    """Read what stands above a column, from the top down."""
    texts = []
    for number, row in enumerate(grid.rows[:num_headers]):
        cell = row[place]
        if not cell.text and number < num_headers - 1 and place:
            cell = _to_the_left(row, place, columns_left_out=1)
        if cell.text and cell.text not in texts:
            texts.append(cell.text)
    heading = " ".join(texts)
    metrics = metrics_in(texts[-1]) if texts else ()
    metrics = () if SPREAD.search(heading) else metrics or metrics_in(heading)
    return _Column(heading, metrics, scope_of(heading))


def _to_the_left(row: Sequence[Cell], place: int, columns_left_out: int) -> Cell:
    """Return the nearest cell with words to the left: a group's heading over empty cells."""
    left = [cell for cell in row[columns_left_out:place] if cell.text]
    return left[-1] if left else row[place]


def _in_fractions(grid: Grid, num_headers: int, columns: Sequence[_Column]) -> bool:
    """Tell whether the table has fractions instead of percent."""
    numbers = [
        Decimal(number)
        for row in grid.rows[num_headers:]
        for cell, column in zip(row, columns, strict=True)
        if column.metrics
        for number in cell.numbers()
        if number
    ]
    return bool(numbers) and max(numbers) <= 1


def _named(
    row: Sequence[Cell], columns: Sequence[_Column], names: MethodNames
) -> tuple[Cell, str | None, bool]:
    """Return the cell that names a row, and what it says."""
    words = [
        cell
        for cell, column in zip(row, columns, strict=True)
        if cell.text and not cell.is_number and not column.metrics
    ]
    words = list(dict.fromkeys(words))
    reranked = any(names.find(cell.text).reranked for cell in words)
    for cell in words:
        found = names.find(cell.text)
        if found.method is not None:
            return cell, found.method, reranked
    first = next((cell for cell in words if not scope_of(cell.text).says_something), None)
    return first or row[0], None, reranked


def _row_scope(row: Sequence[Cell], columns: Sequence[_Column]) -> Scope:
    """Return what the words of a row say, such as those of a column of datasets."""
    scope = Scope()
    for cell, column in zip(row, columns, strict=True):
        if cell.text and not cell.is_number and not column.metrics:
            scope = scope.or_else(scope_of(cell.text))
    return scope


def _groups(
    row: Sequence[Cell], columns: Sequence[_Column], wider: Scope, *, hundredfold: bool
) -> Iterator[tuple[str, tuple[str, ...], tuple[Number, ...]]]:
    """Yield the numbers of a row that belong together, with what they can be of."""
    groups: dict[tuple[str, tuple[str, ...]], list[Number]] = {}
    for cell, column in zip(row, columns, strict=True):
        protocols = protocols_of(column.scope.or_else(wider))
        numbers = cell.numbers()
        if not protocols or len(numbers) != len(column.metrics):
            continue
        for metric, number in zip(column.metrics, numbers, strict=True):
            if number is not None:
                printed = _percent(number) if hundredfold else number
                group = groups.setdefault((_group_heading(column), protocols), [])
                if metric in {known.metric for known in group}:  # the same heading once more
                    group = groups.setdefault((column.heading + "'", protocols), [])
                group.append(Number(metric, printed, cell))
    for (heading, protocols), numbers_of_group in groups.items():
        yield heading, protocols, tuple(numbers_of_group)


def _group_heading(column: _Column) -> str:
    """Return what tells a group of columns from others: the scope of their heading."""
    scope = column.scope
    return " ".join(filter(None, (scope.dataset, scope.mode, scope.shots, scope.query)))


def _percent(fraction: str) -> str:
    return format(Decimal(fraction) * 100, "f")


def _unknown(
    grid: Grid, columns: Sequence[_Column], entries: Sequence[Entry], num_headers: int
) -> Iterator[str]:
    """Yield the headings of columns of numbers that were not looked up."""
    used = {number.cell.column for entry in entries for number in entry.numbers}
    for place, column in enumerate(columns):
        cells = [row[place] for row in grid.rows[num_headers:]]
        has_numbers = any(cell.is_number and cell.column == place + 1 for cell in cells)
        if has_numbers and place + 1 not in used:
            yield column.heading or f"column {place + 1}"
