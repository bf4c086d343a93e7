"""Compiled loops that count what comes before the matches of a query.

Each writes to the queries of its range only, so that threads can share the work.

Letters in shapes: see `arrays`; P places, the matches of a query that it sees, nearest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench_core.evaluation.engine.arrays import GIVEN, LIMIT, SQUARED
from bench_core.evaluation.engine.compiling import compiled, compiled_part
from bench_core.evaluation.engine.kernels import compute_values, exact_value, expected_value
from bench_core.evaluation.engine.lanes import BITS, count_bits, mask_below, mask_up_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches, Pairs, Part, Table

_NONE = np.uint64(0)
_ONE = np.uint64(1)


class _Row(NamedTuple):
    """What is worked out for one query and a block of columns, in memory that the next one reuses.

    Attributes:
        values: float32 (64 W,), of the columns; NaN where there is none, or nothing to count.
        lower: float32 (P,), the least values that columns at the distance of a match may have.
        upper: float32 (P,), the greatest.
        before: uint64 (P, W), columns that are nearer than a match.
        close: uint64 (W,), columns that values do not tell from some match.
        tied: uint64 (T, W), columns at the distance of the first match, and before it in the
            gallery; zeros but for a moment.
    """

    values: NDArray[np.float32]
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    before: NDArray[np.uint64]
    close: NDArray[np.uint64]
    tied: NDArray[np.uint64]


@compiled
def count_rows(
    pairs: Pairs, matches: Matches, table: Table, part: Part, start: int, stop: int
) -> None:
    """Count what comes before the matches of queries `start` to `stop` in a block of columns.

    The columns before a match are bits of words, from which the gallery of each trial takes its
    own. Columns of the query's identity count nowhere.

    Args:
        pairs: How exact values are computed.
        matches: `counts`, `nearer` and `carried` are written.
        table: Values of the block.
        part: The block.
        start: First query.
        stop: Query to stop before.
    """
    num_words = len(part.ends)
    most = 0
    for query in range(start, stop):
        most = max(most, matches.num_seen[query])
    row = _Row(
        np.full(BITS * num_words, np.nan, np.float32),
        np.empty(most, np.float32),
        np.empty(most, np.float32),
        np.empty((most, num_words), np.uint64),
        np.empty(num_words, np.uint64),
        np.zeros((len(matches.positions), num_words), np.uint64),
    )
    for query in range(start, stop):
        num_seen = matches.num_seen[query]
        if num_seen == 0:
            continue
        _find_values(pairs, matches, table, part, query, row.values)
        _find_windows(pairs.kind, table, matches, query, row)
        _compare_values(num_seen, row)
        has_ties = _compare_close(pairs, matches, part, query, row)
        _count_images(matches, part, query, row.before)
        if part.by_identity:
            _count_identities(matches, part, query, row)
        if has_ties:
            row.tied[:] = _NONE


@compiled_part
def _find_values(
    pairs: Pairs,
    matches: Matches,
    table: Table,
    part: Part,
    query: int,
    values: NDArray[np.float32],
) -> None:
    """Write the values of the columns of a query, NaN for those of its own identity."""
    compute_values(pairs.kind, table, query, part.num_columns, values)
    if pairs.kind != GIVEN:
        _replace_unsafe(pairs, matches.queries[query], part, table, query, values)
    own = matches.own[query] - part.first
    num_own = matches.starts[query + 1] - matches.starts[query]
    for column in range(max(0, own), min(part.num_columns, own + num_own)):
        values[column] = np.nan


@compiled_part
def _replace_unsafe(
    pairs: Pairs, number: int, part: Part, table: Table, query: int, values: NDArray[np.float32]
) -> None:
    """Put exact values in place of those that are none."""
    num_safe = 0
    for column in range(part.num_columns):
        num_safe += np.abs(values[column]) <= LIMIT
    if num_safe == part.num_columns:
        return
    for column in range(part.num_columns):
        if not np.abs(values[column]) <= LIMIT:
            exact = exact_value(pairs, number, part.first + column)
            expected = expected_value(pairs.kind, exact, table.unit, table.squares[0, query])
            values[column] = min(max(expected, -LIMIT), LIMIT)


@compiled_part
def _find_windows(kind: int, table: Table, matches: Matches, query: int, row: _Row) -> None:
    """Write the least and the greatest values that columns at the distance of a match may have."""
    first, unit, rounding = matches.starts[query], table.unit, table.rounding
    scale = unit * unit if kind == SQUARED else unit
    for place in range(matches.num_seen[query]):
        exact = matches.exact[matches.order[first + place]]
        if kind == GIVEN:
            row.lower[place] = row.upper[place] = exact
            continue
        middle = expected_value(kind, exact, unit, table.squares[0, query])
        width = table.errors[query] + rounding[0] * np.abs(middle) + rounding[1] * exact * scale
        row.lower[place] = min(max(middle - width, -LIMIT), LIMIT)
        row.upper[place] = max(min(middle + width, LIMIT), -LIMIT)


@compiled_part
def _compare_values(num_places: int, row: _Row) -> None:
    """Write the columns that are certainly before each match, and those that may be."""
    row.close[:] = _NONE
    for place in range(num_places):
        lower, upper, before = row.lower[place], row.upper[place], row.before[place]
        for word in range(len(before)):
            certain = mask_below(row.values, BITS * word, lower)
            before[word] = certain
            row.close[word] |= mask_up_to(row.values, BITS * word, upper) & ~certain


@compiled_part
def _compare_close(pairs: Pairs, matches: Matches, part: Part, query: int, row: _Row) -> bool:
    """Compare the columns that are close to a match exactly; tell whether one may be at a tie."""
    has_ties = False
    for word in range(len(row.close)):
        if row.close[word] == _NONE:
            continue
        for shift in range(BITS):
            if row.close[word] >> np.uint64(shift) & _ONE:
                column = BITS * word + shift
                has_ties |= _compare_column(pairs, matches, part, query, column, row)
    return has_ties


@compiled_part
def _compare_column(
    pairs: Pairs, matches: Matches, part: Part, query: int, column: int, row: _Row
) -> bool:
    value, first = row.values[column], matches.starts[query]
    word, bit = column // BITS, _ONE << np.uint64(column % BITS)
    exact = exact_value(pairs, matches.queries[query], part.first + column)
    has_ties = False
    for place in range(matches.num_seen[query]):
        if value < row.lower[place] or value > row.upper[place]:
            continue
        theirs = matches.exact[matches.order[first + place]]
        if exact < theirs:
            row.before[place, word] |= bit
        elif exact == theirs:
            _count_tie(matches, part, query, place, column, row.tied)
            has_ties = True
    return has_ties


@compiled_part
def _count_tie(
    matches: Matches, part: Part, query: int, place: int, column: int, tied: NDArray[np.uint64]
) -> None:
    """Count a column at the distance of a match where the gallery's order has it before."""
    match = matches.order[matches.starts[query] + place]
    column_of_match = matches.own[query] + match - matches.starts[query]
    word, bit = column // BITS, _ONE << np.uint64(column % BITS)
    gallery = part.galleries[matches.audience[query]]
    for trial in range(len(matches.positions)):
        theirs = matches.positions[trial, column_of_match]
        is_before = matches.positions[trial, part.first + column] < theirs
        if theirs >= 0 and is_before and gallery[trial, word] & bit:
            matches.counts[match, trial] += 1
            if place == matches.best[trial, query]:
                tied[trial, word] |= bit


@compiled_part
def _count_images(matches: Matches, part: Part, query: int, before: NDArray[np.uint64]) -> None:
    """Count what is before each match, in the trials that have it in their gallery."""
    first = matches.starts[query]
    galleries = part.galleries[matches.audience[query]]
    for place in range(matches.num_seen[query]):
        match = matches.order[first + place]
        column = matches.own[query] + match - first
        for trial in range(len(galleries)):
            if matches.positions[trial, column] >= 0:
                count = 0
                for word in range(before.shape[1]):
                    count += count_bits(before[place, word] & galleries[trial, word])
                matches.counts[match, trial] += count


@compiled_part
def _count_identities(matches: Matches, part: Part, query: int, row: _Row) -> None:
    """Count the identities that have a column before the first match of each trial.

    Columns lie in order of identity. Where ones are added to the bits of an identity but its last,
    any of them makes a carry, which ends up in the last: there, it is counted.
    """
    galleries = part.galleries[matches.audience[query]]
    for trial in range(len(galleries)):
        best = matches.best[trial, query]
        if best < 0:
            continue
        count, carry = 0, matches.carried[query, trial]
        for word in range(len(part.ends)):
            last = part.ends[word]
            found = row.before[best, word] & galleries[trial, word] | row.tied[trial, word]
            partial = (found & ~last) + ~last
            total = partial + carry
            carry = np.uint64(partial < ~last) | np.uint64(total < partial)
            count += count_bits((total | found) & last)
        matches.nearer[query, trial] += count
        matches.carried[query, trial] = carry
