"""Where re-ranking gets the distances between all images, queries and gallery images alike.

Letters in shapes: Q queries, G gallery images, N = Q + G images, V views, D dimensions, B images
of a block, P pairs of images. Image i is query i for i < Q, else gallery image i - Q.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import iadd
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bench_core.contracts.errors import DataError
from bench_core.evaluation.distances import check_shapes
from bench_core.evaluation.scaling import find_largest, is_wide, scale_together, scale_views

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


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageDistances:
    """The distances between all N images of a re-ranking, computed when asked for, in float64.

    Nothing holds N x N of them: re-ranking asks for some rows and some pairs.

    Attributes:
        features: float64 (V, N, D) on the device; of length 1 for the cosine metric, and moved
            so that the first image is the origin, which changes no distance.
        squares: float64 (V, N), their squared lengths.
        num_queries: Q.
        metric: "euclidean" or "cosine"; re-ranking squares Euclidean distances, and no others.
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
        """Where the features are, and where re-ranking computes."""
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

    def subset(self, queries: IntArray, gallery: IntArray) -> ImageDistances:
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
    images, views, dimensions = len(query) + len(gallery), *query.shape[1:]
    features = torch.empty((views, images, dimensions), dtype=torch.float64, device=device)
    for role, part, first in (("query", query, 0), ("gallery", gallery, len(query))):
        for start, block in _blocks(part):
            target = slice(first + start, first + start + block.shape[1])
            features[:, target] = _prepared(block.to(device), metric, role, start)
    if images:
        features -= _point_amid(features)
    return ImageDistances(
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
