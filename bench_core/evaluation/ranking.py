"""What each query finds in its gallery, where the distances of one trial are at hand.

Letters in shapes: Q queries, G gallery images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.evaluation.engine import GivenDistances, pool_trials, rank_pool

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from bench_core.contracts.protocol import CmcKind
    from bench_core.evaluation.query_table import TrialQueries

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"


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
) -> TrialQueries:
    """Rank the gallery of every query and score the ranks of its matches.

    Gallery images of an excluded camera are removed before ranking, whatever their identity.
    Images at the same distance rank in gallery order. Average precision and inverse negative
    penalty are of the list with all images; CMC kind "identity" keeps the first image of each
    identity only. So does the authors' MATLAB evaluation of SYSU-MM01 (Wu et al., ICCV 2017); the
    inverse negative penalty, which it lacks, is that of Ye et al., "Deep Learning for Person
    Re-identification: A Survey and Outlook", TPAMI 2021.

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
    labels = query_identity, query_camera, gallery_identity, gallery_camera
    num_queries, num_gallery = _checked_shape(distances, *map(np.asarray, labels))
    pool = pool_trials(
        np.concatenate([query_identity, gallery_identity]),
        np.concatenate([query_camera, gallery_camera]),
        [(np.arange(num_queries), num_queries + np.arange(num_gallery))],
        excluded_camera_pairs,
        excluded_match_camera_pairs,
    )
    columns = pool.column_rows - num_queries
    return rank_pool(GivenDistances(distances, pool.query_rows, columns), pool, cmc)[0]


def _checked_shape(distances: FloatArray, *labels: NDArray[Any]) -> tuple[int, int]:
    num_queries, num_gallery = distances.shape
    expected = ((num_queries,), (num_queries,), (num_gallery,), (num_gallery,))
    if tuple(array.shape for array in labels) != expected:
        raise ValueError(f"identities and cameras do not fit distances of {distances.shape}")
    return num_queries, num_gallery
