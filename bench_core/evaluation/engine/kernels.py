"""Compiled loops over features and their products: exact distances, and values to count by.

Each writes to the rows or queries of its range only, so that threads can share the work.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.engine.arrays import COINCIDENT, GIVEN, ROOTED, SQUARED
from bench_core.evaluation.engine.compiling import compiled, compiled_part
from bench_core.evaluation.engine.lanes import LANES, sum_squares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Pairs, Table

_LEAST_SQUARES = 2.0**-900


@compiled
def find_not_finite(values: NDArray[Any], start: int, stop: int) -> int:
    """Return the first of the rows `start` to `stop` with a NaN or infinity, or -1."""
    for row in range(start, stop):
        num_finite = 0
        for column in range(values.shape[1]):
            num_finite += np.isfinite(values[row, column])
        if num_finite < values.shape[1]:
            return row
    return -1


@compiled
def find_lengths(
    features: NDArray[Any],
    rows: NDArray[np.int64],
    lengths: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Write the lengths (rows, V) of features `start` to `stop` of the rows."""
    for row in range(start, stop):
        for view in range(features.shape[1]):
            found = features[rows[row], view]
            total = 0.0
            for k in range(len(found)):
                total += np.float64(found[k]) ** 2
            lengths[row, view] = np.sqrt(total)


@compiled_part
def _sum_squares(one: NDArray[Any], other: NDArray[Any], scale: float, other_scale: float) -> float:
    """Sum the squares of `one * scale - other * other_scale`, in float64.

    Equal features must have equal distances, so the order of the additions is always the same.
    """
    parts = len(one) // LANES
    if scale == 1 and other_scale == 1:
        total: float = sum_squares(one, other, parts, 1.0, 1.0)
    else:
        total = sum_squares(one, other, parts, scale, other_scale)
    for k in range(parts * LANES, len(one)):
        total += (np.float64(one[k]) * scale - np.float64(other[k]) * other_scale) ** 2
    return total


@compiled_part
def _measure_length(
    one: NDArray[Any], other: NDArray[Any], scale: float, other_scale: float
) -> float:
    """Return the root of `_sum_squares`, also where the squares leave the range of float64."""
    squares = _sum_squares(one, other, scale, other_scale)
    length: float = np.sqrt(squares)
    if _LEAST_SQUARES < squares < np.inf:
        return length
    largest = 0.0
    for k in range(len(one)):
        difference = np.float64(one[k]) * scale - np.float64(other[k]) * other_scale
        largest = max(largest, np.abs(difference))
    if largest == 0:
        return 0.0
    total = 0.0
    for k in range(len(one)):
        difference = np.float64(one[k]) * scale - np.float64(other[k]) * other_scale
        total += (difference / largest) ** 2
    scaled: float = largest * np.sqrt(total)
    return scaled


@compiled_part
def exact_value(pairs: Pairs, query: int, column: int) -> float:
    """Return the exact value of a query and a column."""
    row, other = pairs.query_rows[query], pairs.column_rows[column]
    if pairs.kind == GIVEN:
        given: float = pairs.features[0, row, other]
        return given
    total = 0.0
    for view in range(pairs.features.shape[1]):
        one, another = pairs.features[row, view], pairs.features[other, view]
        scale = another_scale = 1.0
        if len(pairs.query_inverse):
            scale = pairs.query_inverse[query, view]
            another_scale = pairs.column_inverse[column, view]
        if pairs.kind == ROOTED:
            total += _measure_length(one, another, scale, another_scale)
        else:
            total += _sum_squares(one, another, scale, another_scale)
    return total


@compiled
def measure_pairs(
    pairs: Pairs,
    queries: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Write the exact values of the pairs `start` to `stop` of queries and columns."""
    for pair in range(start, stop):
        values[pair] = exact_value(pairs, queries[pair], columns[pair])


@compiled_part
def compute_values(
    kind: int, table: Table, query: int, num_columns: int, values: NDArray[np.float32]
) -> None:
    """Turn products of a query, or given distances, into values.

    Args:
        kind: `GIVEN`, `SQUARED` or `ROOTED`.
        table: The products.
        query: Number in the batch.
        num_columns: C.
        values: float32 (C or more,); C are written. NaN where views coincide, or there is no value.
    """
    products, others = table.values[:, table.rows[query]], table.column_squares
    if kind == GIVEN:
        for column in range(num_columns):
            values[column] = products[0, table.columns[column]]
    elif kind == SQUARED:
        for column in range(num_columns):
            values[column] = others[0, column] / 2 - products[0, column]
    else:
        values[:num_columns] = 0
        for view in range(len(products)):
            square = table.squares[view, query]
            for column in range(num_columns):
                values[column] += _length(square, others[view, column], products[view, column])


@compiled_part
def _length(square: float, other: float, product: float) -> float:
    """Return the distance of two vectors by their squared lengths and their product.

    NaN where it is short beside them: its error is large there.
    """
    found = square + other - 2 * product
    reach = np.sqrt(square) + np.sqrt(other)
    length: float = np.sqrt(found) if found >= COINCIDENT * reach * reach else np.nan
    return length


@compiled_part
def expected_value(kind: int, exact: float, unit: float, square: float) -> float:
    """Return the value that a pair of this exact value would have without any error."""
    if kind == SQUARED:
        value: float = (exact * unit * unit - square) / 2
        return value
    return exact * unit
