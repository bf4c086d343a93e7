"""Batches of queries with their possible matches, the columns that they meet, and their scores.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.evaluation.engine.arrays import FIELD_BITS, FIELDS, WORD, Matches, Part
from bench_core.evaluation.engine.compiling import compiled, in_threads
from bench_core.evaluation.engine.kernels import measure_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Pairs
    from bench_core.evaluation.engine.pool import Audiences, TrialPool

IntArray: TypeAlias = "NDArray[np.int64]"


def make_batches(
    pairs: Pairs, pool: TrialPool, audiences: Audiences, num_queries: int, num_counts: int
) -> Iterator[Matches]:
    """Batch all queries that have a column of their identity, and measure their matches.

    Args:
        pairs: How exact values are computed.
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
        yield _make_batch(pairs, pool, audiences, batch, own[batch], num_own[batch])
        start = stop


def _make_batch(
    pairs: Pairs,
    pool: TrialPool,
    audiences: Audiences,
    queries: IntArray,
    own: IntArray,
    num_own: IntArray,
) -> Matches:
    shape = (len(queries), pool.num_trials)
    num_words = -(-pool.num_trials // WORD)
    starts = np.concatenate([[0], np.cumsum(num_own)])
    matches = Matches(
        queries=queries,
        audience=audiences.number[queries],
        own=own,
        starts=starts,
        exact=_measure(pairs, audiences, queries, own, num_own),
        order=np.empty(starts[-1], dtype=np.int64),
        num_seen=np.empty(len(queries), dtype=np.int64),
        positions=pool.positions,
        best=np.empty(shape[::-1], dtype=np.int64),
        counts=np.zeros((starts[-1], pool.num_trials), dtype=np.int32),
        nearer=np.zeros(shape, dtype=np.int32),
        last=np.zeros((len(queries), num_words), dtype=np.int64),
    )
    written = matches.starts, matches.exact, matches.order, matches.num_seen
    in_threads(lambda *part: _put_in_order(*written, *part), len(queries))
    in_threads(
        lambda *part: _find_best(*written, own, pool.positions, matches.best, *part), len(queries)
    )
    return matches


def _measure(
    pairs: Pairs, audiences: Audiences, queries: IntArray, own: IntArray, num_own: IntArray
) -> NDArray[np.float64]:
    """Return the exact values of all matches (M,), NaN where the query may not see the column."""
    query = np.repeat(queries, num_own)
    column = np.arange(len(query)) + np.repeat(own - np.cumsum(num_own) + num_own, num_own)
    seen = audiences.allowed[audiences.number[query], column]
    query, column = query[seen], column[seen]
    values = np.empty(len(query))
    in_threads(lambda *part: measure_pairs(pairs, query, column, values, *part), len(query))
    exact = np.full(len(seen), np.nan)
    exact[seen] = values
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
    identity = pool.column_identity[columns]
    changes = identity[1:] != identity[:-1]
    before = pool.column_identity[columns.start - 1 : columns.start]
    seen = audiences.allowed[:, np.newaxis, columns] & (pool.positions[:, columns] >= 0)
    return Part(
        first=columns.start,
        by_identity=by_identity,
        trials=_pack(seen, WORD, 1),
        packed=_pack(_pad(seen, 3 * FIELDS), FIELDS, FIELD_BITS),
        numbers=np.concatenate([[0], np.cumsum(changes)]).astype(np.int32),
        starts=np.concatenate([[0], np.flatnonzero(changes) + 1, [len(identity)]]),
        continues=bool(np.any(before == identity[0])),
    )


def _pad(seen: NDArray[np.bool_], multiple: int) -> NDArray[np.bool_]:
    """Add trials that see nothing up to a multiple."""
    return np.pad(seen, ((0, 0), (0, -seen.shape[1] % multiple), (0, 0)))


def _pack(seen: NDArray[np.bool_], num_fields: int, num_bits: int) -> IntArray:
    """Pack (A, T, C) into int64 (A, words, C): `num_fields` trials a word, `num_bits` each."""
    words = np.zeros((len(seen), -(-seen.shape[1] // num_fields), seen.shape[2]), dtype=np.int64)
    for trial in range(seen.shape[1]):
        field = seen[:, trial].astype(np.int64) << num_bits * (trial % num_fields)
        words[:, trial // num_fields] |= field
    return words


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
            best, best_place = -1, -1
            for seen in range(first, first + num_seen[query]):
                match = order[seen]
                # At one distance, the gallery's order decides.
                if best >= 0 and exact[match] > exact[best]:
                    break
                place = positions[trial, own[query] + match - first]
                if place >= 0 and (best < 0 or place < best_place):
                    best, best_place = match, place
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
    ranks = np.empty(most, np.int64)
    for query in range(start, stop):
        number, first = matches.queries[query], matches.starts[query]
        shift = matches.own[query] - first
        for trial in range(len(matches.best)):
            found = 0
            for seen in range(first, first + matches.num_seen[query]):
                match = matches.order[seen]
                if matches.positions[trial, match + shift] < 0:
                    continue
                rank, place = matches.counts[match, trial] + 1, found
                # Only matches at one distance come in another order.
                while place > 0 and ranks[place - 1] > rank:
                    ranks[place] = ranks[place - 1]
                    place -= 1
                ranks[place] = rank
                found += 1
            if found == 0:
                continue
            total = 0.0
            for place in range(found):
                total += (place + 1) / ranks[place]
            num_matches[trial, number] = found
            nearer = matches.nearer[query, trial] + 1
            first_rank[trial, number] = nearer if by_identity else ranks[0]
            precision[trial, number] = total / found
            penalty[trial, number] = found / ranks[found - 1]
