"""Counts, in a block of columns, what comes before each match in each trial.

The float32 values of a query are sorted once, together for all trials. A match splits them into
columns that certainly come before it, columns that certainly do not, and a few that are too close;
those are compared exactly.

Letters in shapes: R queries, C columns of the block, W words, T trials, I identities of the block,
P pairs of a match and a column close to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.evaluation.pool import Audience, Fields, TrialPool
from bench_core.evaluation.sources import DistanceSource, Values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.matches import Batch

IntArray: TypeAlias = "NDArray[np.int64]"

_COLUMN_BITS = 16
_VALUE_BITS = 32
MAX_COLUMNS = 2**_COLUMN_BITS
MAX_ROWS = 2 ** (63 - _COLUMN_BITS - _VALUE_BITS)
"""A sort key is one int64: the query, then the value, then the column."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A block of columns as one audience sees it.

    Attributes:
        pool: The trials.
        fields: How counts are packed.
        columns: Which columns.
        trials: int64 (C,), bit t set where the column is in the gallery of trial t.
        words: int64 (W, C), `trials` as packed counts.
        identity: int64 (C,), from 0, ascending.
        continues: Whether the first identity is also the last one of the block before.
        by_identity: Whether nearer identities are counted, too.
    """

    pool: TrialPool
    fields: Fields
    columns: slice
    trials: IntArray
    words: IntArray
    identity: IntArray
    continues: bool
    by_identity: bool


def make_part(
    pool: TrialPool, fields: Fields, audience: Audience, columns: slice, *, by_identity: bool
) -> Part:
    """Describe the block `columns` for an audience."""
    identity = pool.column_identity[columns]
    before = pool.column_identity[max(0, columns.start - 1)]
    return Part(
        pool=pool,
        fields=fields,
        columns=columns,
        trials=audience.trials[columns],
        words=np.ascontiguousarray(audience.words[:, columns]),
        identity=np.concatenate([[0], np.cumsum(np.diff(identity) != 0)]),
        continues=columns.start > 0 and bool(before == identity[0]),
        by_identity=by_identity,
    )


def count_block(
    source: DistanceSource, batch: Batch, rows: slice, part: Part, values: Values
) -> None:
    """Count for queries `rows` of a batch, all of one audience; the batch takes the counts.

    Args:
        source: Compares exactly what is too close.
        batch: Its `words`, `nearer_identities`, `pending` and `whole` are written, in the rows of
            `rows` only, so that threads can share it.
        rows: Which of its queries, at most `MAX_ROWS`.
        part: The columns, at most `MAX_COLUMNS`.
        values: Float32 values of the block (R, C).
    """
    matches = batch.matches(rows)
    row = batch.row[matches] - rows.start
    pairs = batch.rows[batch.row[matches]], batch.columns[matches]
    keys = _sorted_keys(values)
    lower, upper = source.window(*pairs, batch.values[matches])
    left = np.searchsorted(keys.ravel(), _needles(lower, row, 0))
    right = np.searchsorted(keys.ravel(), _needles(upper, row, MAX_COLUMNS - 1), side="right")
    order = keys & (MAX_COLUMNS - 1)
    batch.words[matches] += _count_before(order, part.words, left, row)
    _distrust(source, batch, rows, part, values)
    close, columns = _close_pairs(source, batch, rows, part, order, left, right)
    before = _compare(source, batch, part, close, columns)
    packed = part.fields.pack(before)
    for word in range(packed.shape[1]):
        np.add.at(batch.words[:, word], close, packed[:, word])
    if part.by_identity:
        nearer = _certain_identities(batch, rows, part, order, left)
        _add_close_identities(nearer, batch, rows, part, close, columns, before)
        _count_identities(batch, rows, part, nearer)


def count_pending(batch: Batch) -> None:
    """Count the identities that waited for a further column, after the last block."""
    batch.nearer_identities[:] += _bits(batch.pending, batch.first.shape[1])


def _ordered(values: Values) -> NDArray[np.int32]:
    """Map floats to integers of the same order; adding zero turns -0.0 into 0.0."""
    ordered: NDArray[np.int32] = (values + np.float32(0)).view(np.int32)
    sign = ordered >> 31
    sign &= np.int32(0x7FFFFFFF)
    ordered ^= sign
    return ordered


def _row_keys(row: IntArray) -> IntArray:
    # The half makes room for negative values below it.
    return (row << (_COLUMN_BITS + _VALUE_BITS)) + (1 << (_COLUMN_BITS + _VALUE_BITS - 1))


def _sorted_keys(values: Values) -> IntArray:
    keys: IntArray = np.left_shift(_ordered(values), _COLUMN_BITS, dtype=np.int64)
    keys += np.arange(values.shape[1])
    keys += _row_keys(np.arange(len(values)))[:, np.newaxis]
    keys.sort(axis=1)
    return keys


def _needles(bounds: Values, row: IntArray, column: int) -> IntArray:
    needles: IntArray = np.left_shift(_ordered(bounds), _COLUMN_BITS, dtype=np.int64)
    return needles + _row_keys(row) + column


def _count_before(order: IntArray, words: IntArray, left: IntArray, row: IntArray) -> IntArray:
    """Sum the words of the columns before place `left` of a query's order, (M, W)."""
    starts = np.arange(len(order)) * order.shape[1]
    cuts = np.sort(np.concatenate([starts, left]))
    cuts = cuts[(np.diff(cuts, prepend=-1) > 0) & (cuts < order.size)]
    begin, end = np.searchsorted(cuts, starts)[row], np.searchsorted(cuts, left)
    counts = np.empty((len(left), len(words)), dtype=np.int64)
    for number, word in enumerate(words):
        sums = np.add.reduceat(np.take(word, order.ravel(), mode="clip"), cuts)
        # Sums over many queries may wrap around; their differences do not.
        running = np.concatenate([[0], np.cumsum(sums)])
        counts[:, number] = running[end] - running[begin]
    return counts


def _distrust(
    source: DistanceSource, batch: Batch, rows: slice, part: Part, values: Values
) -> None:
    """Find queries whose matches show more than half of the error that the window allows."""
    matches = batch.matches(rows)
    column = batch.columns[matches]
    inside = np.flatnonzero((column >= part.columns.start) & (column < part.columns.stop))
    row = batch.row[matches][inside]
    shown = values[row - rows.start, column[inside] - part.columns.start]
    exact = batch.values[matches][inside]
    lower, upper = source.window(batch.rows[row], column[inside], exact, share=0.5)
    batch.whole[row[(shown < lower) | (shown > upper)]] = True


def _close_pairs(
    source: DistanceSource,
    batch: Batch,
    rows: slice,
    part: Part,
    order: IntArray,
    left: IntArray,
    right: IntArray,
) -> tuple[IntArray, IntArray]:
    """List matches and the columns within their windows that share a trial with them, (P,)."""
    matches = batch.matches(rows)
    row = batch.row[matches]
    num_close = right - left
    per_row = np.bincount(row - rows.start, num_close - 1, minlength=len(order))
    batch.whole[rows] |= per_row > source.num_close_allowed
    num_close[batch.whole[row]] = 0
    match = np.repeat(np.arange(len(row)), num_close)
    column = order.ravel()[_ranges(left, num_close)]
    shared = part.trials[column] & batch.trials[matches][match]
    column += part.columns.start
    match += matches.start
    keep = (shared != 0) & (column != batch.columns[match])
    return match[keep], column[keep]


def _ranges(start: IntArray, length: IntArray) -> IntArray:
    """Concatenate the ranges from `start` of `length`."""
    shift = start - (np.cumsum(length) - length)
    return np.repeat(shift, length) + np.arange(length.sum())


def _compare(
    source: DistanceSource, batch: Batch, part: Part, match: IntArray, column: IntArray
) -> IntArray:
    """Return the trials, as bits (P,), in which a column comes before a match."""
    row = batch.row[match]
    value = source.exact(batch.rows[row], column)
    own = batch.values[match]
    tolerance = batch.tolerance[match]
    unsure = np.flatnonzero((np.abs(value - own) <= tolerance) & (tolerance > 0))
    own[unsure] = source.exact(batch.rows[row[unsure]], batch.columns[match[unsure]])
    before = np.where(value < own, part.trials[column - part.columns.start], 0)
    tied = np.flatnonzero(value == own)
    for trial, positions in enumerate(part.pool.positions):
        place = positions[column[tied]]
        earlier = (place >= 0) & (place < positions[batch.columns[match[tied]]])
        # A column that the query may not see is in no trial.
        seen = part.trials[column[tied] - part.columns.start] >> trial & 1
        before[tied] |= (earlier & (seen == 1)).astype(np.int64) << trial
    return before


def _certain_identities(
    batch: Batch, rows: slice, part: Part, order: IntArray, left: IntArray
) -> IntArray:
    """Return trials, as bits (R, I), in which an identity certainly comes before the first match.

    Only the columns before the farthest of a query's first matches are visited.
    """
    num_rows, num_columns = order.shape
    first = batch.first[rows]
    place = left[np.maximum(first - batch.matches(rows).start, 0)]
    start = np.arange(num_rows) * num_columns
    reach = np.where(first >= 0, place - start[:, np.newaxis], 0)
    by_reach = np.argsort(reach, axis=1)
    reach = np.take_along_axis(reach, by_reach, axis=1)
    # From one first match to the next, the same trials are still to find theirs.
    waiting = np.cumsum((1 << by_reach)[:, ::-1], axis=1)[:, ::-1]
    bits = np.repeat(waiting.ravel(), np.diff(reach, axis=1, prepend=0).ravel())
    column = order.ravel()[_ranges(start, reach[:, -1])]
    bits &= part.trials[column]
    some = np.flatnonzero(bits)
    row = np.repeat(np.arange(num_rows), reach[:, -1])[some]
    nearer = np.zeros((num_rows, int(part.identity[-1]) + 1), dtype=np.int64)
    np.bitwise_or.at(nearer, (row, part.identity[column[some]]), bits[some])
    return nearer


def _add_close_identities(
    nearer: IntArray,
    batch: Batch,
    rows: slice,
    part: Part,
    match: IntArray,
    column: IntArray,
    before: IntArray,
) -> None:
    row = batch.row[match]
    is_first = batch.first[row] == match[:, np.newaxis]
    first_in = (is_first.astype(np.int64) << np.arange(is_first.shape[1])).sum(axis=1)
    identity = part.identity[column - part.columns.start]
    np.bitwise_or.at(nearer, (row - rows.start, identity), before & first_in)


def _count_identities(batch: Batch, rows: slice, part: Part, nearer: IntArray) -> None:
    num_trials = batch.first.shape[1]
    if part.continues:
        nearer[:, 0] |= batch.pending[rows]
    else:
        batch.nearer_identities[rows] += _bits(batch.pending[rows], num_trials)
    for trial in range(num_trials):
        found = (nearer[:, :-1] >> trial) & 1
        batch.nearer_identities[rows, trial] += found.sum(axis=1)
    batch.pending[rows] = nearer[:, -1]


def _bits(trials: IntArray, num_trials: int) -> IntArray:
    return (trials[:, np.newaxis] >> np.arange(num_trials)) & 1
