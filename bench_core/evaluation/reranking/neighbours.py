"""Sets of neighbours for re-ranking, as sparse matrices over all images.

Row i of a matrix is the set of image i, or its weights. Products of sparse matrices count, unite
and average sets for all images at once, in memory that grows with the members of the sets.

Letters in shapes: N images, K neighbours, T members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
Places: TypeAlias = "NDArray[np.int32] | NDArray[np.int64]"
Counts: TypeAlias = "sparse.csr_array[np.int64]"
Weights: TypeAlias = "sparse.csr_array[np.float64]"


def nearest_sets(neighbours: IntArray) -> Counts:
    """Make the sets N(p, k) of Zhong et al., CVPR 2017, Eq. 1.

    Args:
        neighbours: int64 (N, K), the nearest images of each image.

    Returns:
        1 at each member, (N, N).
    """
    num_images, num_neighbours = neighbours.shape
    starts = np.arange(0, neighbours.size + 1, num_neighbours)
    ones = np.ones(neighbours.size, dtype=np.int64)
    return sparse.csr_array((ones, neighbours.reshape(-1), starts), shape=(num_images, num_images))


def mutual_sets(neighbours: IntArray) -> Counts:
    """Make the sets of images that are each among the nearest of the other.

    R(p, k) of Zhong et al., CVPR 2017, Eq. 2.

    Args:
        neighbours: int64 (N, K), the nearest images of each image.

    Returns:
        1 at each member, (N, N), symmetric.

    Examples:
        Image 0 is among the nearest of image 2, but not the other way round.

        >>> mutual_sets(np.array([[0, 1], [1, 0], [2, 0]])).toarray()
        array([[1, 1, 0],
               [1, 1, 0],
               [0, 0, 1]])
    """
    nearest = nearest_sets(neighbours)
    return nearest.multiply(nearest.T.tocsr()).tocsr()


def expanded_sets(wide: Counts, narrow: Counts) -> Counts:
    """Add to the set of each image the narrower sets of its members that agree with it.

    R*(p, k) of Zhong et al., CVPR 2017, Eq. 3: the set of a member is added if more than two
    thirds of it are in the image's own set. (The widely used code has "more than", the paper "at
    least".)

    Args:
        wide: R(p, k), 1 at each member, (N, N).
        narrow: R(p, k / 2), 1 at each member, (N, N), symmetric.

    Returns:
        Positive at each member, (N, N), with no zeros stored.
    """
    shared = (wide @ narrow).multiply(wide).tocsr()
    sizes = np.diff(narrow.indptr)
    shared.data = (3 * shared.data > 2 * sizes[shared.indices]).astype(np.int64)
    shared.eliminate_zeros()
    return (wide + shared @ narrow).tocsr()


def averaged_over(weights: Weights, neighbours: IntArray) -> Weights:
    """Average the weights of the nearest images of each image: the local query expansion.

    Zhong et al., CVPR 2017, Eq. 11.

    Args:
        weights: Sparse (N, N).
        neighbours: int64 (N, K), the images to average over.

    Returns:
        Sparse (N, N).
    """
    num_neighbours = neighbours.shape[1]
    share: Weights = nearest_sets(neighbours).astype(np.float64) / num_neighbours
    return share @ weights


def gather(starts: Places, wanted: Places) -> tuple[IntArray, IntArray]:
    """List the stored members of rows of a sparse matrix, one wanted row after the other.

    Args:
        starts: Where each row begins, and where the last one ends (`indptr`).
        wanted: Row numbers, repeats allowed.

    Returns:
        Of each member, the place in `wanted` that it belongs to and its place among the stored
        ones, int64 (T,) each.

    Examples:
        >>> gather(np.array([0, 2, 3]), np.array([1, 0]))
        (array([0, 1, 1]), array([2, 0, 1]))
    """
    sizes = starts[wanted + 1] - starts[wanted]
    origin = np.repeat(np.arange(len(wanted)), sizes)
    shift = np.repeat(starts[wanted] - (np.cumsum(sizes) - sizes), sizes)
    return origin, np.arange(len(origin)) + shift
