"""Distances for re-ranking on an accelerator, by torch.

Letters in shapes: see `distances`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric
    from bench_core.evaluation.reranking.distances import FeatureImages

IntArray: TypeAlias = "NDArray[np.int64]"

_PAIR_ELEMENTS = 2**22
"""Feature elements that are subtracted at once for single pairs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceImages:
    """Distances between features on a device, in float64.

    Attributes:
        features: float64 (V, N, D), as those of `FeatureImages`.
        squares: float64 (V, N), their squared lengths.
        num_queries: Q.
        metric: "euclidean" or "cosine".
    """

    features: Tensor
    squares: Tensor
    num_queries: int
    metric: Metric

    @classmethod
    def of(cls, images: FeatureImages, device: torch.device | str) -> DeviceImages:
        """Bring features to a device."""
        return cls(
            features=torch.from_numpy(images.features).to(device),
            squares=torch.from_numpy(images.squares).to(device),
            num_queries=images.num_queries,
            metric=images.metric,
        )

    @property
    def num_gallery(self) -> int:
        """G."""
        return self.features.shape[1] - self.num_queries

    def rows(self, start: int, stop: int) -> Tensor:
        """Return the distances of images `start` to `stop` to all images, float64 (B, N)."""
        total = self.features.new_zeros((stop - start, self.features.shape[1]))
        for view, squares in zip(self.features, self.squares, strict=True):
            squared = torch.addmm(squares, view[start:stop], view.T, alpha=-2.0)
            squared += squares[start:stop, None]
            # Rounding leaves the distance of an image to itself near 0, on either side.
            squared.clamp_(min=0.0).diagonal(offset=start).zero_()
            total += self._distance(squared)
        return total

    def pairs(self, first: IntArray, second: IntArray) -> NDArray[np.float64]:
        """Return the distances of pairs of images, given as int64 (P,), in float64 (P,)."""
        total = np.zeros(len(first))
        size = max(1, _PAIR_ELEMENTS // max(1, self.features.shape[2]))
        for start in range(0, len(first), size):
            some = slice(start, start + size)
            one, other = (self._places(images[some]) for images in (first, second))
            for view in self.features:
                difference = view[one] - view[other]
                total[some] += self._distance((difference**2).sum(dim=1)).cpu().numpy()
        return total

    def subset(self, queries: IntArray, gallery: IntArray) -> DeviceImages:
        """Return the distances between some queries (from 0 to Q) and gallery images (to G)."""
        chosen = self._places(np.concatenate([queries, gallery + self.num_queries]))
        return replace(
            self,
            features=self.features[:, chosen],
            squares=self.squares[:, chosen],
            num_queries=len(queries),
        )

    def _places(self, images: IntArray) -> Tensor:
        return torch.as_tensor(images, device=self.features.device)

    def _distance(self, squared: Tensor) -> Tensor:
        # |u - v|^2 = 2 - 2 cos(u, v) for vectors of length 1.
        return squared.mul_(0.5) if self.metric == "cosine" else squared.sqrt_()
