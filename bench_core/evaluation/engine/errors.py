"""How far the values of a table are from exact ones, as a sample of pairs shows.

Letters in shapes: see `arrays`; P pairs of a query and a column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.evaluation.engine.arrays import COINCIDENT, LIMIT, SQUARED
from bench_core.evaluation.engine.compiling import in_threads
from bench_core.evaluation.engine.kernels import measure_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches, Pairs, Table

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

_SAMPLES = 4
"""Pairs of each query and block whose values are compared with exact ones, beside all matches."""


def measure_errors(
    pairs: Pairs, matches: Matches, table: Table, first_column: int, rows: slice
) -> float:
    """Measure how far values of features are from exact ones.

    Pairs are compared at all matches, and at some other columns.

    Args:
        pairs: How exact values are computed.
        matches: With `exact` measured.
        table: Products of the block; its `errors` are what the result is a multiple of.
        first_column: First column of the block.
        rows: The queries of the batch that the table holds.

    Returns:
        The largest error, as a multiple of `table.errors`.
    """
    parts = zip(
        _matches_inside(matches, first_column, len(table.columns), rows),
        _sample(pairs, matches, first_column, len(table.columns), rows),
        strict=True,
    )
    query, column, exact = (np.concatenate(part) for part in parts)
    # What is no value, or an unseen match, has an error of NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        values = _values(pairs.kind, table, query, column)
        errors = np.abs(values - _expected_values(pairs.kind, table, query, exact))
        errors[~(np.abs(values) <= LIMIT) | np.isnan(errors)] = 0
        return float((errors / table.errors[query]).max())


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


def _sample(
    pairs: Pairs, matches: Matches, first_column: int, num_columns: int, rows: slice
) -> tuple[IntArray, IntArray, NDArray[np.float64]]:
    """Return the same of some columns of the block for each query, whatever they show."""
    query = np.repeat(np.arange(rows.start, rows.stop), _SAMPLES)
    part = np.arange(len(query)) % _SAMPLES
    column = (query * 7919 + part * num_columns // _SAMPLES) % num_columns
    exact = np.empty(len(query))
    number, other = matches.queries[query], first_column + column
    in_threads(
        lambda start, stop: measure_pairs(pairs, number, other, exact, start, stop), len(query)
    )
    return query, column, exact


def _values(kind: int, table: Table, query: IntArray, column: IntArray) -> FloatArray:
    """Turn products into values (P,), as `compute_values` does."""
    products = table.values[:, table.rows[query], table.columns[column]]
    others = table.column_squares[:, column]
    if kind == SQUARED:
        halves: FloatArray = (others[0] / 2 - products[0]).astype(np.float32)
        return halves
    squares = table.squares[:, query]
    square, reach = squares + others - 2 * products, np.sqrt(squares) + np.sqrt(others)
    values = np.zeros(len(query), np.float32)
    for length in np.where(square >= COINCIDENT * reach * reach, np.sqrt(square), np.nan):
        values += length
    return values


def _expected_values(
    kind: int, table: Table, query: IntArray, exact: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the values that pairs would have without any error, as `expected_value` does."""
    expected: NDArray[np.float64] = exact * table.unit
    if kind == SQUARED:
        expected = (expected * table.unit - table.squares[0, query]) / 2
    return expected
