"""The possible matches of queries: all columns of their identity that they may see.

Letters in shapes: R queries of a batch, M their possible matches, T trials, W words.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bench_core.evaluation.pool import Audience, TrialPool
    from bench_core.evaluation.sources import DistanceSource

IntArray: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Queries with their possible matches, and what is counted about them block by block.

    Attributes:
        rows: int64 (R,), numbers of the queries; those of an audience together, in order of
            identity.
        audience: int64 (R,), number of the audience.
        starts: int64 (R + 1,), where the matches of each query start.
        row: int64 (M,), index into `rows` of each match, ascending.
        columns: int64 (M,).
        values: float64 (M,), ascending within a query.
        trials: int64 (M,), bit t set where the match is in the gallery of trial t.
        tolerance: float64 (M,), how close a value may be before it is compared exactly.
        first: int64 (R, T), the match that comes first in a trial; -1 without a match.
        words: int64 (M, W), counted: columns that come before the match, a count for each trial.
        nearer_identities: int64 (R, T), counted: identities that come before the first match.
        pending: int64 (R,), trials where the last identity of the block before comes before the
            first match; it is counted when no further column of it follows.
        whole: bool (R,), found: queries to be ranked from all their exact values instead.
    """

    rows: IntArray
    audience: IntArray
    starts: IntArray
    row: IntArray
    columns: IntArray
    values: NDArray[np.float64]
    trials: IntArray
    tolerance: NDArray[np.float64]
    first: IntArray
    words: IntArray
    nearer_identities: IntArray
    pending: IntArray
    whole: NDArray[np.bool_]

    def matches(self, rows: slice) -> slice:
        """Return the matches of neighbouring queries."""
        return slice(int(self.starts[rows.start]), int(self.starts[rows.stop]))


def make_batches(
    source: DistanceSource,
    pool: TrialPool,
    audiences: Sequence[Audience],
    max_matches: int,
) -> Iterator[Batch]:
    """Batch all queries that have a possible match.

    Args:
        source: Distances of the pool.
        pool: The trials.
        audiences: Of the pool.
        max_matches: Most matches of a batch of more than one query; bounds the memory.

    Yields:
        Batches with nothing counted.
    """
    audience, rows, num_matches = _possible_queries(pool, audiences)
    total = np.cumsum(num_matches)
    start = 0
    while start < len(rows):
        before = total[start] - num_matches[start]
        stop = max(start + 1, int(np.searchsorted(total, before + max_matches, side="right")))
        part = slice(start, stop)
        yield _make_batch(source, pool, audiences, audience[part], rows[part])
        start = stop


def _possible_queries(
    pool: TrialPool, audiences: Sequence[Audience]
) -> tuple[IntArray, IntArray, IntArray]:
    """Return audience, query and number of matches of all queries that have one."""
    numbers, rows, counts = [], [], []
    for number, audience in enumerate(audiences):
        seen = np.concatenate([[0], np.cumsum(audience.allowed)])
        start, stop = _own_columns(pool, audience.queries)
        count = seen[stop] - seen[start]
        possible = np.flatnonzero(count)
        rows.append(audience.queries[possible])
        counts.append(count[possible])
        numbers.append(np.full(len(possible), number))
    return np.concatenate(numbers), np.concatenate(rows), np.concatenate(counts)


def _own_columns(pool: TrialPool, rows: IntArray) -> tuple[IntArray, IntArray]:
    identity = pool.query_identity[rows]
    start = np.searchsorted(pool.column_identity, identity)
    return start, np.searchsorted(pool.column_identity, identity, side="right")


def _make_batch(
    source: DistanceSource,
    pool: TrialPool,
    audiences: Sequence[Audience],
    audience: IntArray,
    rows: IntArray,
) -> Batch:
    parts = _sorted_matches(source, pool, audiences, audience, rows)
    counts = np.concatenate([np.full(len(values), values.shape[1]) for _, values in parts])
    row = np.repeat(np.arange(len(rows)), counts)
    columns = np.concatenate([part.ravel() for part, _ in parts])
    values = np.concatenate([part.ravel() for _, part in parts])
    whole = _settle_close(source, rows, row, columns, values)
    trials = np.stack([one.trials for one in audiences])[audience[row], columns]
    num_words = len(audiences[0].words)
    return Batch(
        rows=rows,
        audience=audience,
        starts=np.concatenate([[0], np.cumsum(counts)]),
        row=row,
        columns=columns,
        values=values,
        trials=trials,
        tolerance=source.tolerance(rows[row], columns),
        first=_first_matches(pool, len(rows), row, columns, values, trials),
        words=np.zeros((len(row), num_words), dtype=np.int64),
        nearer_identities=np.zeros((len(rows), pool.num_trials), dtype=np.int64),
        pending=np.zeros(len(rows), dtype=np.int64),
        whole=whole,
    )


def _runs(audience: IntArray, identity: IntArray) -> Iterator[slice]:
    changes = (np.diff(audience) != 0) | (np.diff(identity) != 0)
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(identity)]
    for start, stop in pairwise(bounds):
        yield slice(start, stop)


def _sorted_matches(
    source: DistanceSource,
    pool: TrialPool,
    audiences: Sequence[Audience],
    audience: IntArray,
    rows: IntArray,
) -> list[tuple[IntArray, NDArray[np.float64]]]:
    """Return columns and values, both (queries, matches), for each run of queries.

    The queries of an identity meet its columns in one product, whatever they may see of them.
    """
    runs = list(_runs(audience, pool.query_identity[rows]))
    together: dict[int, list[int]] = {}
    for number, run in enumerate(runs):
        together.setdefault(int(pool.query_identity[rows[run.start]]), []).append(number)
    members = [np.concatenate([rows[runs[one]] for one in group]) for group in together.values()]
    bounds = [_own_columns(pool, one[:1]) for one in members]
    columns = [slice(int(start[0]), int(stop[0])) for start, stop in bounds]
    found: dict[int, tuple[IntArray, NDArray[np.float64]]] = {}
    grids = source.grids(members, columns)
    for group, own, grid in zip(together.values(), columns, grids, strict=True):
        start = 0
        for number in group:
            stop = start + runs[number].stop - runs[number].start
            seen = audiences[audience[runs[number].start]].allowed[own]
            found[number] = _sorted_seen(grid[start:stop], own.start, np.flatnonzero(seen))
            start = stop
    return [found[number] for number in range(len(runs))]


def _sorted_seen(
    grid: NDArray[np.float64], start: int, seen: IntArray
) -> tuple[IntArray, NDArray[np.float64]]:
    values = grid[:, seen]
    order = np.argsort(values, axis=1, kind="stable")
    return start + seen[order], np.take_along_axis(values, order, axis=1)


def _settle_close(
    source: DistanceSource,
    rows: IntArray,
    row: IntArray,
    columns: IntArray,
    values: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Compute matches exactly that are too close to each other, in place, and sort them anew.

    Returns:
        Queries with too many of them, bool (R,).
    """
    tolerance = source.tolerance(rows[row], columns)[1:]
    close = (np.diff(row) == 0) & (np.diff(values) <= tolerance) & (tolerance > 0)
    num_close = np.bincount(row[1:][close], minlength=len(rows))
    whole: NDArray[np.bool_] = num_close > source.num_close_allowed
    pairs = np.flatnonzero(close & ~whole[row[1:]])
    unsure = np.union1d(pairs, pairs + 1)
    values[unsure] = source.exact(rows[row[unsure]], columns[unsure])
    affected = np.flatnonzero(np.isin(row, row[unsure]))
    order = affected[np.lexsort((values[affected], row[affected]))]
    columns[affected], values[affected] = columns[order], values[order]
    return whole


def _first_matches(
    pool: TrialPool,
    num_rows: int,
    row: IntArray,
    columns: IntArray,
    values: NDArray[np.float64],
    trials: IntArray,
) -> IntArray:
    first = np.full((num_rows, pool.num_trials), -1, dtype=np.int64)
    tied = bool(np.any((np.diff(row) == 0) & (np.diff(values) == 0)))
    for trial, positions in enumerate(pool.positions):
        match = np.flatnonzero((trials >> trial) & 1)
        match = match[_starts(row[match])]
        first[row[match], trial] = match
        if tied:
            nearest = np.full(num_rows, np.nan)
            nearest[row[match]] = values[match]
            equal = np.flatnonzero(((trials >> trial) & 1 == 1) & (values == nearest[row]))
            equal = equal[np.lexsort((positions[columns[equal]], row[equal]))]
            equal = equal[_starts(row[equal])]
            first[row[equal], trial] = equal
    return first


def _starts(row: IntArray) -> IntArray:
    """Return where in ascending numbers each one starts."""
    return np.flatnonzero(np.diff(row, prepend=-1))
