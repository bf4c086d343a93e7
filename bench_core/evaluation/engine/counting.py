"""Compiled loops that count what comes before the matches of a query.

Each writes to the queries of its range only, so that threads can share the work.

Letters in shapes: see `arrays`; I identities of a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.engine.arrays import (
    FIELD_BITS,
    FIELD_MASK,
    FIELDS,
    GIVEN,
    LIMIT,
    SQUARED,
    WORD,
)
from bench_core.evaluation.engine.compiling import compiled, compiled_part
from bench_core.evaluation.engine.kernels import compute_values, exact_value, expected_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches, Pairs, Part, Table

_BOUNDS = 8
"""Bounds that values are compared with at once."""
_NEIGHBOURS = 64
"""Columns that are looked at together for being close to a match; hardly any is."""


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
    are_neighbours = True
    for column in range(1, num_columns):
        are_neighbours &= table.columns[column] == table.columns[column - 1] + 1
    row = np.empty(num_columns, table.lanes.dtype)
    buckets = np.empty(num_columns, np.int32)
    for query in range(start, stop):
        first = matches.starts[query]
        order = matches.order[first : first + matches.num_seen[query]]
        if len(order) == 0:
            continue
        if are_neighbours:
            begin = table.columns[0]
            products = table.values[:, table.rows[query], begin : begin + num_columns]
            squares = table.squares[:, query]
            compute_values(pairs.kind, products, squares, table.column_squares, row)
            if pairs.kind != GIVEN:
                _replace_unsafe(
                    pairs, matches.queries[query], part.first, table.unit, squares[0], row
                )
        else:
            given = table.values[0, table.rows[query]]
            for column in range(num_columns):
                row[column] = given[table.columns[column]]
        lower, upper = _find_windows(pairs.kind, table, query, matches.exact, order)
        _find_buckets(row, lower, buckets)
        _count_images(part.packed[matches.audience[query]], buckets, order, matches.counts)
        trials = part.trials[matches.audience[query]]
        nearer = np.zeros((len(part.starts) - 1, len(trials)), np.int64)
        if part.by_identity:
            whole = matches.order[first : matches.starts[query + 1]]
            before_best = _find_trials(matches.best[:, query], whole, first, len(trials))
            _find_nearer(trials, before_best, buckets, part.starts, nearer)
        _count_close(pairs, matches, part, query, order, row, buckets, upper, nearer)
        _count_identities(nearer, matches.nearer[query], matches.last[query], part.continues)


@compiled_part
def _replace_unsafe(
    pairs: Pairs, query: int, first_column: int, unit: float, square: float, row: NDArray[Any]
) -> None:
    """Put exact values of a query in neighbouring columns in place of those that are none."""
    num_safe = 0
    for column in range(len(row)):
        num_safe += np.abs(row[column]) <= LIMIT
    if num_safe == len(row):
        return
    for column in range(len(row)):
        if not np.abs(row[column]) <= LIMIT:
            exact = exact_value(pairs, query, first_column + column)
            expected = expected_value(pairs.kind, exact, unit, square)
            row[column] = min(max(expected, -LIMIT), LIMIT)


@compiled_part
def _find_windows(
    kind: int, table: Table, query: int, exact: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the least and the greatest values that pairs of these exact values may have.

    NaN follows the least ones up to a multiple of `_BOUNDS`, and -inf precedes the greatest ones:
    a value that lies below all but k of the least may be close to a pair if it is at most [k].
    """
    lower = np.empty(len(order) + -len(order) % _BOUNDS, table.lanes.dtype)
    upper = np.empty(len(order) + 1, table.lanes.dtype)
    for place in range(len(order), len(lower)):
        lower[place] = np.nan
    upper[0] = -np.inf
    unit, rounding = table.unit, table.rounding
    square, error = table.squares[0, query], table.errors[query]
    scale = unit * unit if kind == SQUARED else unit
    for place in range(len(order)):
        if kind == GIVEN:
            lower[place] = upper[place + 1] = exact[order[place]]
            continue
        length = exact[order[place]]
        middle = length * scale
        if kind == SQUARED:
            middle = (middle - square) / 2
        width = error + rounding[0] * np.abs(middle) + rounding[1] * np.abs(length) * scale
        lower[place] = min(max(middle - width, -LIMIT), LIMIT)
        upper[place + 1] = max(min(middle + width, LIMIT), -LIMIT)
    return lower, upper


@compiled_part
def _find_buckets(row: NDArray[Any], lower: NDArray[Any], buckets: NDArray[np.int32]) -> None:
    """Count for each value the lower bounds that it does not lie below; several at a time."""
    for column in range(len(buckets)):
        buckets[column] = 0
    for place in range(0, len(lower), _BOUNDS):
        a, b, c, d = lower[place], lower[place + 1], lower[place + 2], lower[place + 3]
        e, f, g, h = lower[place + 4], lower[place + 5], lower[place + 6], lower[place + 7]
        for column in range(len(row)):
            value = row[column]
            buckets[column] += (
                np.int32(value >= a)
                + np.int32(value >= b)
                + np.int32(value >= c)
                + np.int32(value >= d)
                + np.int32(value >= e)
                + np.int32(value >= f)
                + np.int32(value >= g)
                + np.int32(value >= h)
            )


@compiled_part
def _count_images(
    packed: NDArray[np.int64],
    buckets: NDArray[np.int32],
    order: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> None:
    """Count each column in its bucket, several trials in one word; sums over buckets count."""
    for word in range(0, len(packed), 3):
        # Three words at once: an addition to the bucket of the column before has to wait for it.
        sums = _sum_words(packed[word], packed[word + 1], packed[word + 2], buckets, len(order))
        first = word * FIELDS
        num_trials = min(3 * FIELDS, counts.shape[1] - first)
        for trial in range(num_trials):
            fields, shift = sums[trial // FIELDS], FIELD_BITS * (trial % FIELDS)
            before = 0
            for place in range(len(order)):
                before += (fields[place] >> shift) & FIELD_MASK
                counts[order[place], first + trial] += np.int32(before)


@compiled_part
def _sum_words(
    one: NDArray[np.int64],
    two: NDArray[np.int64],
    three: NDArray[np.int64],
    buckets: NDArray[np.int32],
    num_buckets: int,
) -> NDArray[np.int64]:
    sums = np.zeros((3, num_buckets + 1), np.int64)
    first, second, third = sums[0], sums[1], sums[2]
    # Unsigned indices are not looked at for being negative.
    for column in range(np.uint64(len(buckets))):
        bucket = np.uint64(buckets[column])
        first[bucket] += one[column]
        second[bucket] += two[column]
        third[bucket] += three[column]
    return sums


@compiled_part
def _find_trials(
    best: NDArray[np.int64], order: NDArray[np.int64], first: int, num_words: int
) -> NDArray[np.int64]:
    """Return trials where a bucket certainly comes before the first match, int64 (W, buckets).

    `first` is the first match of the query; a trial without one has a `best` below 0.
    """
    places = np.empty(len(order), np.int64)
    for place in range(len(order)):
        places[order[place] - first] = place
    trials = np.zeros((num_words, len(order) + 1), np.int64)
    for trial in range(len(best)):
        if best[trial] >= 0:
            trials[trial // WORD, places[best[trial] - first]] |= np.int64(1) << (trial % WORD)
    for word in range(num_words):
        for place in range(len(order) - 1, -1, -1):
            trials[word, place] |= trials[word, place + 1]
    return trials


@compiled_part
def _find_nearer(
    trials: NDArray[np.int64],
    before_best: NDArray[np.int64],
    buckets: NDArray[np.int32],
    starts: NDArray[np.int64],
    nearer: NDArray[np.int64],
) -> None:
    """Write trials where an identity certainly comes before the first match, int64 (I, W)."""
    for word in range(len(trials)):
        seen, before = trials[word], before_best[word]
        for number in range(len(nearer)):
            bits = np.int64(0)
            for column in range(np.uint64(starts[number]), np.uint64(starts[number + 1])):
                bits |= seen[column] & before[np.uint64(buckets[column])]
            nearer[number, word] = bits


@compiled_part
def _count_close(  # noqa: PLR0913, PLR0917
    pairs: Pairs,
    matches: Matches,
    part: Part,
    query: int,
    order: NDArray[np.int64],
    row: NDArray[Any],
    buckets: NDArray[np.int32],
    upper: NDArray[Any],
    nearer: NDArray[np.int64],
) -> None:
    """Compare the columns exactly with the matches before their buckets that they are close to."""
    own = matches.own[query] - matches.starts[query] - part.first
    for start in range(0, len(row), _NEIGHBOURS):
        stop = min(start + _NEIGHBOURS, len(row))
        num_close = 0
        for column in range(np.uint64(start), np.uint64(stop)):
            num_close += row[column] <= upper[np.uint64(buckets[column])]
        if num_close == 0:
            continue
        for column in range(start, stop):
            bucket = buckets[column]
            # A match is close to itself; most are to nothing else.
            if bucket > 0 and own + order[bucket - 1] == column:
                bucket -= 1
            num_before = bucket
            while row[column] <= upper[num_before]:
                num_before -= 1
            if num_before < bucket:
                close = order[num_before:bucket]
                _compare(pairs, matches, part, query, column, close, nearer[part.numbers[column]])


@compiled_part
def _compare(
    pairs: Pairs,
    matches: Matches,
    part: Part,
    query: int,
    column: int,
    close: NDArray[np.int64],
    nearer: NDArray[np.int64],
) -> None:
    """Count a column at the matches that it exactly comes before."""
    own = matches.own[query] - matches.starts[query]
    exact = exact_value(pairs, matches.queries[query], part.first + column)
    trials = part.trials[matches.audience[query]]
    for match in close:
        if own + match == part.first + column or exact > matches.exact[match]:
            continue
        for trial in range(len(matches.best)):
            theirs = matches.positions[trial, own + match]
            mine = matches.positions[trial, part.first + column]
            word, bit = trial // WORD, np.int64(1) << (trial % WORD)
            before = exact < matches.exact[match] or mine < theirs
            if theirs >= 0 and before and trials[word, column] & bit:
                matches.counts[match, trial] += 1
                if match == matches.best[trial, query]:
                    nearer[word] |= bit


@compiled_part
def _count_identities(
    nearer: NDArray[np.int64],
    counts: NDArray[np.int32],
    last: NDArray[np.int64],
    continues: bool,  # noqa: FBT001  # compiled code takes no keyword-only arguments
) -> None:
    """Count the nearer identities; one whose images lie in two blocks is counted once."""
    for word in range(nearer.shape[1]):
        first = word * WORD
        num_trials = min(WORD, len(counts) - first)
        counted = last[word] if continues else np.int64(0)
        for number in range(len(nearer)):
            bits = nearer[number, word] & ~counted
            if bits:
                for place in range(num_trials):
                    counts[first + place] += np.int32((bits >> place) & 1)
            last[word] = nearer[number, word] | counted
            counted = np.int64(0)
