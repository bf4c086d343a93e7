"""Compiled loops that compute distances: exact ones of pairs, and the errors of products.

Each writes to the queries of its range only, so that threads can share the work.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.arrays import GIVEN, LIMIT, ROOTED, SQUARED
from bench_core.evaluation.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.arrays import Matches, Pairs, Table

_LANES = 64
_SAMPLES = 8
"""Pairs of each query and block whose values are compared with exact ones, beside all matches."""
_COINCIDENT = 2.0**-4
"""Squared distances below this part of their squared reach are computed exactly before their root
is taken, which would make much of a small error."""


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
        squares = _sum_squares(one, another, scale, another_scale)
        total += np.sqrt(squares) if pairs.kind == ROOTED else squares
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
def _expected(kind: int, table: Table, query: int, exact: float) -> float:
    """Return the value that a table would hold without any error."""
    value: float = exact * table.unit
    if kind == SQUARED:
        value = (value * table.unit - table.squares[0, query]) / 2
    return value


@compiled
def settle_products(  # noqa: PLR0913, PLR0917  # a kernel: arrays in, arrays out
    pairs: Pairs,
    matches: Matches,
    table: Table,
    products: NDArray[Any],
    column_squares: NDArray[np.float64],
    first_query: int,
    first_column: int,
    start: int,
    stop: int,
) -> float:
    """Turn products into values, in place, and measure how far these are from exact ones.

    Args:
        pairs: How exact values are computed.
        matches: With `exact` measured.
        table: `products[0]` as a table; its `errors` are what the result is a multiple of.
        products: float (V or 1, rows, C); the first becomes the values.
        column_squares: float64 (V or 1, C), squared lengths; NaN: compute the column exactly.
        first_query: Query of row 0.
        first_column: First column of the block.
        start: First row.
        stop: Row to stop before.

    Returns:
        The largest error, as a multiple of `table.errors`.
    """
    largest = 0.0
    num_columns = products.shape[2]
    for row in range(start, stop):
        query = first_query + row
        values = products[0, row]
        if pairs.kind == ROOTED:
            _add_roots(products, row, table, query, column_squares)
        else:
            for column in range(num_columns):
                values[column] = column_squares[0, column] / 2 - values[column]
        num_safe = 0
        for column in range(num_columns):
            num_safe += np.abs(values[column]) <= LIMIT
        if num_safe < num_columns:
            _replace_unsafe(pairs, matches, table, values, query, first_column)
        error = _find_error(pairs, matches, table, values, query, first_column)
        largest = max(largest, error / table.errors[query] if error > 0 else 0.0)
    return largest


@compiled
def _add_roots(
    products: NDArray[Any],
    row: int,
    table: Table,
    query: int,
    column_squares: NDArray[np.float64],
) -> None:
    """Replace the products of a row by distances; NaN where they coincide in a view."""
    for view in range(len(products)):
        own = table.squares[view, query]
        length = np.sqrt(own)
        for column in range(products.shape[2]):
            other = column_squares[view, column]
            square = own + other - 2 * products[view, row, column]
            reach = length + np.sqrt(other)
            root = np.sqrt(square) if square >= _COINCIDENT * reach * reach else np.nan
            products[0, row, column] = root if view == 0 else products[0, row, column] + root


@compiled
def _replace_unsafe(
    pairs: Pairs,
    matches: Matches,
    table: Table,
    values: NDArray[Any],
    query: int,
    first_column: int,
) -> None:
    for column in range(len(values)):
        if not np.abs(values[column]) <= LIMIT:
            exact = exact_value(pairs, matches.queries[query], first_column + column)
            values[column] = min(max(_expected(pairs.kind, table, query, exact), -LIMIT), LIMIT)


@compiled
def _find_error(
    pairs: Pairs,
    matches: Matches,
    table: Table,
    values: NDArray[Any],
    query: int,
    first_column: int,
) -> float:
    """Return the largest error of a query's values at its matches and some other columns."""
    error = 0.0
    shift = matches.own[query] - matches.starts[query] - first_column
    for match in range(matches.starts[query], matches.starts[query + 1]):
        column = match + shift
        if 0 <= column < len(values) and not np.isnan(matches.exact[match]):
            exact = _expected(pairs.kind, table, query, matches.exact[match])
            if np.abs(exact) < LIMIT:
                error = max(error, np.abs(values[column] - exact))
    for sample in range(_SAMPLES):
        column = (query * 7919 + sample * len(values) // _SAMPLES) % len(values)
        distance = exact_value(pairs, matches.queries[query], first_column + column)
        exact = _expected(pairs.kind, table, query, distance)
        if np.abs(exact) < LIMIT:
            error = max(error, np.abs(values[column] - exact))
    return error
