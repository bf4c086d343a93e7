"""The original distances as re-ranking needs them: nearest images, scale, queries to gallery.

Letters in shapes: Q queries, G gallery images, N = Q + G images, K neighbours, B images of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.threads import in_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from bench_core.evaluation.reranking.distances import ImageDistances

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

_BLOCK_ELEMENTS = 2**21
"""Distances that are read at once; bounds the memory beyond the result."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OriginalDistances:
    """What re-ranking keeps of the original distances, in main memory.

    Attributes:
        neighbours: int64 (N, K), the nearest images of each image, nearest first.
        nearest: Float (N, K), their distances, not squared.
        largest: float64 (N,), the largest squared distance of each image; 1 where it is 0.
        query_gallery: float32 (Q, G), squared distances divided by the query's largest.
    """

    neighbours: NDArray[np.int64]
    nearest: NDArray[np.floating[Any]]
    largest: NDArray[np.float64]
    query_gallery: NDArray[np.float32]

    def scaled_pairs(
        self, source: ImageDistances, images: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return squared distances divided by the largest of the first image, float64 (P,).

        Most pairs that re-ranking asks for are of near neighbours, whose distances are kept; the
        others are computed again.
        """
        num_images = len(self.neighbours)
        known = (np.arange(num_images)[:, np.newaxis] * num_images + self.neighbours).reshape(-1)
        order = np.argsort(known)
        keys = images * num_images + others
        place = np.minimum(np.searchsorted(known, keys, sorter=order), len(known) - 1)
        distances = self.nearest.reshape(-1)[order[place]].astype(np.float64)
        missing = np.flatnonzero(known[order[place]] != keys)
        distances[missing] = source.pairs(images[missing], others[missing])
        scaled: NDArray[np.float64] = distances ** _power(source) / self.largest[images]
        return scaled


def scan(distances: ImageDistances, set_sizes: tuple[int, ...]) -> OriginalDistances:
    """Read all distances once, a block of rows at a time.

    Images at equal distances are neighbours in image order, queries first.

    Args:
        distances: Between all N images.
        set_sizes: How many nearest images will be asked for, each from 1 to N.

    Returns:
        The nearest images, as many as the largest set needs, and the scaled distances.

    Raises:
        DataError: A distance is NaN, infinite or negative.
    """
    num_images = distances.num_queries + distances.num_gallery
    size = max(1, _BLOCK_ELEMENTS // num_images)
    blocks = [
        _scan_block(distances, start, min(start + size, num_images), set_sizes)
        for start in range(0, num_images, size)
    ]
    return OriginalDistances(
        neighbours=np.concatenate([block.neighbours for block in blocks]),
        nearest=np.concatenate([block.nearest for block in blocks]),
        largest=np.concatenate([block.largest for block in blocks]),
        query_gallery=np.concatenate([block.query_gallery for block in blocks]),
    )


def _scan_block(
    distances: ImageDistances, start: int, stop: int, set_sizes: tuple[int, ...]
) -> OriginalDistances:
    block = distances.rows(start, stop)
    neighbours, nearest = _nearest(block, set_sizes)
    largest = _as_array(block.max(1) if isinstance(block, np.ndarray) else block.amax(1))
    largest = largest.astype(np.float64)
    _check(nearest[:, 0], largest, start)
    power = _power(distances)
    scale = np.where(largest == 0.0, 1.0, largest**power)
    num_queries = max(0, min(stop, distances.num_queries) - start)
    to_gallery = _as_array(block[:num_queries, distances.num_queries :])
    scaled = to_gallery.astype(np.float64) ** power / scale[:num_queries, np.newaxis]
    return OriginalDistances(
        neighbours=neighbours,
        nearest=nearest,
        largest=scale,
        query_gallery=scaled.astype(np.float32),
    )


def _power(distances: ImageDistances) -> int:
    """Euclidean distances are squared, and no others."""
    return 2 if distances.metric == "euclidean" else 1


def _check(least: NDArray[np.floating[Any]], largest: NDArray[np.float64], first: int) -> None:
    # The largest is NaN where any distance is; rounding may take a least below zero.
    wrong = np.flatnonzero(~(np.isfinite(largest) & (least >= -1e-6 * np.abs(largest))))
    if wrong.size:
        row = wrong[0]
        raise DataError(
            f"the distances of image {first + row} (queries first) are from {least[row]:g} to "
            f"{largest[row]:g}; only finite distances that are not negative can be re-ranked"
        )


def _nearest(
    block: FloatArray | Tensor, set_sizes: tuple[int, ...]
) -> tuple[NDArray[np.int64], FloatArray]:
    """Find the nearest images of each row and their distances, (B, K).

    Which of several equal distances come first is left open, but matters only where a set ends
    between them; there, image order decides.
    """
    num_neighbours, num_images = max(set_sizes), block.shape[1]
    order, values = _least(block, min(num_neighbours + 1, num_images))
    ends = [size for size in set_sizes if size < num_images]
    unclear = (values[:, [end - 1 for end in ends]] == values[:, ends]).any(axis=1)
    if unclear.any():
        rows = np.argsort(_as_array(block[unclear]), axis=1, kind="stable")
        order[unclear] = rows[:, : order.shape[1]]
    return order[:, :num_neighbours], values[:, :num_neighbours]


def _least(block: FloatArray | Tensor, count: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the places of the least values of each row and the values, (B, count), in order.

    On an accelerator they are found there: few of all values leave it.
    """
    if not isinstance(block, np.ndarray):
        values, order = block.topk(count, largest=False)
        return _as_array(order), _as_array(values)
    found = np.empty((len(block), count), dtype=np.int64)
    least = np.empty((len(block), count), dtype=block.dtype)

    def find(start: int, stop: int) -> None:
        some = block[start:stop]
        places = np.argpartition(some, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(some, places, axis=1)
        order = np.argsort(values, axis=1)
        found[start:stop] = np.take_along_axis(places, order, axis=1)
        least[start:stop] = np.take_along_axis(values, order, axis=1)

    in_threads(find, len(block))
    return found, least


def _as_array(values: Any) -> NDArray[Any]:
    """Bring values to main memory, where they are not there already."""
    array: NDArray[Any] = values if isinstance(values, np.ndarray) else values.cpu().numpy()
    return array
