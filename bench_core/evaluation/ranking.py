"""What each query finds in its gallery: the ranks of its matches, for all trials at once.

Letters in shapes: Q queries, G gallery images, M matches of a trial, T trials.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.evaluation.passes import BlockSizes, count_pool
from bench_core.evaluation.pool import Fields, pool_trials
from bench_core.evaluation.sources import GivenDistances

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from bench_core.contracts.protocol import CmcKind
    from bench_core.evaluation.matches import Batch
    from bench_core.evaluation.pool import TrialPool
    from bench_core.evaluation.sources import DistanceSource

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

_RANK_BITS = 32


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


def score_queries(
    distances: FloatArray,
    *,
    query_identity: IntArray,
    query_camera: IntArray,
    gallery_identity: IntArray,
    gallery_camera: IntArray,
    excluded_camera_pairs: Collection[tuple[int, int]],
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
    fields = Fields.for_pool(pool)
    scores = [_no_scores(len(pool.query_rows)) for _ in range(pool.num_trials)]
    by_identity = cmc == "identity"
    for batch in count_pool(
        source, pool, fields, by_identity=by_identity, sizes=sizes or BlockSizes()
    ):
        for trial, score in enumerate(scores):
            _fill(score, batch, fields, trial, by_identity=by_identity)
    return [
        _select(score, queries) for score, queries in zip(scores, pool.trial_queries, strict=True)
    ]


def _check_shapes(distances: FloatArray, *labels: NDArray[Any]) -> None:
    num_queries, num_gallery = distances.shape
    expected = ((num_queries,), (num_queries,), (num_gallery,), (num_gallery,))
    if tuple(array.shape for array in labels) != expected:
        raise ValueError(f"identities and cameras do not fit distances of {distances.shape}")


def _no_scores(num_queries: int) -> QueryScores:
    return QueryScores(
        num_matches=np.zeros(num_queries, dtype=np.int64),
        first_match_rank=np.zeros(num_queries, dtype=np.int64),
        average_precision=np.zeros(num_queries),
        inverse_negative_penalty=np.zeros(num_queries),
    )


def _fill(
    scores: QueryScores, batch: Batch, fields: Fields, trial: int, *, by_identity: bool
) -> None:
    """Write the scores of a batch's queries in a trial."""
    match = np.flatnonzero((batch.trials >> trial) & 1)
    ranks = fields.count(batch.words[match], trial) + 1
    # One integer a match sorts faster than two keys.
    ordered = np.sort((batch.row[match] << _RANK_BITS) + ranks)
    row, ranks = ordered >> _RANK_BITS, ordered & (2**_RANK_BITS - 1)
    num_matches = np.bincount(row, minlength=len(batch.rows))
    valid = np.flatnonzero(num_matches)
    queries = batch.rows[valid]
    ends = np.cumsum(num_matches)[valid]
    num_matches = num_matches[valid]
    first = ranks[ends - num_matches]
    if by_identity:
        first = batch.nearer_identities[valid, trial] + 1
    place = np.arange(len(row)) - np.repeat(ends - num_matches, num_matches) + 1
    precision = np.bincount(row, weights=place / ranks, minlength=len(batch.rows))[valid]
    scores.num_matches[queries] = num_matches
    scores.first_match_rank[queries] = first
    scores.average_precision[queries] = precision / num_matches
    scores.inverse_negative_penalty[queries] = num_matches / ranks[ends - 1]


def _select(scores: QueryScores, queries: IntArray) -> QueryScores:
    return replace(
        scores,
        num_matches=scores.num_matches[queries],
        first_match_rank=scores.first_match_rank[queries],
        average_precision=scores.average_precision[queries],
        inverse_negative_penalty=scores.inverse_negative_penalty[queries],
    )
