"""The nearest gallery images of a query, exactly, in one pass over features that may lie on a disk.

A product in float32 gives every distance within bounds that no rounding leaves (Higham, Accuracy
and Stability of Numerical Algorithms, section 3.1). What may be among the nearest by these bounds
is computed anew in float64, by differences, and ranked by that. Of features that are all alike,
this is the whole gallery: slower, and as exact.

Letters in shapes: Q queries, G gallery images, N images of a part, B of a block, V views,
D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.evaluation.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

Float32: TypeAlias = "NDArray[np.float32]"
Float64: TypeAlias = "NDArray[np.float64]"
Rows: TypeAlias = "NDArray[np.int64]"

QUERIES_TOGETHER = 32
"""Queries of a pass: their bounds are held for the whole gallery, 16 bytes an image and query."""
_BLOCK_NUMBERS = 2**21
"""Numbers of a block: 8 MiB of features."""
_EXACT_NUMBERS = 2**21
"""Numbers that are converted to float64 at once: 16 MiB."""
_UNIT_ROUNDOFF = 2.0**-24
"""Of float32."""
_SMALLEST = 2.0**-126
"""What a product in float32 may lose to zero."""


@dataclass(frozen=True, eq=False)
class FeaturePart:
    """Features of some gallery images, whose rows follow those of the part before.

    Attributes:
        features: float32 (N, V, D), finite; may be memory-mapped.
        squares: float64 (N, V), the squared length of each view, from `squared_lengths`.
    """

    features: Float32
    squares: Float64


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest gallery images of a query, the nearest first.

    Attributes:
        rows: int64 (K,), counted through all parts.
        distances: float64 (K,), not negative.
    """

    rows: Rows
    distances: Float64


def squared_lengths(features: Float32) -> Float64:
    """Return the squared length of each view, float64 (N, V).

    Args:
        features: float32 (N, V, D), finite.

    Examples:
        >>> squared_lengths(np.array([[[3.0, 4.0]]], dtype=np.float32))
        array([[25.]])
    """
    squares = np.empty(features.shape[:2])
    for rows in _blocks(len(features), features.shape[1:], _EXACT_NUMBERS):
        block = features[rows].astype(np.float64)
        np.einsum("nvd,nvd->nv", block, block, out=squares[rows])
    return squares


def find_nearest(
    query: Float32,
    gallery: Sequence[FeaturePart],
    metric: Metric,
    top: int,
    *,
    order: Rows,
    hidden: Sequence[Rows],
) -> list[Nearest]:
    """Find the nearest gallery images of each query.

    A distance is the sum over views of the Euclidean (not squared) or cosine distance, as in
    `pairwise_distances`, here from differences in float64: equal features are at exactly the same
    distance, and equal to the query's at exactly 0.

    Args:
        query: float32 (Q, V, D), finite.
        gallery: Its parts; G images in all.
        metric: "euclidean" or "cosine"; for the cosine no view may be all zeros.
        top: How many to find at most, from 1.
        order: int64 (G,), a number for each row: of images at the same distance, the one with the
            smaller number is nearer.
        hidden: For each query, rows that are not found.

    Returns:
        For each query, its `top` nearest; fewer where the gallery has no more.

    Raises:
        ValueError: The shapes do not fit.

    Examples:
        >>> features = np.array([[[0.0]], [[2.0]], [[5.0]]], dtype=np.float32)
        >>> part = FeaturePart(features, squared_lengths(features))
        >>> none = np.empty(0, dtype=np.int64)
        >>> found = find_nearest(
        ...     features[2:], [part], "euclidean", 2, order=np.arange(3), hidden=[none]
        ... )
        >>> found[0].rows.tolist(), found[0].distances.tolist()
        ([2, 1], [0.0, 3.0])
    """
    _check_shapes(query, gallery, order, hidden)
    found = []
    for start in range(0, len(query), QUERIES_TOGETHER):
        some = slice(start, start + QUERIES_TOGETHER)
        lower, upper = _bounds(query[some], gallery, metric)
        for row, near, far, away in zip(query[some], lower, upper, hidden[some], strict=True):
            near[away] = far[away] = np.inf
            candidates = _candidates(near, far, top)
            distances = _exact_distances(row, _gathered(gallery, candidates), metric)
            chosen = np.lexsort((order[candidates], distances))[:top]
            found.append(Nearest(candidates[chosen], distances[chosen]))
    return found


def _check_shapes(
    query: Float32, gallery: Sequence[FeaturePart], order: Rows, hidden: Sequence[Rows]
) -> None:
    if len(hidden) != len(query):
        raise ValueError(f"hidden rows of {len(hidden)} queries do not fit {len(query)} queries")
    shapes = [part.features.shape for part in gallery]
    if any(shape[1:] != query.shape[1:] for shape in shapes):
        raise ValueError(f"gallery features of {shapes} do not fit queries of {query.shape}")
    if sum(shape[0] for shape in shapes) != len(order):
        raise ValueError(f"an order of {len(order)} rows does not fit a gallery of {shapes}")


def _blocks(num_rows: int, shape: tuple[int, ...], numbers: int) -> Iterator[slice]:
    size = max(1, numbers // max(1, int(np.prod(shape))))
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))


def _bounds(
    query: Float32, gallery: Sequence[FeaturePart], metric: Metric
) -> tuple[Float64, Float64]:
    """Return bounds of all distances, float64 (Q, G) each; the upper may be infinite."""
    squares = squared_lengths(query)
    starts = np.cumsum([0, *(len(part.features) for part in gallery)]).tolist()
    jobs = [
        (part, rows, slice(first + rows.start, first + rows.stop))
        for first, part in zip(starts, gallery, strict=False)
        for rows in _blocks(len(part.features), query.shape[1:], _BLOCK_NUMBERS)
    ]

    lower, upper = np.empty((2, len(query), starts[-1]))

    def bound(start: int, stop: int) -> None:
        for part, rows, columns in jobs[start:stop]:
            block = FeaturePart(part.features[rows], part.squares[rows])
            lower[:, columns], upper[:, columns] = _bounds_of_block(query, squares, block, metric)

    in_threads(bound, len(jobs), least=1)
    return lower, upper


def _bounds_of_block(
    query: Float32, squares: Float64, block: FeaturePart, metric: Metric
) -> tuple[Float64, Float64]:
    """Bound the distances of queries and a block, float64 (Q, B) each."""
    num_dimensions = query.shape[2]
    roundings = (num_dimensions + 8) * _UNIT_ROUNDOFF
    relative = roundings / (1 - roundings)
    absolute = num_dimensions * _SMALLEST
    rounding = (num_dimensions + 8) * float(np.finfo(np.float64).eps)
    lower, upper = np.zeros((2, len(query), len(block.features)))
    for view in range(query.shape[1]):
        # Values beyond float32 have no bounds, and are computed exactly.
        with np.errstate(over="ignore", invalid="ignore"):
            products = (query[:, view] @ block.features[:, view].T).astype(np.float64)
        lengths = np.sqrt(np.outer(squares[:, view], block.squares[:, view]))
        error = relative * lengths + absolute
        if metric == "cosine":
            middle = 1 - products / lengths
            error = error / lengths + rounding
        else:
            total = np.add.outer(squares[:, view], block.squares[:, view])
            middle = total - 2 * products
            error = 2 * error + rounding * total
        low, high = np.maximum(middle - error, 0), np.maximum(middle + error, 0)
        unknown = ~np.isfinite(products)
        low[unknown], high[unknown] = 0, np.inf
        if metric == "euclidean":
            low, high = np.sqrt(low), np.sqrt(high)
        lower += low
        upper += high
    return lower, upper


def _candidates(lower: Float64, upper: Float64, top: int) -> Rows:
    """Return the rows that may be among the nearest: none is farther than the `top`-th at most."""
    if not len(upper):
        return np.empty(0, dtype=np.int64)
    reach = np.partition(upper, min(top, len(upper)) - 1)[min(top, len(upper)) - 1]
    return np.flatnonzero((lower <= reach * (1 + 1e-9)) & (lower < np.inf))


def _gathered(gallery: Sequence[FeaturePart], rows: Rows) -> Iterator[Float64]:
    """Yield the features of ascending rows, some at a time, float64 (B, V, D)."""
    first = 0
    for part in gallery:
        own = rows[slice(*np.searchsorted(rows, [first, first + len(part.features)]))] - first
        for some in _blocks(len(own), part.features.shape[1:], _EXACT_NUMBERS):
            yield part.features[own[some]].astype(np.float64)
        first += len(part.features)


def _exact_distances(query: Float32, blocks: Iterator[Float64], metric: Metric) -> Float64:
    """Return the distances of a query (V, D) to gathered features, float64."""
    own = query.astype(np.float64)
    if metric == "cosine":
        own /= np.linalg.norm(own, axis=1, keepdims=True)
    found = [np.empty(0)]
    for block in blocks:
        if metric == "cosine":
            block /= np.linalg.norm(block, axis=2, keepdims=True)  # noqa: PLW2901  # its own copy
        block -= own  # noqa: PLW2901
        squared = np.einsum("bvd,bvd->bv", block, block)
        # |u - v|^2 = 2 - 2 cos(u, v) for vectors of length 1.
        distances = squared / 2 if metric == "cosine" else np.sqrt(squared)
        found.append(distances.sum(axis=1))
    return np.concatenate(found)
