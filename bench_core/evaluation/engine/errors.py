"""How far the values of a table are from exact ones, as a sample of pairs shows.

Letters in shapes: see `arrays`; P pairs of a query and a column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.evaluation.engine.arrays import LIMIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches
    from bench_core.evaluation.engine.tables import ProductTable

IntArray: TypeAlias = "NDArray[np.int64]"

_SAMPLES = 4
"""Pairs of each query and block whose values are compared with exact ones, beside all matches."""


def measure_errors(matches: Matches, table: ProductTable, first_column: int, rows: slice) -> float:
    """Measure how far values of features are from exact ones.

    Pairs are compared at all matches, and at some other columns.

    Args:
        matches: With `exact` measured.
        table: Products of the block.
        first_column: First column of the block.
        rows: The queries of the batch that the table holds.

    Returns:
        The largest error, as a multiple of `table.scale`.
    """
    num_columns = table.column_squares.shape[1]
    query, column, exact = _matches_inside(matches, first_column, num_columns, rows)
    largest = _largest_error(table, query, column, exact)
    query, column = _sample(num_columns, rows)
    return max(largest, _largest_error(table, query, column, table.measure(query, column)))


def _largest_error(
    table: ProductTable, query: IntArray, column: IntArray, exact: NDArray[np.float64]
) -> float:
    # What is no value, or an unseen match, has an error of NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        values = table.at(query, column)
        errors = np.abs(values - table.expected(query, exact)) / table.scale[query]
        errors[~(np.abs(values) <= LIMIT) | np.isnan(errors)] = 0
    return float(errors.max(initial=0))


def _matches_inside(
    matches: Matches, first_column: int, num_columns: int, rows: slice
) -> tuple[IntArray, IntArray, NDArray[np.float64]]:
    """Return query, column of the block and exact value of each match in the block, (P,) each."""
    starts = matches.starts[rows.start : rows.stop + 1]
    query = np.repeat(np.arange(rows.start, rows.stop), np.diff(starts))
    match = np.arange(starts[0], starts[-1])
    column = matches.own[query] + match - matches.starts[query] - first_column
    inside = (column >= 0) & (column < num_columns)
    return query[inside], column[inside], matches.exact[match[inside]]


def _sample(num_columns: int, rows: slice) -> tuple[IntArray, IntArray]:
    """Return some columns of the block for each query, whatever they show, (P,) each."""
    query = np.repeat(np.arange(rows.start, rows.stop), _SAMPLES)
    part = np.arange(len(query)) % _SAMPLES
    return query, (query * 7919 + part * num_columns // _SAMPLES) % num_columns
