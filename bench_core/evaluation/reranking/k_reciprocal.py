"""k-reciprocal re-ranking: distances between neighbourhoods instead of between images.

Zhong, Zheng, Cao, Li: "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017,
with the details of the Python code that the field reports with (zhunzhong07/person-re-ranking).

Letters in shapes: Q queries, G gallery images, N = Q + G images, B queries of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import sparse

from bench_core.contracts.errors import DataError, UsageError
from bench_core.evaluation.reranking.neighbours import (
    Weights,
    averaged_over,
    expanded_sets,
    gather,
    mutual_sets,
)
from bench_core.evaluation.reranking.scan import OriginalDistances, scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.reranking.distances import ImageDistances

IntArray: TypeAlias = "NDArray[np.int64]"

_BLOCK_ELEMENTS = 2**20
"""Weights that are compared at once; bounds the memory beyond the result."""


@dataclass(frozen=True, kw_only=True)
class KReciprocalOptions:
    """The parameters of re-ranking, as the paper names them; defaults are the paper's.

    All three count the image itself as its own first neighbour where the code of the field does:
    sets of k-reciprocal neighbours are drawn from the k1 + 1 nearest images, expansion sets from
    the round(k1 / 2) + 1 nearest (halves to even), and rows are averaged over the k2 nearest. A
    count beyond the number of images means all images.

    Attributes:
        k1: Neighbours that may be k-reciprocal, at least 1.
        k2: Neighbours whose rows are averaged (local query expansion), at least 1; 1 is without.
        lambda_value: Weight of the original distance, in [0, 1]; the rest is the Jaccard distance.

    Raises:
        UsageError: A value is out of its range.
    """

    k1: int = 20
    k2: int = 6
    lambda_value: float = 0.3

    def __post_init__(self) -> None:
        for name, count in (("k1", self.k1), ("k2", self.k2)):
            if count < 1:
                raise UsageError(f"re-ranking {name} is {count}; it must be at least 1")
        if not 0.0 <= self.lambda_value <= 1.0:
            raise UsageError(
                f"re-ranking lambda is {self.lambda_value}; it must be from 0 (Jaccard distance "
                "only) to 1 (original distance only)"
            )

    def set_sizes(self, num_images: int) -> tuple[int, int, int]:
        """Return how many nearest images make each set: k-reciprocal, expanding, averaged."""
        sizes = (self.k1 + 1, round(self.k1 / 2) + 1, self.k2)
        wide, narrow, averaged = (min(size, num_images) for size in sizes)
        return wide, narrow, averaged


def k_reciprocal_distances(
    distances: ImageDistances, options: KReciprocalOptions | None = None
) -> NDArray[np.float32]:
    """Re-rank the gallery of every query by k-reciprocal encoding.

    Original distances are squared where they are Euclidean, as the widely used code does. Cosine
    distances are not: they are half the squared Euclidean distance of features of length 1, to
    which the field applies that code. Each image's distances are then divided by the largest of
    them (over all N images, itself included), and enter the weights, exp(-distance), and the
    final sum. Queries take part in each other's neighbourhoods, as in the original: the result
    of a query depends on the other queries. Images at equal distances are neighbours in image
    order, queries first.

    Distances, nearest neighbours and largest distances are found where the rows of distances are;
    the sets of neighbours, which are small, are sparse matrices in main memory. Memory beyond the
    result grows linearly with N; no N x N matrix is made.

    Args:
        distances: Between all N images.
        options: The parameters; by default the paper's.

    Returns:
        float32 (Q, G) in [0, 1], smaller is nearer.

    Raises:
        DataError: There is no query or no gallery image, or a distance is NaN, infinite or
            negative.

    Examples:
        Query 0 and gallery image 1 are each other's nearest; the others are another group.

        >>> from bench_core.evaluation.reranking.distances import feature_distances
        >>> places = np.array([0.0, 7.0, 0.5, 8.0]).reshape(4, 1, 1)
        >>> pair = feature_distances(places[:2], places[2:], "euclidean")
        >>> k_reciprocal_distances(pair, KReciprocalOptions(k1=1, k2=1)).round(2)
        array([[0.  , 1.  ],
               [0.96, 0.02]], dtype=float32)
    """
    if not distances.num_queries or not distances.num_gallery:
        raise DataError(
            f"nothing to re-rank: {distances.num_queries} query images and "
            f"{distances.num_gallery} gallery images"
        )
    chosen = options or KReciprocalOptions()
    set_sizes = chosen.set_sizes(distances.num_queries + distances.num_gallery)
    original = scan(distances, set_sizes)
    encoded = _encode(distances, original, set_sizes)
    return _combine(encoded, original.query_gallery, chosen.lambda_value)


def _encode(
    distances: ImageDistances, original: OriginalDistances, set_sizes: tuple[int, int, int]
) -> Weights:
    """Describe each image by the weights of its neighbours, sparse (N, N), rows of sum 1."""
    wide, narrow, averaged = set_sizes
    members = expanded_sets(
        mutual_sets(original.neighbours[:, :wide]), mutual_sets(original.neighbours[:, :narrow])
    )
    num_images = len(original.neighbours)
    images = np.repeat(np.arange(num_images), np.diff(members.indptr))
    others = members.indices.astype(np.int64)
    weights = np.exp(-original.scaled_pairs(distances, images, others))
    weights /= np.bincount(images, weights, minlength=num_images)[images]
    encoded = sparse.csr_array((weights, members.indices, members.indptr), shape=members.shape)
    if averaged == 1:
        return encoded
    return averaged_over(encoded, original.neighbours[:, :averaged])


def _combine(
    encoded: Weights, query_gallery: NDArray[np.float32], lambda_value: float
) -> NDArray[np.float32]:
    """Weigh the original and the Jaccard distance of each query and gallery image.

    Rows sum to 1, so that the union of two is 2 less their overlap (Zhong et al., Eq. 10).
    """
    num_queries = len(query_gallery)
    queries, gallery = encoded[:num_queries], encoded[num_queries:].T.tocsr()
    combined = query_gallery * np.float32(lambda_value) + np.float32(1.0 - lambda_value)
    for rows in _query_blocks(queries, gallery):
        shared = _overlap(queries, gallery, rows)
        combined[rows] -= (1.0 - lambda_value) * shared / (2.0 - shared)
    # Rounding may take the distance of equal images out of the range.
    return np.clip(combined, 0.0, 1.0, out=combined)


def _query_blocks(queries: Weights, gallery: Weights) -> Iterator[slice]:
    """Divide the queries so that no block has too many distances or shared neighbours."""
    shared = np.diff(gallery.indptr)[queries.indices].astype(np.int64)
    before = np.concatenate([[0], np.cumsum(shared)])[queries.indptr]
    most = max(int(np.diff(before).max()), gallery.shape[1])
    size = max(1, _BLOCK_ELEMENTS // most)
    return (slice(start, start + size) for start in range(0, queries.shape[0], size))


def _overlap(queries: Weights, gallery: Weights, rows: slice) -> NDArray[np.float64]:
    """Sum the smaller weight of each shared neighbour, float64 (B, G).

    Args:
        queries: Weights of the neighbours of each query, sparse (Q, N).
        gallery: Of each image, the weights that it has in gallery images, sparse (N, G).
        rows: The queries of the block.
    """
    block = queries[rows]
    num_queries, num_gallery = block.shape[0], gallery.shape[1]
    origin, place = gather(gallery.indptr, block.indices)
    smaller = np.minimum(block.data[origin], gallery.data[place])
    first_cell = np.repeat(np.arange(num_queries) * num_gallery, np.diff(block.indptr))
    cell = first_cell[origin] + gallery.indices[place]
    sums = np.bincount(cell, weights=smaller, minlength=num_queries * num_gallery)
    return sums.astype(np.float64, copy=False).reshape(num_queries, num_gallery)
