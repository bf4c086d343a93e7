"""Compiled loops over features: exact distances.

Each writes to the rows or queries of its range only, so that threads can share the work.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.engine.arrays import SQUARED
from bench_core.evaluation.engine.compiling import compiled, compiled_part
from bench_core.evaluation.engine.lanes import LANES, sum_squares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Pairs

_LEAST_SQUARES = 2.0**-900


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


@compiled
def measure_pairs(
    pairs: Pairs,
    queries: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Write the exact values of the pairs `start` to `stop` of queries and columns.

    It is fastest where pairs of one query follow each other.
    """
    query, before = np.empty(pairs.features.shape[1:], np.float64), -1
    for pair in range(start, stop):
        if queries[pair] != before:
            before = queries[pair]
            _widen(pairs, before, query)
        values[pair] = _exact_value(pairs, query, columns[pair])


@compiled_part
def _widen(pairs: Pairs, number: int, query: NDArray[np.float64]) -> None:
    """Write the feature of a query (V, D), for the cosine of length 1."""
    row = pairs.query_rows[number]
    for view in range(len(query)):
        scale = pairs.query_inverse[number, view] if len(pairs.query_inverse) else 1.0
        for k in range(query.shape[1]):
            query[view, k] = np.float64(pairs.features[row, view, k]) * scale


@compiled_part
def _exact_value(pairs: Pairs, query: NDArray[np.float64], column: int) -> float:
    total, row = 0.0, pairs.column_rows[column]
    for view in range(len(query)):
        scale = pairs.column_inverse[column, view] if len(pairs.column_inverse) else 1.0
        squares = _sum_squares(query[view], pairs.features[row, view], scale)
        if pairs.kind == SQUARED:
            total += squares
        elif _LEAST_SQUARES < squares < np.inf:
            total += np.sqrt(squares)
        else:
            total += _measure_extreme(query[view], pairs.features[row, view], scale)
    return total


@compiled_part
def _sum_squares(one: NDArray[np.float64], other: NDArray[Any], scale: float) -> float:
    """Sum the squares of `one - other * scale`, in float64.

    Equal features must have equal distances, so the order of the additions is always the same.
    """
    parts = len(one) // LANES
    total: float = sum_squares(one, other, parts, scale)
    for k in range(parts * LANES, len(one)):
        total += (one[k] - np.float64(other[k]) * scale) ** 2
    return total


@compiled_part
def _measure_extreme(one: NDArray[np.float64], other: NDArray[Any], scale: float) -> float:
    """Return the root of `_sum_squares` where the squares leave the range of float64."""
    largest = 0.0
    for k in range(len(one)):
        largest = max(largest, np.abs(one[k] - np.float64(other[k]) * scale))
    if largest == 0:
        return 0.0
    total = 0.0
    for k in range(len(one)):
        total += ((one[k] - np.float64(other[k]) * scale) / largest) ** 2
    scaled: float = largest * np.sqrt(total)
    return scaled
