"""Powers of two by which features are multiplied, so that no square leaves the range of float64.

A power of two changes no digit, and no ranking. Features of an ordinary size stay as they are.

Letters in shapes: N images, V views, D dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

_SAFE_EXPONENT = 400
"""Sums of squares of values from 2^-400 to 2^400 are far from the ends of float64, 2^-1022 and
2^1024; so are squared differences in their last digits."""
_ROWS_PER_BLOCK = 2048


def find_largest(features: FloatArray) -> NDArray[np.float64]:
    """Return the largest absolute value of each view of each feature.

    Args:
        features: Float (N, V, D), finite; may be memory-mapped.

    Returns:
        float64 (N, V); 0 for a view that is all zeros.
    """
    largest = np.zeros(features.shape[:2])
    for start in range(0, len(features), _ROWS_PER_BLOCK):
        block = features[start : start + _ROWS_PER_BLOCK]
        np.maximum(
            block.max(axis=2, initial=0), -block.min(axis=2, initial=0),
            out=largest[start : start + _ROWS_PER_BLOCK],
        )  # fmt: skip
    return largest


def _find_exponents(largest: NDArray[np.float64] | np.float64) -> NDArray[np.int64]:
    """Return the exponents of the powers of two that bring values into the safe range.

    Args:
        largest: float64 of any shape, not negative.

    Returns:
        int64; 0 where the value is in the range, or is 0. Small values become 1 to 2, and large
        ones stay as large as is safe: beside them, small ones keep their digits.

    Examples:
        >>> _find_exponents(np.array([0.0, 3.0, 2.0**900, 2.0**-900])).tolist()
        [0, 0, -501, 900]
    """
    exponent = np.frexp(largest)[1].astype(np.int64)
    wanted = np.clip(exponent, -_SAFE_EXPONENT, _SAFE_EXPONENT)
    wanted = np.where(exponent < -_SAFE_EXPONENT, 1, wanted)
    return np.where(largest > 0, wanted - exponent, 0)


def is_wide(largest: NDArray[np.float64]) -> bool:
    """Tell whether features differ so much in size that one power of two does not serve all.

    Args:
        largest: float64 of any shape, not negative: the largest value of each feature.
    """
    sizes = largest[largest > 0]
    if not sizes.size:
        return False
    exponents = np.frexp([sizes.min(), sizes.max()])[1]
    return bool(exponents[1] - exponents[0] > _SAFE_EXPONENT)


def scale_views(features: FloatArray) -> FloatArray:
    """Multiply each view of each feature by a power of two of its own, which keeps its direction.

    Args:
        features: Float (N, V, D), finite.

    Returns:
        The same array where every view is of an ordinary size, else a copy in float64.
    """
    if features.dtype != np.float64:  # Squares of smaller types fit into float64.
        return features
    exponents = _find_exponents(find_largest(features))
    return _multiply(features, exponents[:, :, np.newaxis]) if exponents.any() else features


def scale_together(
    *parts: FloatArray, largest: NDArray[np.float64] | None = None
) -> tuple[list[FloatArray], int]:
    """Multiply all features by one power of two, which keeps the order of their distances.

    Args:
        parts: Float (N, V, D) each, finite.
        largest: float64, the largest values of the features that matter; by default of all.

    Returns:
        The same arrays where the largest value is of an ordinary size, else copies in float64; and
        the exponent: distances are too large by this power of two.
    """
    if all(part.dtype != np.float64 for part in parts):
        return list(parts), 0
    if largest is None:
        largest = np.concatenate([find_largest(part).reshape(-1) for part in parts])
    exponent = int(_find_exponents(largest.max(initial=0)))
    return [_multiply(part, exponent) if exponent else part for part in parts], exponent


def _multiply(features: FloatArray, exponents: NDArray[np.int64] | int) -> FloatArray:
    with np.errstate(over="ignore", under="ignore"):
        scaled: FloatArray = np.ldexp(features, exponents)
    return scaled
