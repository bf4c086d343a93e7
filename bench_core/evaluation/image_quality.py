"""How good generated images are, by their features: JSIA-ReID, Table 4.

The features are the caller's: those of an Inception network (Heusel et al. 2017), or of any network
that is the same for all that are compared. A result says which.

Letters in shapes: N images, D dimensions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def frechet_distance(features_a: NDArray[Any], features_b: NDArray[Any]) -> float:
    """Squared Frechet distance of two sets, each taken for a Gaussian: FID (Heusel et al. 2017).

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), with covariances divided by N - 1. The trace
    of the root is the sum of the singular values of A B^T, where A^T A = C_a and B^T B = C_b; so no
    root of a matrix is taken, and fewer images than dimensions do no harm to the precision.

    Args:
        features_a: (N, D) of real images, N at least 2; computed in float64 whatever its type.
        features_b: (N', D) of generated images, N' at least 2.

    Returns:
        At least 0; 0 for equal means and covariances. It shrinks with the number of images: compare
        sets of the same sizes.

    Raises:
        ValueError: A set is no matrix of two rows or more, dimensions differ, or a value is not
            finite.

    Examples:
        Means 1 and 6, variances 2 and 18: 5^2 + (18^(1/2) - 2^(1/2))^2.

        >>> frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [9.0]]))
        33.0
    """
    a, b = _matrix(features_a, "features_a", 2), _matrix(features_b, "features_b", 2)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features have {a.shape[1]} and {b.shape[1]} dimensions")
    gap = a.mean(0) - b.mean(0)
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    variances = np.square(root_a).sum() + np.square(root_b).sum()
    shared = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return max(float(gap @ gap + variances - 2 * shared), 0.0)


def mean_pair_distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Mean Euclidean distance of paired images: MD.

    Args:
        a: Features (N, D), N at least 1; computed in float64 whatever their type. Taken as they
            are: whoever wants features of unit length passes such.
        b: Features (N, D) of the images that row by row belong to those of `a`.

    Raises:
        ValueError: An array is no matrix, the shapes differ, or a value is not finite.

    Examples:
        >>> mean_pair_distance(np.zeros((2, 2)), np.array([[3.0, 4.0], [0.0, 0.0]]))
        2.5
    """
    first, second = _matrix(a, "a", 1), _matrix(b, "b", 1)
    if first.shape != second.shape:
        raise ValueError(f"pairs need equal shapes, not {first.shape} and {second.shape}")
    return float(np.linalg.norm(first - second, axis=1).mean())


def _matrix(features: NDArray[Any], name: str, rows: int) -> NDArray[np.float64]:
    if features.ndim != 2 or len(features) < rows:
        raise ValueError(f"{name} has shape {features.shape}; expected (N, D), N at least {rows}")
    matrix = np.asarray(features, dtype=np.float64)
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} holds NaN or infinite values")
    return matrix


def _covariance_root(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return some R (min(N, D), D) with R^T R the covariance."""
    centered = features - features.mean(0)
    triangle = np.asarray(np.linalg.qr(centered, mode="r"), dtype=np.float64)
    return triangle / math.sqrt(len(features) - 1)
