"""Compiled loops over rows of features and distances.

Letters in shapes: N images, V views, D dimensions, R rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.evaluation.engine.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def find_not_finite(values: NDArray[Any], start: int, stop: int) -> int:
    """Return the first of the rows `start` to `stop` with a NaN or infinity, or -1."""
    for row in range(start, stop):
        num_finite = 0
        for column in range(values.shape[1]):
            num_finite += np.isfinite(values[row, column])
        if num_finite < values.shape[1]:
            return row
    return -1


@compiled
def find_lengths(
    features: NDArray[Any],
    rows: NDArray[np.int64],
    lengths: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Write the lengths (rows, V) of features `start` to `stop` of the rows."""
    for row in range(start, stop):
        for view in range(features.shape[1]):
            found = features[rows[row], view]
            total = 0.0
            for k in range(len(found)):
                total += np.float64(found[k]) ** 2
            lengths[row, view] = np.sqrt(total)


@compiled
def center_rows(  # noqa: PLR0913, PLR0917  # a kernel: arrays in, arrays out
    features: NDArray[Any],
    rows: NDArray[np.int64],
    inverse: NDArray[np.float64],
    origin: NDArray[np.float64],
    unit: float,
    centred: NDArray[Any],
    squares: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Write features less the origin, times the unit, and their squared lengths.

    Args:
        features: float (N, V, D).
        rows: int64 (R,).
        inverse: float64 (R, V), 1 / length of each feature; (0, 0): taken as they are.
        origin: float64 (V, D).
        unit: A power of two.
        centred: float (V, R, D), or (1, R, V x D); written.
        squares: float64 (V or 1, R); written.
        start: First of the rows.
        stop: Row to stop before.
    """
    num_views, num_dimensions = origin.shape
    joined = len(centred) == 1
    for row in range(start, stop):
        squares[:, row] = 0
        for view in range(num_views):
            scale = inverse[row, view] if len(inverse) else 1.0
            found = features[rows[row], view]
            first = view * num_dimensions if joined else 0
            out = centred[0 if joined else view, row, first : first + num_dimensions]
            total = 0.0
            for k in range(num_dimensions):
                value = (found[k] * scale - origin[view, k]) * unit
                out[k] = value
                total += value * value
            squares[0 if joined else view, row] += total
