"""Where re-ranking gets the distances between all images, queries and gallery images alike.

Letters in shapes: Q queries, G gallery images, N = Q + G images, V views, D dimensions, B images
of a block, P pairs of images. Image i is query i for i < Q, else gallery image i - Q.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from operator import iadd
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bench_core.contracts.errors import DataError
from bench_core.evaluation.engine.scaling import find_largest, is_wide, scale_together, scale_views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
IntArray: TypeAlias = "NDArray[np.int64]"

_BLOCK_ELEMENTS = 2**22
"""Feature elements that are converted at once; bounds the memory beyond the features."""

_ORIGIN_SAMPLE = 257
_PAIR_ELEMENTS = 2**17
"""Feature elements that are subtracted at once for single pairs: a cache's worth."""


class ImageDistances(Protocol):
    """The distances between all N images of a re-ranking, computed when asked for.

    Anything with these members can be re-ranked; nothing has to hold N x N distances.
    """

    @property
    def num_queries(self) -> int:
        """Q."""
        ...

    @property
    def num_gallery(self) -> int:
        """G."""
        ...

    @property
    def metric(self) -> Metric:
        """What the distances are: re-ranking squares Euclidean distances, and no others."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the distances are, and where re-ranking computes."""
        ...

    def rows(self, start: int, stop: int) -> Tensor:
        """Return the distances of images `start` to `stop` to all images, float (B, N)."""
        ...

    def pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distances of pairs of images, given as int64 (P,), in float64 (P,)."""
        ...

    def subset(self, queries: IntArray, gallery: IntArray) -> ImageDistances:
        """Return the distances between some queries (from 0 to Q) and gallery images (to G)."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureDistances:
    """Distances computed from features, in float64, a block of rows at a time.

    Attributes:
        features: float64 (V, N, D) on the device; of length 1 for the cosine metric, and moved
            so that the first image is the origin, which changes no distance.
        squares: float64 (V, N), their squared lengths.
        num_queries: Q.
        metric: "euclidean" or "cosine".
    """

    features: Tensor
    squares: Tensor
    num_queries: int
    metric: Metric

    @property
    def num_gallery(self) -> int:
        """G."""
        return self.features.shape[1] - self.num_queries

    @property
    def device(self) -> torch.device:
        """Where the features are."""
        return self.features.device

    def rows(self, start: int, stop: int) -> Tensor:
        """Return the distances of images `start` to `stop` to all images, float64 (B, N)."""
        views = zip(self.features, self.squares, strict=True)
        total: Tensor = reduce(iadd, (self._view_rows(*view, start, stop) for view in views))
        return total

    def pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distances of pairs of images, given as int64 (P,), in float64 (P,)."""
        views = (self._view_pairs(view, first, second) for view in self.features)
        total: Tensor = reduce(iadd, views)
        return total

    def subset(self, queries: IntArray, gallery: IntArray) -> FeatureDistances:
        """Return the distances between some queries (from 0 to Q) and gallery images (to G)."""
        images = np.concatenate([queries, gallery + self.num_queries])
        chosen = torch.as_tensor(images, device=self.device)
        return replace(
            self,
            features=self.features[:, chosen],
            squares=self.squares[:, chosen],
            num_queries=len(queries),
        )

    def _view_rows(self, view: Tensor, squares: Tensor, start: int, stop: int) -> Tensor:
        squared = torch.addmm(squares, view[start:stop], view.T, alpha=-2.0)
        squared += squares[start:stop, None]
        # Rounding leaves the distance of an image to itself near 0, on either side.
        squared.clamp_(min=0.0).diagonal(offset=start).zero_()
        return self._distance(squared)

    def _view_pairs(self, view: Tensor, first: Tensor, second: Tensor) -> Tensor:
        squared = view.new_empty(len(first))
        size = max(1, _PAIR_ELEMENTS // max(1, view.shape[1]))
        for start in range(0, len(first), size):
            block = slice(start, start + size)
            difference = view[first[block]].sub_(view[second[block]])
            torch.linalg.vecdot(difference, difference, out=squared[block])
        return self._distance(squared)

    def _distance(self, squared: Tensor) -> Tensor:
        # |u - v|^2 = 2 - 2 cos(u, v) for vectors of length 1.
        return squared.mul_(0.5) if self.metric == "cosine" else squared.sqrt_()


def feature_distances(
    query: FloatArray,
    gallery: FloatArray,
    metric: Metric,
    *,
    device: torch.device | str = "cpu",
) -> FeatureDistances:
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
    if query.ndim != 3 or gallery.ndim != 3 or query.shape[1:] != gallery.shape[1:]:
        raise ValueError(
            f"query and gallery must be (images, views, dimensions) with the same views and "
            f"dimensions, not {query.shape} and {gallery.shape}"
        )
    query, gallery = _scaled(query, gallery, metric)
    images, views, dimensions = len(query) + len(gallery), *query.shape[1:]
    features = torch.empty((views, images, dimensions), dtype=torch.float64, device=device)
    for role, part, first in (("query", query, 0), ("gallery", gallery, len(query))):
        for start, block in _blocks(part):
            target = slice(first + start, first + start + block.shape[1])
            features[:, target] = _prepared(block.to(device), metric, role, start)
    if images:
        features -= _point_amid(features)
    return FeatureDistances(
        features=features,
        squares=torch.einsum("vnd,vnd->vn", features, features),
        num_queries=len(query),
        metric=metric,
    )


def _point_amid(features: torch.Tensor) -> torch.Tensor:
    """Return the median (V, 1, D) of some images, which no single one of them moves.

    Distances do not depend on the origin, but their digits do: squared lengths of vectors that are
    far from it lose those that distances are made of.
    """
    places = torch.linspace(0, features.shape[1] - 1, min(features.shape[1], _ORIGIN_SAMPLE))
    return features[:, places.round().long()].median(dim=1, keepdim=True).values


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


def _blocks(features: FloatArray) -> Iterator[tuple[int, Tensor]]:
    """Copy features to float64 a block at a time, with views first; they may be memory-mapped."""
    size = max(1, _BLOCK_ELEMENTS // max(1, features[:1].size))
    for start in range(0, len(features), size):
        block = features[start : start + size].astype(np.float64)
        yield start, torch.from_numpy(block).transpose(0, 1)


def _prepared(block: Tensor, metric: Metric, role: str, first: int) -> Tensor:
    lengths = torch.linalg.vector_norm(block, dim=2, keepdim=True)
    _require(lengths.isfinite(), role, first, "is NaN or infinite; only finite ones are compared")
    if metric != "cosine":
        return block
    way_out = "is all zeros, so it has no cosine distance; use the euclidean metric or leave it out"
    _require(lengths > 0, role, first, way_out)
    return block.div_(lengths)


def _require(valid: Tensor, role: str, first: int, complaint: str) -> None:
    if not valid.all():
        row = first + int(torch.nonzero(~valid)[:, 1].min())
        raise DataError(f"the {role} feature in row {row} {complaint}")


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenDistances:
    """Distances that were computed before; the arrays are read where they are, also from a file.

    Attributes:
        query_query: Float (Q, Q), symmetric, finite, not negative.
        query_gallery: Float (Q, G), finite, not negative.
        gallery_gallery: Float (G, G), symmetric, finite, not negative.
        metric: What they are: re-ranking squares Euclidean distances, and no others.
        device: Where to compute.
        queries: Rows of the arrays that take part; by default all.
        gallery: Gallery images that take part; by default all.

    Raises:
        ValueError: The shapes do not fit.
    """

    query_query: FloatArray
    query_gallery: FloatArray
    gallery_gallery: FloatArray
    metric: Metric
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    queries: IntArray | None = None
    gallery: IntArray | None = None

    def __post_init__(self) -> None:
        queries, gallery = self.query_gallery.shape
        shapes = (self.query_query.shape, self.gallery_gallery.shape)
        if shapes != ((queries, queries), (gallery, gallery)):
            raise ValueError(
                f"query-query {shapes[0]} and gallery-gallery {shapes[1]} do not fit distances "
                f"of {queries} queries to {gallery} gallery images"
            )

    @property
    def num_queries(self) -> int:
        """Q, of the queries that take part."""
        return len(self.query_gallery) if self.queries is None else len(self.queries)

    @property
    def num_gallery(self) -> int:
        """G, of the gallery images that take part."""
        return self.query_gallery.shape[1] if self.gallery is None else len(self.gallery)

    def rows(self, start: int, stop: int) -> Tensor:
        """Return the distances of images `start` to `stop` to all images, float (B, N)."""
        num_queries, middle = self.num_queries, min(stop, self.num_queries)
        block = np.empty((stop - start, num_queries + self.num_gallery), self.query_gallery.dtype)
        queries, gallery = _part(self.queries), _part(self.gallery)
        if start < middle:
            chosen = _part(self.queries, start, middle)
            block[: middle - start, :num_queries] = self.query_query[chosen][:, queries]
            block[: middle - start, num_queries:] = self.query_gallery[chosen][:, gallery]
        if stop > num_queries:
            upper = max(0, num_queries - start)
            chosen = _part(self.gallery, max(0, start - num_queries), stop - num_queries)
            block[upper:, :num_queries] = self.query_gallery[:, chosen][queries].T
            block[upper:, num_queries:] = self.gallery_gallery[chosen][:, gallery]
        return torch.from_numpy(block).to(self.device)

    def pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distances of pairs of images, given as int64 (P,), in float64 (P,)."""
        low = torch.minimum(first, second).cpu().numpy()
        high = torch.maximum(first, second).cpu().numpy()
        num_queries = self.num_queries
        distances = np.empty(len(low), dtype=np.float64)
        for chosen, array, rows, columns in (
            (high < num_queries, self.query_query, low, high),
            ((low < num_queries) & (high >= num_queries), self.query_gallery, low, high),
            (low >= num_queries, self.gallery_gallery, low, high),
        ):
            distances[chosen] = array[self._place(rows[chosen]), self._place(columns[chosen])]
        return torch.from_numpy(distances).to(self.device)

    def subset(self, queries: IntArray, gallery: IntArray) -> GivenDistances:
        """Return the distances between some queries (from 0 to Q) and gallery images (to G)."""
        return replace(
            self,
            queries=queries if self.queries is None else self.queries[queries],
            gallery=gallery if self.gallery is None else self.gallery[gallery],
        )

    def _place(self, images: IntArray) -> IntArray:
        """Where images, all queries or all gallery images, stand in the arrays."""
        gallery = bool(len(images)) and images[0] >= self.num_queries
        places = images - self.num_queries if gallery else images
        chosen = self.gallery if gallery else self.queries
        return places if chosen is None else chosen[places]


def _part(chosen: IntArray | None, start: int = 0, stop: int | None = None) -> IntArray | slice:
    return slice(start, stop) if chosen is None else chosen[start:stop]
