"""What each query finds in its gallery: the ranks of its matches, counted for all queries at once.

Letters in shapes: Q queries, G gallery images, I gallery identities, P pairs of a query and a
match of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from bench_core.contracts.protocol import CmcKind

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

_BLOCK_ELEMENTS = 2**21
"""Distances that are ranked at once; bounds the memory beyond the distances themselves."""


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
    queries = _Labels(np.asarray(query_identity), np.asarray(query_camera))
    gallery = _Gallery(np.asarray(gallery_identity), np.asarray(gallery_camera))
    _check_shapes(distances, queries, gallery)
    size = max(16, _BLOCK_ELEMENTS // len(gallery.identity))
    blocks = (slice(start, start + size) for start in range(0, len(distances), size))
    return _concatenate(
        [
            _score_block(
                _allowed_distances(distances, rows, queries, gallery, excluded_camera_pairs),
                queries.identity[rows],
                gallery,
                cmc,
            )
            for rows in blocks
        ]
    )


class _Labels:
    """Identity and camera of images."""

    def __init__(self, identity: IntArray, camera: IntArray) -> None:
        self.identity = identity
        self.camera = camera


class _Gallery(_Labels):
    """Labels of the gallery, and its columns grouped by identity.

    Attributes:
        identities: Distinct identities, ascending (I,).
        columns: Gallery columns, the ones of an identity together (G,).
        starts: Where in `columns` those of each identity start (I,).
    """

    def __init__(self, identity: IntArray, camera: IntArray) -> None:
        super().__init__(identity, camera)
        self.columns = np.argsort(identity, kind="stable")
        self.identities, self.starts = np.unique(identity[self.columns], return_index=True)


def _check_shapes(distances: FloatArray, queries: _Labels, gallery: _Gallery) -> None:
    labels = (queries.identity, queries.camera, gallery.identity, gallery.camera)
    num_queries, num_gallery = distances.shape
    expected = ((num_queries,), (num_queries,), (num_gallery,), (num_gallery,))
    if tuple(array.shape for array in labels) != expected:
        raise ValueError(f"identities and cameras do not fit distances of {distances.shape}")
    if not distances.size:
        raise DataError(
            f"nothing to score: {num_queries} query images and {num_gallery} gallery images"
        )


def _allowed_distances(
    distances: FloatArray,
    rows: slice,
    queries: _Labels,
    gallery: _Gallery,
    excluded_camera_pairs: Collection[tuple[int, int]],
) -> NDArray[np.float64]:
    """Copy a block of distances, infinite where query and gallery image may not meet."""
    block = distances[rows].astype(np.float64)
    _check_finite(block, rows.start)
    for query_camera, gallery_camera in excluded_camera_pairs:
        may_not_meet = np.ix_(
            queries.camera[rows] == query_camera, gallery.camera == gallery_camera
        )
        block[may_not_meet] = np.inf
    return block


def _check_finite(block: NDArray[np.float64], first_row: int) -> None:
    finite = np.isfinite(block)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise DataError(
            f"the distance of query {first_row + row} to gallery image {column} is "
            f"{block[row, column]}; only finite distances can be ranked"
        )


def _score_block(
    block: NDArray[np.float64], query_identity: IntArray, gallery: _Gallery, cmc: CmcKind
) -> QueryScores:
    query, match = np.nonzero(query_identity[:, np.newaxis] == gallery.identity)
    allowed = np.isfinite(block[query, match])
    query, match = query[allowed], match[allowed]
    ranks = _count_nearer(block, query, match) + 1
    ranks = ranks[np.lexsort((ranks, query))]
    num_matches = np.bincount(query, minlength=len(block))
    valid = np.flatnonzero(num_matches)
    ends = np.cumsum(num_matches)[valid]
    if cmc == "image":
        first = ranks[ends - num_matches[valid]]
    else:
        first = _count_nearer_identities(block[valid], query_identity[valid], gallery) + 1
    penalty = num_matches[valid] / ranks[ends - 1]
    return QueryScores(
        num_matches=num_matches,
        first_match_rank=_scatter(first, valid, num_matches),
        average_precision=_average_precision(query, ranks, num_matches),
        inverse_negative_penalty=_scatter(penalty, valid, num_matches),
    )


def _count_nearer(block: NDArray[np.float64], query: IntArray, match: IntArray) -> IntArray:
    """Count the gallery images that rank before each match.

    Rows where a match ties with another image are replaced in `block` by their ranks in gallery
    order, so that ties need no care from here on.
    """
    ordered = np.sort(block, axis=1)
    distance = block[query, match]
    nearer = _search(ordered, query, distance)
    following = np.minimum(nearer + 1, block.shape[1] - 1)
    tied = (following > nearer) & (ordered[query, following] == distance)
    if tied.any():
        rows = np.unique(query[tied])
        block[rows] = _stable_ranks(block[rows])
        changed = np.isin(query, rows)
        nearer[changed] = block[query[changed], match[changed]].astype(np.int64)
    return nearer


def _search(ordered: NDArray[np.float64], row: IntArray, value: NDArray[np.float64]) -> IntArray:
    """Count the elements of sorted row `row[p]` that are below `value[p]`, by bisection."""
    width = ordered.shape[1]
    low = np.zeros(len(row), dtype=np.int64)
    high = np.full(len(row), width, dtype=np.int64)
    for _ in range(width.bit_length()):
        middle = (low + high) // 2
        below = (low < high) & (ordered[row, np.minimum(middle, width - 1)] < value)
        low = np.where(below, middle + 1, low)
        high = np.where(below, high, middle)
    return low


def _stable_ranks(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(rows, axis=1, kind="stable")
    ranks = np.empty_like(rows)
    np.put_along_axis(ranks, order, np.arange(rows.shape[1], dtype=np.float64)[np.newaxis], axis=1)
    return ranks


def _count_nearer_identities(
    block: NDArray[np.float64], query_identity: IntArray, gallery: _Gallery
) -> IntArray:
    """Count the other identities with an image before the first match of each (valid) query."""
    nearest = np.minimum.reduceat(block[:, gallery.columns], gallery.starts, axis=1)
    own = np.searchsorted(gallery.identities, query_identity)
    first = nearest[np.arange(len(block)), own]
    nearer: IntArray = np.count_nonzero(nearest < first[:, np.newaxis], axis=1)
    return nearer


def _average_precision(
    query: IntArray, ranks: IntArray, num_matches: IntArray
) -> NDArray[np.float64]:
    """Average, over the matches of a query, k divided by the rank of the k-th match.

    Args:
        query: Query of each match, ascending (P,).
        ranks: Rank of each match, ascending within a query (P,).
        num_matches: Of each query (Q,).
    """
    starts = np.cumsum(num_matches) - num_matches
    place = np.arange(len(query)) - starts[query] + 1
    total = np.bincount(query, weights=place / ranks, minlength=len(num_matches))
    return total / np.maximum(num_matches, 1)


def _scatter(values: NDArray[Any], valid: IntArray, like: IntArray) -> NDArray[Any]:
    full = np.zeros(len(like), dtype=values.dtype)
    full[valid] = values
    return full


def _concatenate(parts: Sequence[QueryScores]) -> QueryScores:
    return QueryScores(
        num_matches=np.concatenate([part.num_matches for part in parts]),
        first_match_rank=np.concatenate([part.first_match_rank for part in parts]),
        average_precision=np.concatenate([part.average_precision for part in parts]),
        inverse_negative_penalty=np.concatenate([part.inverse_negative_penalty for part in parts]),
    )
