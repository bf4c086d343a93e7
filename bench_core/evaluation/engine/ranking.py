"""Ranks the pool of all trials: batch by batch of queries, block by block of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.evaluation.engine.compiling import in_threads
from bench_core.evaluation.engine.counting import count_rows
from bench_core.evaluation.engine.matches import make_batches, make_part, score_matches
from bench_core.evaluation.engine.pool import split_audiences
from bench_core.evaluation.query_table import TrialQueries

if TYPE_CHECKING:
    from bench_core.contracts.protocol import CmcKind
    from bench_core.evaluation.engine.arrays import Matches, Part, Table
    from bench_core.evaluation.engine.pool import TrialPool
    from bench_core.evaluation.engine.sources import DistanceSource


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
    for matches in make_batches(source.pairs, pool, audiences, sizes.queries, sizes.counts):
        for start in range(0, len(pool.column_rows), sizes.columns):
            columns = slice(start, min(start + sizes.columns, len(pool.column_rows)))
            part = make_part(pool, audiences, columns, by_identity=by_identity)
            for rows, table in source.tables(matches, columns, sizes.values):
                _count(source, matches, table, part, rows)
        _score(matches, scores, by_identity=by_identity)
    return [scores[trial, own] for trial, own in enumerate(pool.trial_queries)]


def _count(source: DistanceSource, matches: Matches, table: Table, part: Part, rows: slice) -> None:
    def count(start: int, stop: int) -> None:
        count_rows(source.pairs, matches, table, part, rows.start + start, rows.start + stop)

    in_threads(count, rows.stop - rows.start)


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
