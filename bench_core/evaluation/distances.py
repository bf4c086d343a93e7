"""Distances between all queries and all gallery images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.scaling import scale_together, scale_views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

_BLOCK_ELEMENTS = 2**22
_ORIGIN_SAMPLE = 101


def pairwise_distances(
    query: FloatArray, gallery: FloatArray, metric: Metric
) -> NDArray[np.float64]:
    """Compute the distance of every query to every gallery image, in float64.

    The distance of two images is the sum over views of the Euclidean distance (not squared), or
    of the cosine distance, 1 - cosine similarity. Features are converted block by block, so that
    float32 features need no float64 copy.

    Args:
        query: Float (Q, V, D), finite.
        gallery: Float (G, V, D), finite.
        metric: "euclidean" or "cosine".

    Returns:
        float64 (Q, G), not negative, smaller is nearer; infinite where float64 does not reach.
        Where all features are equal, all distances are exactly 0.

    Raises:
        ValueError: The shapes do not fit.
        DataError: A feature is all zeros, so that its cosine is undefined.

    Examples:
        >>> query = np.array([[[0.0, 0.0]]])
        >>> gallery = np.array([[[3.0, 4.0]], [[0.0, 0.0]]])
        >>> pairwise_distances(query, gallery, "euclidean")
        array([[5., 0.]])
    """
    check_shapes(query, gallery)
    if metric == "cosine":
        check_lengths(np.any(query, axis=2), np.arange(len(query)), "query")
        check_lengths(np.any(gallery, axis=2), np.arange(len(gallery)), "gallery")
        query, gallery = scale_views(query), scale_views(gallery)
    distances = np.zeros((len(query), len(gallery)))
    if not distances.size:
        return distances
    (query, gallery), exponent = scale_together(query, gallery)
    for view in range(query.shape[1]):
        _add_view(distances, query[:, view], gallery[:, view], metric)
    if exponent:
        with np.errstate(over="ignore"):
            np.ldexp(distances, -exponent, out=distances)
    return distances


def check_shapes(query: FloatArray, gallery: FloatArray) -> None:
    """Check that features can be compared: (Q, V, D) and (G, V, D).

    Raises:
        ValueError: The shapes do not fit.
    """
    if query.ndim != 3 or gallery.ndim != 3 or query.shape[1:] != gallery.shape[1:]:
        raise ValueError(
            f"query and gallery must be (images, views, dimensions) with the same views and "
            f"dimensions, not {query.shape} and {gallery.shape}"
        )


def check_lengths(present: NDArray[np.bool_], rows: NDArray[np.int64], role: str) -> None:
    """Check that no view of a feature is all zeros.

    Args:
        present: bool (N, V), whether a view is not.
        rows: Row of each feature in the caller's table (N,).
        role: "query" or "gallery", for the message.

    Raises:
        DataError: One is.
    """
    zero = np.flatnonzero(~present.all(axis=1))
    if zero.size:
        raise DataError(
            f"{zero.size} of {len(present)} {role} features are all zeros, the first in row "
            f"{rows[zero[0]]}, so they have no cosine distance; use the euclidean metric or leave "
            "the images out"
        )


def _add_view(
    distances: NDArray[np.float64], query: FloatArray, gallery: FloatArray, metric: Metric
) -> None:
    origin = _origin(gallery, metric)
    for rows, query_block in _blocks(query, metric, origin):
        for columns, gallery_block in _blocks(gallery, metric, origin):
            squared = _squared_distances(query_block, gallery_block)
            if metric == "cosine":
                # |u - v|^2 = 2 - 2 cos(u, v) for vectors of length 1.
                squared *= 0.5
            else:
                np.sqrt(squared, out=squared)
            distances[rows, columns] += squared


def _origin(gallery: FloatArray, metric: Metric) -> NDArray[np.float64]:
    """Pick a point amid the features; distances to a near origin lose no digits to cancellation.

    The median of an odd number of features is, for equal features, exactly that feature: a
    collapsed model gets distances of exactly 0 and so is ranked by gallery order, not by noise.
    """
    sample = np.linspace(0, len(gallery) - 1, _ORIGIN_SAMPLE).astype(np.int64)
    origin: NDArray[np.float64] = np.median(_prepared(gallery[sample], metric), axis=0)
    return origin


def _blocks(
    features: FloatArray, metric: Metric, origin: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    size = max(256, min(2048, _BLOCK_ELEMENTS // max(1, features.shape[1])))
    for start in range(0, len(features), size):
        block = slice(start, start + size)
        yield block, _prepared(features[block], metric) - origin


def _prepared(features: FloatArray, metric: Metric) -> NDArray[np.float64]:
    converted = features.astype(np.float64)
    if metric == "cosine":
        converted /= np.linalg.norm(converted, axis=1, keepdims=True)
    return converted


def _squared_distances(
    query: NDArray[np.float64], gallery: NDArray[np.float64]
) -> NDArray[np.float64]:
    squared: NDArray[np.float64] = query @ gallery.T
    squared *= -2.0
    squared += np.einsum("qd,qd->q", query, query)[:, np.newaxis]
    squared += np.einsum("gd,gd->g", gallery, gallery)[np.newaxis]
    # Rounding may take the distance of equal features below zero.
    return np.maximum(squared, 0.0, out=squared)
