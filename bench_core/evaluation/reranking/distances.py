"""Where re-ranking gets the distances between all images, queries and gallery images alike.

Letters in shapes: Q queries, G gallery images, N = Q + G images, V views, D dimensions, B images
of a block, P pairs of images. Image i is query i for i < Q, else gallery image i - Q.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.distances import check_lengths, check_shapes
from bench_core.evaluation.scaling import find_largest, is_wide, scale_together, scale_views
from bench_core.evaluation.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
Exact: TypeAlias = "NDArray[np.float64]"
IntArray: TypeAlias = "NDArray[np.int64]"

_BLOCK_ELEMENTS = 2**22
"""Feature elements that are converted at once; bounds the memory beyond the features."""

_ORIGIN_SAMPLE = 257
_PAIR_ELEMENTS = 2**17
"""Feature elements that are subtracted at once for single pairs: a cache's worth."""


class ImageDistances(Protocol):
    """The distances between all N images of a re-ranking, computed when asked for.

    Nothing holds N x N of them: re-ranking asks for some rows and some pairs.
    """

    @property
    def num_queries(self) -> int:
        """Q."""
        ...

    @property
    def metric(self) -> Metric:
        """Re-ranking squares "euclidean" distances, and no others."""
        ...

    @property
    def num_gallery(self) -> int:
        """G."""
        ...

    def rows(self, start: int, stop: int) -> FloatArray | torch.Tensor:
        """Return the distances of images `start` to `stop` to all images, float (B, N).

        A tensor may lie on an accelerator, where the nearest images are then found.
        """
        ...

    def pairs(self, first: IntArray, second: IntArray) -> Exact:
        """Return the distances of pairs of images, given as int64 (P,), in float64 (P,)."""
        ...

    def subset(self, queries: IntArray, gallery: IntArray) -> ImageDistances:
        """Return the distances between some queries (from 0 to Q) and gallery images (to G)."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureImages:
    """Distances between features in main memory, in float64.

    Attributes:
        features: float64 (V, N, D); of length 1 for the cosine metric, and moved so that a point
            amid them is the origin, which changes no distance.
        squares: float64 (V, N), their squared lengths.
        num_queries: Q.
        metric: "euclidean" or "cosine".
    """

    features: Exact
    squares: Exact
    num_queries: int
    metric: Metric

    @property
    def num_gallery(self) -> int:
        """G."""
        return int(self.features.shape[1]) - self.num_queries

    def rows(self, start: int, stop: int) -> Exact:
        """Return the distances of images `start` to `stop` to all images, float64 (B, N)."""
        total = np.zeros((stop - start, self.features.shape[1]))
        for view, squares in zip(self.features, self.squares, strict=True):
            add = partial(self._add_rows, total, view[start:stop] @ view.T, squares, start)
            in_threads(add, stop - start)
        return total

    def pairs(self, first: IntArray, second: IntArray) -> Exact:
        """Return the distances of pairs of images, given as int64 (P,), in float64 (P,)."""
        total = np.zeros(len(first))
        size = max(1, _PAIR_ELEMENTS // max(1, self.features.shape[2]))

        def measure(start: int, stop: int) -> None:
            for place in range(start, stop, size):
                some = slice(place, min(place + size, stop))
                for view in self.features:
                    difference = view[first[some]] - view[second[some]]
                    squared = np.einsum("pd,pd->p", difference, difference)
                    total[some] += self._distance(squared)

        in_threads(measure, len(first))
        return total

    def subset(self, queries: IntArray, gallery: IntArray) -> FeatureImages:
        """Return the distances between some queries (from 0 to Q) and gallery images (to G)."""
        images = np.concatenate([queries, gallery + self.num_queries])
        return replace(
            self,
            features=self.features[:, images],
            squares=self.squares[:, images],
            num_queries=len(queries),
        )

    def _add_rows(
        self, total: Exact, products: Exact, squares: Exact, first: int, start: int, stop: int
    ) -> None:
        """Add the distances of a view, given as products; row 0 is that of image `first`."""
        found, images = products[start:stop], np.arange(first + start, first + stop)
        found *= -2.0
        found += squares
        found += squares[images, np.newaxis]
        # Rounding leaves the distance of an image to itself near 0, on either side.
        np.maximum(found, 0.0, out=found)
        found[images - images[0], images] = 0.0
        total[start:stop] += self._distance(found)

    def _distance(self, squared: Exact) -> Exact:
        if self.metric == "cosine":
            # |u - v|^2 = 2 - 2 cos(u, v) for vectors of length 1.
            return np.multiply(squared, 0.5, out=squared)
        return np.sqrt(squared, out=squared)


def feature_distances(
    query: FloatArray,
    gallery: FloatArray,
    metric: Metric,
    *,
    device: torch.device | str = "cpu",
) -> ImageDistances:
    """Prepare features for re-ranking: a float64 copy on the device.

    The distance of two images is the sum over views of the Euclidean distance (not squared), or
    of the cosine distance, 1 - cosine similarity.

    Args:
        query: Float (Q, V, D).
        gallery: Float (G, V, D).
        metric: "euclidean" or "cosine".
        device: Where to compute.

    Returns:
        The distances, computed when asked for; those of very large or very small features are
        times a power of two, which re-ranking divides out again.

    Raises:
        ValueError: The shapes do not fit.
        DataError: A feature is NaN or infinite, or all zeros under the cosine metric; or Euclidean
            features differ too much in size.

    Examples:
        >>> distances = feature_distances(
        ...     np.array([[[0.0, 0.0]]]), np.array([[[3.0, 4.0]]]), "euclidean"
        ... )
        >>> distances.rows(0, 2).tolist()
        [[0.0, 5.0], [5.0, 0.0]]
    """
    check_shapes(query, gallery)
    query, gallery = _scaled(query, gallery, metric)
    features = _prepared(query, gallery, metric)
    images = FeatureImages(
        features=features,
        squares=np.einsum("vnd,vnd->vn", features, features),
        num_queries=len(query),
        metric=metric,
    )
    if str(device) == "cpu":
        return images
    from bench_core.evaluation.reranking.devices import DeviceImages

    return DeviceImages.of(images, device)


def _prepared(query: FloatArray, gallery: FloatArray, metric: Metric) -> Exact:
    """Copy features to float64 (V, N, D), of length 1 for the cosine, around a point amid them."""
    num_views, num_dimensions = query.shape[1:]
    features = np.empty((num_views, len(query) + len(gallery), num_dimensions))
    for role, part, first in (("query", query, 0), ("gallery", gallery, len(query))):
        if metric == "cosine":
            check_lengths(np.any(part, axis=2), np.arange(len(part)), role)
        for start, block in _blocks(part):
            lengths = np.linalg.norm(block, axis=2, keepdims=True)
            _check_finite(lengths, role, start)
            scaled = block / lengths if metric == "cosine" else block
            target = slice(first + start, first + start + len(block))
            features[:, target] = scaled.swapaxes(0, 1)
    if features.shape[1]:
        features -= _point_amid(features)
    return features


def _point_amid(features: Exact) -> Exact:
    """Return the median (V, 1, D) of some images, which no single one of them moves.

    Distances do not depend on the origin, but their digits do: squared lengths of vectors that are
    far from it lose those that distances are made of.
    """
    num_images = features.shape[1]
    places = np.linspace(0, num_images - 1, min(num_images, _ORIGIN_SAMPLE)).round().astype(int)
    # The lower of two in the middle: a feature that is there, so that equal ones have distance 0.
    middle = (len(places) - 1) // 2
    median: Exact = np.partition(features[:, places], middle, axis=1)[:, middle : middle + 1]
    return median


def _scaled(query: FloatArray, gallery: FloatArray, metric: Metric) -> list[FloatArray]:
    """Bring features to a size whose squares can be added."""
    if metric == "cosine":
        return [scale_views(query), scale_views(gallery)]
    largest = np.concatenate([find_largest(part).max(axis=1) for part in (query, gallery)])
    if is_wide(largest):
        sizes = largest[largest > 0]
        raise DataError(
            f"the features are of sizes from {sizes.min():g} to {sizes.max():g}: too far apart to "
            "be re-ranked by Euclidean distances; scale them, or use the cosine metric"
        )
    return scale_together(query, gallery, largest=largest)[0]


def _blocks(features: FloatArray) -> Iterator[tuple[int, Exact]]:
    """Copy features to float64 a block at a time; they may be memory-mapped."""
    size = max(1, _BLOCK_ELEMENTS // max(1, features[:1].size))
    for start in range(0, len(features), size):
        yield start, features[start : start + size].astype(np.float64)


def _check_finite(lengths: Exact, role: str, first: int) -> None:
    wrong = np.flatnonzero(~np.isfinite(lengths).all(axis=(1, 2)))
    if wrong.size:
        raise DataError(
            f"the {role} feature in row {first + wrong[0]} is NaN or infinite; only finite ones "
            "are compared"
        )
