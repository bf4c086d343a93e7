"""Compiled loops over features: what products are made of, exact distances, and errors of products.

Each writes to the rows or queries of its range only, so that threads can share the work.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.engine.arrays import GIVEN, LIMIT, ROOTED, SQUARED
from bench_core.evaluation.engine.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches, Pairs, Table

_LANES = 128
_LEAST_SQUARES = 2.0**-900
_SAMPLES = 4
"""Pairs of each query and block whose values are compared with exact ones, beside all matches."""
_COINCIDENT = 2.0**-4
"""Squared distances below this part of their squared reach are computed exactly before their root
is taken, which would make much of a small error."""


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


@compiled
def center_rows(  # noqa: PLR0913, PLR0917  # a kernel: arrays in, arrays out
    features: NDArray[Any],
    rows: NDArray[np.int64],
    inverse: NDArray[np.float64],
    origin: NDArray[np.float64],
    unit: float,
    centred: NDArray[Any],
    squares: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Write features less the origin, times the unit, and their squared lengths.

    Args:
        features: float (N, V, D).
        rows: int64 (C,).
        inverse: float64 (C, V), 1 / length of each feature; (0, 0): taken as they are.
        origin: float64 (V, D).
        unit: A power of two.
        centred: float (V, C, D), or (1, C, V x D); written.
        squares: float64 (V or 1, C); written.
        start: First of the rows.
        stop: Row to stop before.
    """
    num_views, num_dimensions = origin.shape
    joined = len(centred) == 1
    for row in range(start, stop):
        squares[:, row] = 0
        for view in range(num_views):
            scale = inverse[row, view] if len(inverse) else 1.0
            found = features[rows[row], view]
            first = view * num_dimensions if joined else 0
            out = centred[0 if joined else view, row, first : first + num_dimensions]
            total = 0.0
            for k in range(num_dimensions):
                value = (found[k] * scale - origin[view, k]) * unit
                out[k] = value
                total += value * value
            squares[0 if joined else view, row] += total


@compiled
def _sum_squares(one: NDArray[Any], other: NDArray[Any], scale: float, other_scale: float) -> float:
    """Sum the squares of `one * scale - other * other_scale`, in float64.

    Many sums, added up in a fixed order, keep a processor's lanes busy. Equal features must have
    equal distances, so no compiler may choose an order of its own.
    """
    sums = np.zeros(_LANES)
    whole = len(one) // _LANES
    for part in range(whole):
        some = one[part * _LANES : (part + 1) * _LANES]
        others = other[part * _LANES : (part + 1) * _LANES]
        for lane in range(_LANES):
            difference = np.float64(some[lane]) * scale - np.float64(others[lane]) * other_scale
            sums[lane] += difference * difference
    for k in range(whole * _LANES, len(one)):
        sums[0] += (np.float64(one[k]) * scale - np.float64(other[k]) * other_scale) ** 2
    total: float = sums.sum()
    return total


@compiled
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


@compiled
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
def measure_matches(
    pairs: Pairs, matches: Matches, allowed: NDArray[np.bool_], start: int, stop: int
) -> None:
    """Compute `exact`, `order` and `num_seen` of queries `start` to `stop`.

    Args:
        pairs: How values are computed.
        matches: Written.
        allowed: bool (audiences, U).
        start: First query.
        stop: Query to stop before.
    """
    for query in range(start, stop):
        first, last = matches.starts[query], matches.starts[query + 1]
        own = matches.own[query] - first
        num_seen = 0
        for match in range(first, last):
            matches.exact[match] = np.nan
            if allowed[matches.audience[query], own + match]:
                matches.exact[match] = exact_value(pairs, matches.queries[query], own + match)
                num_seen += 1
        # NaN is sorted last.
        matches.order[first:last] = first + np.argsort(matches.exact[first:last])
        matches.num_seen[query] = num_seen


@compiled
def compute_values(
    kind: int,
    products: NDArray[Any],
    squares: NDArray[np.float64],
    column_squares: NDArray[np.float64],
    values: NDArray[Any],
) -> None:
    """Turn products of a query, or given distances, into values.

    Args:
        kind: `GIVEN`, `SQUARED` or `ROOTED`.
        products: float (V or 1, C).
        squares: float64 (V or 1,), squared lengths of the query.
        column_squares: float64 (V or 1, C), squared lengths; NaN: no value.
        values: float (C,); written. NaN where views coincide, or there is no value.
    """
    if kind == GIVEN:
        values[:] = products[0]
    elif kind == SQUARED:
        halves, product = column_squares[0], products[0]
        for column in range(len(values)):
            values[column] = halves[column] / 2 - product[column]
    else:
        values[:] = 0
        for view in range(len(products)):
            length = np.sqrt(squares[view])
            for column in range(len(values)):
                other = column_squares[view, column]
                square = squares[view] + other - 2 * products[view, column]
                reach = length + np.sqrt(other)
                is_safe = square >= _COINCIDENT * reach * reach
                values[column] += np.sqrt(square) if is_safe else np.nan


@compiled
def expected_value(kind: int, exact: float, unit: float, square: float) -> float:
    """Return the value that a pair of this exact value would have without any error."""
    if kind == SQUARED:
        value: float = (exact * unit * unit - square) / 2
        return value
    return exact * unit


@compiled
def measure_errors(
    pairs: Pairs, matches: Matches, table: Table, first_column: int, start: int, stop: int
) -> float:
    """Measure how far the values of queries `start` to `stop` are from exact ones.

    Pairs are compared at all matches, and at some other columns.

    Args:
        pairs: How exact values are computed.
        matches: With `exact` measured.
        table: Products of the block; its `errors` are what the result is a multiple of.
        first_column: First column of the block.
        start: First query.
        stop: Query to stop before.

    Returns:
        The largest error, as a multiple of `table.errors`.
    """
    largest = 0.0
    num_columns = len(table.columns)
    for query in range(start, stop):
        products, squares = table.values[:, table.rows[query]], table.squares[:, query]
        first, last = matches.starts[query], matches.starts[query + 1]
        shift = matches.own[query] - first - first_column
        begin, end = max(first + shift, 0), min(last + shift, num_columns)
        size = max(end - begin, 0)
        values, exact = np.empty(size + _SAMPLES, table.lanes.dtype), np.empty(size + _SAMPLES)
        if size:
            exact[:size] = matches.exact[begin - shift : end - shift]
            own = products[:, begin:end], squares, table.column_squares[:, begin:end]
            compute_values(pairs.kind, *own, values[:size])
        for sample in range(_SAMPLES):
            column = (query * 7919 + sample * num_columns // _SAMPLES) % num_columns
            place = size + sample
            exact[place] = exact_value(pairs, matches.queries[query], first_column + column)
            other = slice(column, column + 1)
            one = products[:, other], squares, table.column_squares[:, other]
            compute_values(pairs.kind, *one, values[place : place + 1])
        error = 0.0
        for place in range(len(values)):
            expected = expected_value(pairs.kind, exact[place], table.unit, squares[0])
            # What is no value, or an unseen match, has an error of NaN, which is not larger.
            if np.abs(values[place]) <= LIMIT and np.abs(values[place] - expected) > error:
                error = np.abs(values[place] - expected)
        largest = max(largest, error / table.errors[query] if error > 0 else 0.0)
    return largest
