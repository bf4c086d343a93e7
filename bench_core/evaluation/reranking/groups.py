"""Queries that may meet the same gallery images, which are re-ranked together.

Letters in shapes: Q queries, G gallery images.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.reranking.contract import RerankerInput

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
IntArray: TypeAlias = "NDArray[np.int64]"
Group: TypeAlias = tuple[IntArray, IntArray]
"""Places of the queries (from 0 to Q) and of the gallery images (to G)."""


def query_groups(
    query_camera: IntArray,
    gallery_camera: IntArray,
    excluded_camera_pairs: Collection[tuple[int, int]],
) -> list[Group]:
    """Divide the queries of a trial by the gallery images that they may meet.

    In SYSU-MM01 all-search single-shot, the queries of camera 3 may meet the 245 gallery images
    outside camera 2, those of camera 6 all 301.

    Args:
        query_camera: Integers (Q,).
        gallery_camera: Integers (G,).
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet.

    Returns:
        The groups; queries that may meet nothing are in none.

    Examples:
        >>> groups = query_groups(np.array([3, 6]), np.array([1, 2, 2]), [(3, 2)])
        >>> [(queries.tolist(), gallery.tolist()) for queries, gallery in groups]
        [([0], [0]), ([1], [0, 1, 2])]
    """
    cameras, camera_of_query = np.unique(query_camera, return_inverse=True)
    visible = np.ones((len(cameras), len(gallery_camera)), dtype=np.bool_)
    for one, other in excluded_camera_pairs:
        visible[np.ix_(cameras == one, gallery_camera == other)] = False
    galleries, group_of_camera = np.unique(visible, axis=0, return_inverse=True)
    group_of_query = group_of_camera.reshape(-1)[camera_of_query]
    return [
        (np.flatnonzero(group_of_query == group), np.flatnonzero(gallery))
        for group, gallery in enumerate(galleries)
        if gallery.any()
    ]


def rerank_groups(
    images: RerankerInput,
    groups: Collection[Group],
    rerank: Callable[[RerankerInput], FloatArray],
) -> FloatArray:
    """Re-rank each group of queries with the gallery that it may meet, as if alone.

    Images that are removed before ranking so have no part in the ranking of the queries that they
    are removed for.

    Args:
        images: All images.
        groups: Of `query_groups`.
        rerank: Returns the distances of a group.

    Returns:
        Float (Q, G), smaller is nearer; pairs that may not meet, which ranking removes by the same
        rule, are as far apart as the farthest of the others.
    """
    whole = images.num_queries, images.num_gallery
    if [(len(queries), len(gallery)) for queries, gallery in groups] == [whole]:
        return rerank(images)
    result, apart = np.zeros(whole, dtype=np.float32), np.ones(whole, dtype=np.bool_)
    farthest = 0.0
    for queries, gallery in groups:
        distances = rerank(images.subset(queries, gallery))
        if apart.all():
            result, farthest = result.astype(distances.dtype), float(distances.max())
        here = np.ix_(queries, gallery)
        result[here], apart[here] = distances, False
        farthest = max(farthest, float(distances.max()))
    result[apart] = farthest
    return result
