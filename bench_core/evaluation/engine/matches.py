"""Batches of queries with their possible matches, the columns that they meet, and their scores.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.evaluation.engine.arrays import Matches, Part
from bench_core.evaluation.engine.compiling import compiled
from bench_core.evaluation.engine.lanes import BITS
from bench_core.evaluation.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.evaluation.engine.pool import Audiences, TrialPool
    from bench_core.evaluation.engine.sources import DistanceSource

IntArray: TypeAlias = "NDArray[np.int64]"


def make_batches(
    source: DistanceSource, pool: TrialPool, audiences: Audiences, num_queries: int, num_counts: int
) -> Iterator[Matches]:
    """Batch all queries that have a column of their identity, and measure their matches.

    Args:
        source: Distances of the pool.
        pool: The trials.
        audiences: Of the pool.
        num_queries: Most queries of a batch.
        num_counts: Most counts, of a match in a trial, of a batch of more than one query.

    Yields:
        Batches with nothing counted.
    """
    own = np.searchsorted(pool.column_identity, pool.query_identity)
    num_own = np.searchsorted(pool.column_identity, pool.query_identity, side="right") - own
    queries = np.flatnonzero(num_own)
    # Queries of one identity meet the same matches, which are then still in the cache.
    queries = queries[np.argsort(own[queries], kind="stable")]
    total = np.cumsum(num_own[queries]) * pool.num_trials
    start = 0
    while start < len(queries):
        before = total[start] - num_own[queries[start]] * pool.num_trials
        most = int(np.searchsorted(total, before + num_counts, side="right"))
        stop = max(start + 1, min(most, start + num_queries))
        batch = queries[start:stop]
        yield _make_batch(source, pool, audiences, batch, own[batch], num_own[batch])
        start = stop


def _make_batch(
    source: DistanceSource,
    pool: TrialPool,
    audiences: Audiences,
    queries: IntArray,
    own: IntArray,
    num_own: IntArray,
) -> Matches:
    shape = (len(queries), pool.num_trials)
    starts = np.concatenate([[0], np.cumsum(num_own)])
    matches = Matches(
        queries=queries,
        audience=audiences.number[queries],
        own=own,
        starts=starts,
        exact=_measure(source, pool, audiences, queries, own, num_own),
        order=np.empty(starts[-1], dtype=np.int64),
        num_seen=np.empty(len(queries), dtype=np.int64),
        positions=pool.positions,
        best=np.empty(shape[::-1], dtype=np.int64),
        counts=np.zeros((starts[-1], pool.num_trials), dtype=np.int32),
        nearer=np.zeros(shape, dtype=np.int32),
        carried=np.zeros(shape, dtype=np.uint64),
    )
    written = matches.starts, matches.exact, matches.order, matches.num_seen
    in_threads(lambda *part: _put_in_order(*written, *part), len(queries))
    in_threads(
        lambda *part: _find_best(*written, own, pool.positions, matches.best, *part), len(queries)
    )
    return matches


def _measure(
    source: DistanceSource,
    pool: TrialPool,
    audiences: Audiences,
    queries: IntArray,
    own: IntArray,
    num_own: IntArray,
) -> NDArray[np.float64]:
    """Return the exact values of all matches (M,), NaN where the query may not see the column."""
    query = np.repeat(queries, num_own)
    column = np.arange(len(query)) + np.repeat(own - np.cumsum(num_own) + num_own, num_own)
    audience, camera = audiences.number[query], pool.column_camera[column]
    seen = audiences.allowed[audience, column]
    for number, other in audiences.apart:
        seen &= (audience != number) | (camera != other)
    exact = np.full(len(seen), np.nan)
    exact[seen] = source.measure(query[seen], column[seen])
    return exact


def make_part(pool: TrialPool, audiences: Audiences, columns: slice, *, by_identity: bool) -> Part:
    """Describe a block of columns.

    Args:
        pool: The trials.
        audiences: Of the pool.
        columns: The block.
        by_identity: Whether nearer identities are counted, too.

    Returns:
        The block.
    """
    seen = audiences.allowed[:, np.newaxis, columns] & (pool.positions[:, columns] >= 0)
    identity = pool.column_identity[columns.start : columns.stop + 1]
    ends = np.ones(seen.shape[2], dtype=np.bool_)
    ends[: len(identity) - 1] = identity[1:] != identity[:-1]
    return Part(
        first=columns.start,
        num_columns=len(ends),
        by_identity=by_identity,
        galleries=_pack(seen),
        ends=_pack(ends),
    )


def _pack(columns: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Make the bits (..., C) of words, uint64 (..., W)."""
    packed = np.packbits(columns, axis=-1, bitorder="little")
    room = [(0, 0)] * (columns.ndim - 1) + [(0, -packed.shape[-1] % (BITS // 8))]
    return np.pad(packed, room).view("<u8").astype(np.uint64, copy=False)


@compiled
def _put_in_order(
    starts: NDArray[np.int64],
    exact: NDArray[np.float64],
    order: NDArray[np.int64],
    num_seen: NDArray[np.int64],
    start: int,
    stop: int,
) -> None:
    """Write `order` and `num_seen` of queries `start` to `stop`, whose matches are measured."""
    for query in range(start, stop):
        first, last = starts[query], starts[query + 1]
        seen_stop, unseen = first, last
        for match in range(first, last):
            if np.isnan(exact[match]):
                unseen -= 1
                order[unseen] = match
            else:
                order[seen_stop] = match
                seen_stop += 1
        num_seen[query] = seen_stop - first
        # Shell's sort: its few lines are compiled faster than any other.
        gap = (seen_stop - first) // 2
        while gap > 0:
            for place in range(first + gap, seen_stop):
                match, free = order[place], place
                while free >= first + gap and exact[order[free - gap]] > exact[match]:
                    order[free] = order[free - gap]
                    free -= gap
                order[free] = match
            gap = 1 if gap == 2 else gap * 5 // 11


@compiled
def _find_best(  # noqa: PLR0913, PLR0917  # a kernel: arrays in, arrays out
    starts: NDArray[np.int64],
    exact: NDArray[np.float64],
    order: NDArray[np.int64],
    num_seen: NDArray[np.int64],
    own: NDArray[np.int64],
    positions: NDArray[np.int32],
    found: NDArray[np.int64],
    start: int,
    stop: int,
) -> None:
    """Write the `best` (T, queries) of queries `start` to `stop`, whose matches are in order."""
    for query in range(start, stop):
        first = starts[query]
        for trial in range(len(found)):
            best, best_position = -1, -1
            for place in range(num_seen[query]):
                match = order[first + place]
                # At one distance, the gallery's order decides.
                if best >= 0 and exact[match] > exact[order[first + best]]:
                    break
                position = positions[trial, own[query] + match - first]
                if position >= 0 and (best < 0 or position < best_position):
                    best, best_position = place, position
            found[trial, query] = best


@compiled
def score_matches(  # noqa: PLR0913, PLR0917  # a kernel: arrays in, arrays out
    matches: Matches,
    num_matches: NDArray[np.int64],
    first_rank: NDArray[np.int64],
    precision: NDArray[np.float64],
    penalty: NDArray[np.float64],
    by_identity: bool,  # noqa: FBT001  # compiled code takes no keyword-only arguments
    start: int,
    stop: int,
) -> None:
    """Turn the counts of queries `start` to `stop` into scores, each (T, queries)."""
    most = 0
    for query in range(start, stop):
        most = max(most, matches.num_seen[query])
    before = np.empty(most, np.int64)
    for query in range(start, stop):
        number, first = matches.queries[query], matches.starts[query]
        shift = matches.own[query] - first
        for trial in range(len(matches.best)):
            found = 0
            for seen in range(first, first + matches.num_seen[query]):
                match = matches.order[seen]
                if matches.positions[trial, match + shift] < 0:
                    continue
                count, place = matches.counts[match, trial], found
                # Only matches at one distance come in another order.
                while place > 0 and before[place - 1] > count:
                    before[place] = before[place - 1]
                    place -= 1
                before[place] = count
                found += 1
            if found == 0:
                continue
            total = 0.0
            for place in range(found):
                total += (place + 1) / (before[place] + place + 1)
            num_matches[trial, number] = found
            others = matches.nearer[query, trial] if by_identity else before[0]
            first_rank[trial, number] = others + 1
            precision[trial, number] = total / found
            penalty[trial, number] = found / (before[found - 1] + found)
