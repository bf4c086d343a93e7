"""AIM: the distance between two images, and between what they are similar to in the gallery.

Fang, Yang, Fu: "Visible-Infrared Person Re-Identification via Semantic Alignment and Affinity
Inference", ICCV 2023.

Letters in shapes: Q queries, G gallery images, N = Q + G images, V views, B images of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.rerankers import ImageDistances

Exact: TypeAlias = "NDArray[np.float64]"
Affinities: TypeAlias = "sparse.csr_array[Any, Any]"

_BLOCK_ELEMENTS = 2**21
"""Similarities that are looked at once; bounds the memory beyond the result."""
_STEPS = 2.0**40
"""Similarities are multiples of 1 / _STEPS: those that differ by rounding alone are equal."""


def affinity_distances(
    distances: ImageDistances, num_views: int, *, k1: int, k2: int
) -> NDArray[np.float64]:
    """Re-rank the gallery of every query by affinity inference.

    The affinities of an image are its similarities to the gallery, of which the k1 largest are
    kept (all that equal the last of them, too) and the others are 0. Those of a gallery image are
    averaged over the k2 gallery images nearest to it, itself included; at equal similarities the
    first is the nearer. The result is the sum of two cosine distances: of features, and of
    affinities. That is 2 more than the authors' distance, which is negative.

    Only rows of gallery images are read. Memory beyond the result and the kept affinities, k1 of
    an image unless many are equal, grows linearly with N.

    Args:
        distances: Cosine distances between all N images.
        num_views: V, over which they are summed; their mean is taken.
        k1: Affinities that are kept, at least 1; a number above G means G.
        k2: Images that are averaged over, from 1 to k1.

    Returns:
        float64 (Q, G) in [0, 4], smaller is nearer. An image without affinities, as all of them
        are 0, is at distance 1 of every other's.
    """
    similarity, gallery = _read(distances, num_views, k1, k2)
    query = sparse.vstack(
        [_kept(similarity[rows], k1) for rows in _blocks(*similarity.shape)], format="csr"
    )
    query, gallery = _of_length_one(query), _of_length_one(gallery).T.tocsr()
    result = np.subtract(2.0, similarity, out=similarity)
    for rows in _product_blocks(query, gallery):
        shared = (query[rows] @ gallery).tocoo()
        result[rows][shared.row, shared.col] -= shared.data
    # Rounding may take the distance of equal images below 0.
    return np.maximum(result, 0.0, out=result)


def _read(distances: ImageDistances, num_views: int, k1: int, k2: int) -> tuple[Exact, Affinities]:
    """Read the distances of gallery images once.

    Returns:
        The similarity of queries and gallery images, float64 (Q, G), and the averaged affinities
        of gallery images, sparse (G, G).
    """
    num_queries, num_gallery = distances.num_queries, distances.num_gallery
    similarity = np.empty((num_queries, num_gallery))
    kept = []
    for rows in _blocks(num_gallery, num_queries + num_gallery):
        found: Any = distances.rows(num_queries + rows.start, num_queries + rows.stop)
        block = _similarities(found, num_views)
        similarity[:, rows] = block[:, :num_queries].T
        kept.append(_kept(block[:, num_queries:], k1))
    affinities = sparse.vstack(kept, format="csr")
    if k2 == 1:
        return similarity, affinities
    return similarity, _nearest(affinities, min(k2, num_gallery)) @ affinities


def _similarities(distances: Any, num_views: int) -> Exact:
    """Return the cosine of each distance, the mean over views; distances may be on a device."""
    array = distances if isinstance(distances, np.ndarray) else distances.cpu().numpy()
    similarity: Exact = np.rint((1.0 - array.astype(np.float64) / num_views) * _STEPS) / _STEPS
    return similarity


def _kept(similarity: Exact, k1: int) -> Affinities:
    """Keep the k1 largest of each row, and all that equal the last of them; sparse (B, G)."""
    num_gallery = similarity.shape[1]
    last = num_gallery - min(k1, num_gallery)
    least = np.partition(similarity, last, axis=1)[:, last, np.newaxis]
    places = similarity >= least
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(places, axis=1))])
    shape = similarity.shape
    return sparse.csr_array((similarity[places], np.nonzero(places)[1], ends), shape=shape)


def _nearest(affinities: Affinities, k2: int) -> Affinities:
    """Return the share 1 / k2 of each of the k2 largest of each row, which has as many or more."""
    num_gallery = affinities.shape[0]
    image = np.repeat(np.arange(num_gallery), np.diff(affinities.indptr))
    order = np.lexsort((affinities.indices, -affinities.data, image))
    first = order[affinities.indptr[:-1, np.newaxis] + np.arange(k2)]
    chosen = affinities.indices[first].reshape(-1)
    ends = np.arange(num_gallery + 1) * k2
    shares = np.full(len(chosen), 1.0 / k2)
    return sparse.csr_array((shares, chosen, ends), shape=affinities.shape)


def _of_length_one(affinities: Affinities) -> Affinities:
    """Divide each row by its length; a row of zeros stays."""
    lengths = np.sqrt(affinities.multiply(affinities).sum(axis=1))
    affinities.data /= np.repeat(np.where(lengths == 0.0, 1.0, lengths), np.diff(affinities.indptr))
    return affinities


def _blocks(num_rows: int, num_columns: int) -> Iterator[slice]:
    """Divide rows so that no block has too many elements."""
    size = max(1, _BLOCK_ELEMENTS // num_columns)
    return (slice(start, min(start + size, num_rows)) for start in range(0, num_rows, size))


def _product_blocks(query: Affinities, gallery: Affinities) -> Iterator[slice]:
    """Divide queries so that the products of no block are too many."""
    sizes = np.diff(gallery.indptr)[query.indices].astype(np.int64)
    before = np.concatenate([[0], np.cumsum(sizes)])[query.indptr]
    return _blocks(query.shape[0], max(1, int(np.diff(before).max())))
