"""Tables of Markdown, and CSV with its several separators."""

from __future__ import annotations

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.table_lint.delimited import csv_tables, markdown_tables
from bench_core.table_lint.grid import Grid


def texts(grid: Grid) -> list[list[str]]:
    return [[cell.text for cell in row] for row in grid.rows]


def test_markdown_tables_have_the_text_above_as_caption() -> None:
    text = "# RegDB\n\nV2T only.\n\n| a | **b** |\n|:-|-:|\n| [x](y) | `1.0` |\n\nEnd\n\n"
    text += "c | d\n-|-\n2 | *3*\n"
    first, second = markdown_tables(text)
    assert texts(first) == [["a", "b"], ["x", "1.0"]]
    assert first.caption == "RegDB V2T only."
    assert texts(second) == [["c", "d"], ["2", "3"]]
    assert [row[0].line for row in second.rows] == [11, 13]


def test_bars_within_cells_are_escaped() -> None:
    (grid,) = markdown_tables("| a\\|b | c |\n|-|-|\n| 1 | |\n")
    assert texts(grid) == [["a|b", "c"], ["1", ""]]


def test_text_with_bars_is_no_table() -> None:
    assert markdown_tables("a | b\n\nc | d\n") == []


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_with_the_separator_that_it_has(separator: str) -> None:
    text = separator.join(("a", "b", "c")) + "\n\n" + separator.join(("x", '"1\n2"', "3")) + "\n"
    (grid,) = csv_tables(text)
    assert texts(grid) == [["a", "b", "c"], ["x", "1 2", "3"]]
    assert [row[0].line for row in grid.rows] == [1, 3]


def test_a_field_that_is_too_long_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="not CSV: line 1: field larger than"):
        csv_tables("x" * 200_000 + ",b\n")
