"""A cloudy map of the kind that diamonds and squares make, for fog."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic.randomness import Randomness

_FIRST_ROUGHNESS = 100.0


def fog_map(height: int, width: int, decay: float, random: Randomness) -> NDArray[np.float32]:
    """Return a map (height, width) in [0, 1], a part of one whose size is the next power of two.

    Args:
        height: In pixels.
        width: In pixels.
        decay: By what the roughness is divided from each scale to the next finer one.
        random: Where the roughness comes from.
    """
    size = 1 << (max(height, width, 2) - 1).bit_length()
    field, step, roughness = np.zeros((size, size)), size, _FIRST_ROUGHNESS
    while step > 1:
        half = step // 2
        _fill_squares(field, step, roughness, random)
        _fill_diamonds(field, half, roughness, random)
        step, roughness = half, roughness / decay
    low, high = field.min(), field.max()
    clouds: NDArray[np.float32] = ((field[:height, :width] - low) / (high - low)).astype(np.float32)
    return clouds


def _fill_squares(
    field: NDArray[np.float64], step: int, roughness: float, random: Randomness
) -> None:
    """Set the middle of each square to the mean of its corners, and a little more or less."""
    corners = field[::step, ::step]
    rows = corners + np.roll(corners, -1, axis=0)
    total = rows + np.roll(rows, -1, axis=1)
    field[step // 2 :: step, step // 2 :: step] = _wibbled(total, roughness, random)


def _fill_diamonds(
    field: NDArray[np.float64], half: int, roughness: float, random: Randomness
) -> None:
    """Set the middle of each diamond, which lies on an edge of a square, likewise."""
    step = 2 * half
    middles, corners = field[half::step, half::step], field[::step, ::step]
    beside = corners + np.roll(corners, -1, axis=1) + middles + np.roll(middles, 1, axis=0)
    below = corners + np.roll(corners, -1, axis=0) + middles + np.roll(middles, 1, axis=1)
    field[::step, half::step] = _wibbled(beside, roughness, random)
    field[half::step, ::step] = _wibbled(below, roughness, random)


def _wibbled(
    totals: NDArray[np.float64], roughness: float, random: Randomness
) -> NDArray[np.float64]:
    """Return a quarter of the totals, and up to the square of the roughness more or less."""
    chances = random.uniforms(*totals.shape) * 2 - 1
    return totals / 4 + roughness * (roughness * chances)
