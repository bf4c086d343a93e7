"""Ranks the pool of all trials: batch by batch of queries, block by block of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.evaluation.engine.counting import Close, Compared, compare_values, count_columns
from bench_core.evaluation.engine.lanes import BITS
from bench_core.evaluation.engine.matches import make_batches, make_part, score_matches
from bench_core.evaluation.engine.pool import split_audiences
from bench_core.evaluation.query_table import TrialQueries
from bench_core.evaluation.threads import in_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.protocol import CmcKind
    from bench_core.evaluation.engine.arrays import Matches, Part
    from bench_core.evaluation.engine.pool import TrialPool
    from bench_core.evaluation.engine.sources import DistanceSource
    from bench_core.evaluation.engine.tables import Table

_COUNTED_TOGETHER = 2**19
"""Values that are counted at once."""


@dataclass(frozen=True, kw_only=True)
class BlockSizes:
    """How much is worked on at once; decides memory and speed, never a result.

    Attributes:
        columns: Gallery images of a block.
        values: Distances that are computed at once.
        queries: Queries of a batch.
        counts: Counts, of a possible match in a trial, that are kept at once.
    """

    columns: int = 8192
    values: int = 2**23
    queries: int = 8192
    counts: int = 2**24


def rank_pool(
    source: DistanceSource, pool: TrialPool, cmc: CmcKind, sizes: BlockSizes | None = None
) -> list[TrialQueries]:
    """Score the queries of every trial of a pool, by the rules of `score_queries`.

    Args:
        source: Distances of the pool.
        pool: The trials.
        cmc: "identity" or "image".
        sizes: How much is worked on at once.

    Returns:
        For each trial the scores of its queries, in its order.

    Raises:
        DataError: A distance is NaN or infinite.
    """
    audiences, sizes = split_audiences(pool), sizes or BlockSizes()
    by_identity = cmc == "identity"
    scores = _no_scores(pool.num_trials, len(pool.query_rows))
    for matches in make_batches(source, pool, audiences, sizes.queries, sizes.counts):
        for start in range(0, len(pool.column_rows), sizes.columns):
            columns = slice(start, min(start + sizes.columns, len(pool.column_rows)))
            part = make_part(pool, audiences, columns, by_identity=by_identity)
            for rows, table in source.tables(matches, columns, sizes.values):
                _count(source, matches, table, part, rows)
        _score(matches, scores, by_identity=by_identity)
    return [scores[trial, own] for trial, own in enumerate(pool.trial_queries)]


def _count(source: DistanceSource, matches: Matches, table: Table, part: Part, rows: slice) -> None:
    size = max(1, _COUNTED_TOGETHER // part.num_columns)

    def count(start: int, stop: int) -> None:
        firsts = range(rows.start + start, rows.start + stop, size)
        parts = [slice(first, min(first + size, rows.start + stop)) for first in firsts]
        num_places = max(matches.starts[some.stop] - matches.starts[some.start] for some in parts)
        num_words = len(part.ends)
        values = np.full((min(size, stop - start), BITS * num_words), np.nan, np.float32)
        before = np.empty((num_places, num_words), np.uint64)
        for some in parts:
            _count_some(
                source, matches, table, part, some, values[: some.stop - some.start], before
            )

    in_threads(count, rows.stop - rows.start)


def _count_some(  # the two last ones are memory to be used again
    source: DistanceSource,
    matches: Matches,
    table: Table,
    part: Part,
    rows: slice,
    values: NDArray[np.float32],
    before: NDArray[np.uint64],
) -> None:
    """Count what is before the matches of a few queries, whose values stay in a cache."""
    starts = matches.starts[rows.start : rows.stop + 1]
    order = matches.order[starts[0] : starts[-1]]
    query = np.repeat(np.arange(rows.start, rows.stop), np.diff(starts))
    lower, upper = table.windows(query, matches.exact[order])
    table.fill(rows, values[:, : part.num_columns])
    close = np.empty((len(values), len(part.ends)), np.uint64)
    compare_values(matches, part, rows.start, Compared(values, lower, upper, before, close))
    number, column = _find_bits(close)
    number += rows.start
    exact = source.measure(matches.queries[number], part.first + column)
    tied = np.zeros(part.galleries.shape[1:], np.uint64)
    pairs = Close(number, column, exact)
    count_columns(matches, part, rows.start, len(values), before, pairs, tied)


def _find_bits(words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of each bit that is set in words (rows, W), in this order."""
    row, word = np.nonzero(words)
    octets = words[row, word].astype("<u8", copy=False).view(np.uint8).reshape(-1, BITS // 8)
    place, bit = np.nonzero(np.unpackbits(octets, axis=1, bitorder="little"))
    return row[place], BITS * word[place] + bit


def _score(matches: Matches, scores: TrialQueries, *, by_identity: bool) -> None:
    def score(start: int, stop: int) -> None:
        score_matches(
            matches,
            scores.num_matches,
            scores.first_match_rank,
            scores.average_precision,
            scores.inverse_negative_penalty,
            by_identity,
            start,
            stop,
        )

    in_threads(score, len(matches.queries))


def _no_scores(*shape: int) -> TrialQueries:
    return TrialQueries(
        num_matches=np.zeros(shape, dtype=np.int64),
        first_match_rank=np.zeros(shape, dtype=np.int64),
        average_precision=np.zeros(shape),
        inverse_negative_penalty=np.zeros(shape),
    )
