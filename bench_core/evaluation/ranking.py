"""What each query finds in its gallery: the ranks of its matches, for all trials at once.

Letters in shapes: Q queries, G gallery images, M matches of a trial, T trials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.evaluation.engine.counting import count_rows
from bench_core.evaluation.engine.matches import make_batches, make_part
from bench_core.evaluation.engine.pool import pool_trials, split_audiences
from bench_core.evaluation.engine.precision import score_matches
from bench_core.evaluation.engine.sources import GivenDistances
from bench_core.evaluation.engine.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from bench_core.contracts.protocol import CmcKind
    from bench_core.evaluation.engine.arrays import Matches, Part, Table
    from bench_core.evaluation.engine.pool import TrialPool
    from bench_core.evaluation.engine.sources import DistanceSource

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"


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


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryScores:
    """The scores of each query; a query without a match in its gallery counts in no average.

    Attributes:
        num_matches: int64 (Q,), gallery images of the query's identity that it may meet.
        first_match_rank: int64 (Q,), from 1, as the CMC curve counts it; 0 without a match.
        average_precision: float64 (Q,) in [0, 1], not interpolated; 0 without a match.
        inverse_negative_penalty: float64 (Q,) in [0, 1], number of matches divided by the rank
            of the last one; 0 without a match.
    """

    num_matches: IntArray
    first_match_rank: IntArray
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether the query has a match, bool (Q,)."""
        return self.num_matches > 0


def score_queries(  # noqa: PLR0913  # labels of both sides, and the rules of the protocol
    distances: FloatArray,
    *,
    query_identity: IntArray,
    query_camera: IntArray,
    gallery_identity: IntArray,
    gallery_camera: IntArray,
    excluded_camera_pairs: Collection[tuple[int, int]],
    excluded_match_camera_pairs: Collection[tuple[int, int]] = (),
    cmc: CmcKind,
) -> QueryScores:
    """Rank the gallery of every query and score the ranks of its matches.

    Gallery images of an excluded camera are removed before ranking, whatever their identity.
    Images at the same distance rank in gallery order. Average precision and inverse negative
    penalty are of the list with all images; CMC kind "identity" keeps the first image of each
    identity only.

    Args:
        distances: Float (Q, G), finite, smaller is nearer.
        query_identity: Integers (Q,).
        query_camera: Integers (Q,).
        gallery_identity: Integers (G,).
        gallery_camera: Integers (G,).
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet.
        excluded_match_camera_pairs: (query camera, gallery camera) pairs in which images of one
            identity may not meet.
        cmc: "identity" or "image".

    Returns:
        The scores of each query, in their order.

    Raises:
        ValueError: The labels do not fit the distances.
        DataError: A distance is NaN or infinite, or there is no query or no gallery image.

    Examples:
        >>> one = np.array([1])
        >>> scores = score_queries(
        ...     np.array([[0.3, 0.1, 0.2, 0.4]]),
        ...     query_identity=one, query_camera=one,
        ...     gallery_identity=np.array([1, 2, 2, 1]), gallery_camera=np.array([2, 2, 2, 2]),
        ...     excluded_camera_pairs=(), cmc="identity",
        ... )
        >>> scores.first_match_rank, scores.average_precision.round(4)
        (array([2]), array([0.4167]))
    """
    query_identity, gallery_identity = np.asarray(query_identity), np.asarray(gallery_identity)
    query_camera, gallery_camera = np.asarray(query_camera), np.asarray(gallery_camera)
    _check_shapes(distances, query_identity, query_camera, gallery_identity, gallery_camera)
    num_queries, num_gallery = distances.shape
    pool = pool_trials(
        np.concatenate([query_identity, gallery_identity]),
        np.concatenate([query_camera, gallery_camera]),
        [(np.arange(num_queries), num_queries + np.arange(num_gallery))],
        excluded_camera_pairs,
        excluded_match_camera_pairs,
    )
    source = GivenDistances(distances, pool.query_rows, pool.column_rows - num_queries)
    return rank_pool(source, pool, cmc)[0]


def rank_pool(
    source: DistanceSource, pool: TrialPool, cmc: CmcKind, sizes: BlockSizes | None = None
) -> list[QueryScores]:
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
    return [_select(scores, trial, own) for trial, own in enumerate(pool.trial_queries)]


def _count(source: DistanceSource, matches: Matches, table: Table, part: Part, rows: slice) -> None:
    def count(start: int, stop: int) -> None:
        count_rows(source.pairs, matches, table, part, rows.start + start, rows.start + stop)

    in_threads(count, rows.stop - rows.start)


def _score(matches: Matches, scores: QueryScores, *, by_identity: bool) -> None:
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


def _check_shapes(distances: FloatArray, *labels: NDArray[Any]) -> None:
    num_queries, num_gallery = distances.shape
    expected = ((num_queries,), (num_queries,), (num_gallery,), (num_gallery,))
    if tuple(array.shape for array in labels) != expected:
        raise ValueError(f"identities and cameras do not fit distances of {distances.shape}")


def _no_scores(*shape: int) -> QueryScores:
    return QueryScores(
        num_matches=np.zeros(shape, dtype=np.int64),
        first_match_rank=np.zeros(shape, dtype=np.int64),
        average_precision=np.zeros(shape),
        inverse_negative_penalty=np.zeros(shape),
    )


def _select(scores: QueryScores, trial: int, queries: IntArray) -> QueryScores:
    return QueryScores(
        num_matches=scores.num_matches[trial, queries],
        first_match_rank=scores.first_match_rank[trial, queries],
        average_precision=scores.average_precision[trial, queries],
        inverse_negative_penalty=scores.inverse_negative_penalty[trial, queries],
    )
