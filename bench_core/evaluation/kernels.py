"""The loops of ranking, compiled: exact distances of pairs, errors of products, counts.

Each writes to the queries of its range only, so that threads can share the work.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.arrays import GIVEN, ROOTED, SQUARED, WORD
from bench_core.evaluation.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.arrays import Matches, Pairs, Part, Table

_LANES = 64
_SAMPLES = 8
"""Pairs of each query and block whose values are compared with exact ones, beside all matches."""
_COINCIDENT = 2.0**-4
"""Squared distances below this part of their squared reach are computed exactly before their root
is taken, which would make much of a small error."""
_LIMIT = 1e37
"""Values beyond this are computed exactly, and cut off here."""


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
def _exact(pairs: Pairs, query: int, column: int) -> float:
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
    """Compute `exact` of queries `start` to `stop`.

    Args:
        pairs: How values are computed.
        matches: Written.
        allowed: bool (audiences, U).
        start: First query.
        stop: Query to stop before.
    """
    for query in range(start, stop):
        own = matches.own[query] - matches.starts[query]
        for match in range(matches.starts[query], matches.starts[query + 1]):
            matches.exact[match] = np.nan
            if allowed[matches.audience[query], own + match]:
                matches.exact[match] = _exact(pairs, matches.queries[query], own + match)


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
            num_safe += np.abs(values[column]) <= _LIMIT
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
        if not np.abs(values[column]) <= _LIMIT:
            exact = _exact(pairs, matches.queries[query], first_column + column)
            values[column] = min(max(_expected(pairs.kind, table, query, exact), -_LIMIT), _LIMIT)


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
            if np.abs(exact) < _LIMIT:
                error = max(error, np.abs(values[column] - exact))
    for sample in range(_SAMPLES):
        column = (query * 7919 + sample * len(values) // _SAMPLES) % len(values)
        distance = _exact(pairs, matches.queries[query], first_column + column)
        exact = _expected(pairs.kind, table, query, distance)
        if np.abs(exact) < _LIMIT:
            error = max(error, np.abs(values[column] - exact))
    return error


@compiled
def _find_window(kind: int, table: Table, query: int, exact: float) -> tuple[float, float]:
    """Return the least and greatest value that a pair of this exact value may have."""
    middle = _expected(kind, table, query, exact)
    if kind == GIVEN:
        return middle, middle
    scale = table.unit * table.unit if kind == SQUARED else table.unit
    width = table.errors[query] + table.rounding[0] * np.abs(middle)
    width += table.rounding[1] * np.abs(exact) * scale
    lower, upper = max(middle - width, -_LIMIT), min(middle + width, _LIMIT)
    return min(lower, _LIMIT), max(upper, -_LIMIT)


@compiled
def count_rows(
    pairs: Pairs, matches: Matches, table: Table, part: Part, start: int, stop: int
) -> None:
    """Count what comes before the matches of queries `start` to `stop` in a block of columns.

    The matches of a query, in order of exact value, divide the values: a column is counted at the
    first match that it certainly comes before, together for all trials.

    Args:
        pairs: How exact values are computed.
        matches: `counts`, `nearer` and `last` are written.
        table: Values of the block.
        part: The block.
        start: First query.
        stop: Query to stop before.
    """
    num_columns = len(table.columns)
    row = np.empty(num_columns, table.lanes.dtype)
    buckets = np.empty(num_columns, np.int32)
    for query in range(start, stop):
        order = _sort_matches(matches, query)
        if len(order) == 0:
            continue
        values = table.values[table.rows[query]]
        for column in range(num_columns):
            row[column] = values[table.columns[column]]
        lower = np.full(len(order) + -len(order) % 4, np.nan, row.dtype)
        upper = np.empty(len(order), row.dtype)
        for place in range(len(order)):
            window = _find_window(pairs.kind, table, query, matches.exact[order[place]])
            lower[place], upper[place] = window
        _find_buckets(row, lower, buckets)
        _count_query(pairs, matches, part, query, order, row, buckets, upper)


@compiled
def _sort_matches(matches: Matches, query: int) -> NDArray[np.int64]:
    """Return the matches of a query that it may see, nearest first."""
    first = matches.starts[query]
    exact = matches.exact[first : matches.starts[query + 1]]
    # NaN is sorted last.
    num_seen = len(exact) - np.isnan(exact).sum()
    order: NDArray[np.int64] = first + np.argsort(exact)[:num_seen]
    return order


@compiled
def _find_buckets(row: NDArray[Any], lower: NDArray[Any], buckets: NDArray[np.int32]) -> None:
    """Count for each value the lower bounds that it does not lie below; four at a time."""
    buckets[:] = 0
    for place in range(0, len(lower), 4):
        a, b, c, d = lower[place], lower[place + 1], lower[place + 2], lower[place + 3]
        for column in range(len(row)):
            value = row[column]
            buckets[column] += (
                np.int32(value >= a)
                + np.int32(value >= b)
                + np.int32(value >= c)
                + np.int32(value >= d)
            )


@compiled
def _count_query(  # noqa: PLR0913, PLR0917
    pairs: Pairs,
    matches: Matches,
    part: Part,
    query: int,
    order: NDArray[np.int64],
    row: NDArray[Any],
    buckets: NDArray[np.int32],
    upper: NDArray[Any],
) -> None:
    seen = part.seen[matches.audience[query]]
    counts = np.zeros((len(order) + 1, len(matches.best)), np.int32)
    _add_counts(buckets, seen, counts)
    for trial in range(counts.shape[1]):
        before = 0
        for place in range(len(order)):
            before += counts[place, trial]
            matches.counts[order[place], trial] += before
    before_best = _find_trials(matches, query, order, part.trials.shape[2])
    trials = part.trials[matches.audience[query]]
    nearer = np.zeros(trials.shape[1], np.int64)
    own = matches.own[query] - matches.starts[query]
    for column in range(len(row)):
        bucket = buckets[column]
        if bucket < len(before_best):
            for word in range(len(nearer)):
                nearer[word] |= trials[column, word] & before_best[bucket, word]
        # A match is close to itself; most are to nothing else.
        near = bucket - 1
        if near >= 0 and order[near] == part.first + column - own:
            near -= 1
        if near >= 0 and row[column] <= upper[near]:
            _count_close(pairs, matches, part, query, order, row, (column, bucket), upper, nearer)
        if column + 1 == len(row) or part.numbers[column + 1] != part.numbers[column]:
            if part.by_identity and nearer.any():
                _count_identity(matches, query, part.numbers[column], nearer)
            nearer[:] = 0


@compiled
def _add_counts(
    buckets: NDArray[np.int32], seen: NDArray[np.int32], counts: NDArray[np.int32]
) -> None:
    """Count each column, in the trials that it is in, in its bucket."""
    for column in range(len(buckets)):
        # Unsigned indices are not looked at for being negative.
        bucket = np.uint64(buckets[column])
        for trial in range(np.uint64(counts.shape[1])):
            counts[bucket, trial] += seen[np.uint64(column), trial]


@compiled
def _find_trials(
    matches: Matches, query: int, order: NDArray[np.int64], num_words: int
) -> NDArray[np.int64]:
    """Return trials where a bucket certainly comes before the first match, int64 (buckets, W)."""
    trials = np.zeros((len(order), num_words), np.int64)
    farthest = 0
    for place in range(len(order)):
        for trial in range(len(matches.best)):
            if matches.best[trial, query] == order[place]:
                trials[: place + 1, trial // WORD] |= np.int64(1) << (trial % WORD)
                farthest = place + 1
    return trials[:farthest]


@compiled
def _count_identity(matches: Matches, query: int, number: int, nearer: NDArray[np.int64]) -> None:
    for trial in range(len(matches.best)):
        is_nearer = (nearer[trial // WORD] >> (trial % WORD)) & 1
        # The images of an identity may lie in several blocks.
        if is_nearer and matches.last[query, trial] != number:
            matches.nearer[query, trial] += 1
            matches.last[query, trial] = number


@compiled
def _count_close(  # noqa: PLR0913, PLR0917
    pairs: Pairs,
    matches: Matches,
    part: Part,
    query: int,
    order: NDArray[np.int64],
    row: NDArray[Any],
    which: tuple[int, int],
    upper: NDArray[Any],
    nearer: NDArray[np.int64],
) -> None:
    """Compare a column exactly with the matches before its bucket that it is close to."""
    column, bucket = which
    own = matches.own[query] - matches.starts[query]
    exact = np.nan
    seen = part.seen[matches.audience[query], column]
    place = bucket - 1
    while place >= 0 and row[column] <= upper[place]:
        match = order[place]
        place -= 1
        if own + match == part.first + column:
            continue
        if np.isnan(exact):
            exact = _exact(pairs, matches.queries[query], part.first + column)
        if exact > matches.exact[match]:
            continue
        for trial in range(len(seen)):
            theirs = matches.positions[trial, own + match]
            mine = matches.positions[trial, part.first + column]
            before = exact < matches.exact[match] or mine < theirs
            if seen[trial] == 0 or theirs < 0 or not before:
                continue
            matches.counts[match, trial] += 1
            if match == matches.best[trial, query]:
                nearer[trial // WORD] |= np.int64(1) << (trial % WORD)
