"""Blur and resampling of maps over pixels, added up in a fixed order.

Shape letters: H and W a map's height and width; dimensions before them are kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic.elementary import Field, decay

Border = Literal["symmetric", "wrap", "edge"]
"""What lies beyond the border: the image mirrored, its other side, or its last pixel repeated."""


def blurred(
    image: Field,
    sigmas: tuple[float, float],
    *,
    border: Border = "symmetric",
    truncate: float = 4.0,
) -> Field:
    """Blur a map with a Gaussian.

    Args:
        image: The map, (..., H, W).
        sigmas: Standard deviations (pixels) down and across.
        border: What lies beyond the border.
        truncate: Deviations at which the Gaussian ends.

    Returns:
        The blurred map, of the same shape and dtype.
    """
    for axis, sigma in zip((-2, -1), sigmas, strict=True):
        image = _blurred_along(image, axis, _gaussian(sigma, truncate), border)
    return image


@lru_cache(maxsize=32)
def _gaussian(sigma: float, truncate: float) -> tuple[float, ...]:
    """Return the weights at distances 0, 1, ... pixels; all of both sides add up to 1."""
    reach = int(truncate * sigma + 0.5)
    if not reach:
        return (1.0,)
    distances = np.arange(reach + 1, dtype=np.float64) / sigma
    middle, *side = decay(distances * distances / 2).tolist()
    total = middle
    for weight in side:
        total += 2 * weight
    return (middle / total, *(weight / total for weight in side))


def _blurred_along(image: Field, axis: int, weights: tuple[float, ...], border: Border) -> Field:
    reach, size = len(weights) - 1, image.shape[axis]
    if not reach:
        return image
    margins = [(0, 0)] * image.ndim
    margins[axis] = (reach, reach)
    padded = np.pad(image, margins, mode=border)

    def moved(distance: int) -> Field:
        window = [slice(None)] * image.ndim
        window[axis] = slice(reach + distance, reach + distance + size)
        return padded[tuple(window)]

    total = moved(0) * weights[0]
    for distance in range(1, reach + 1):
        total += (moved(-distance) + moved(distance)) * weights[distance]
    return total


class _Taps(NamedTuple):
    """Which source pixels a row or column of the result is made of, (taps, size)."""

    places: NDArray[np.int64]
    weights: NDArray[np.float32]


def resampled(
    image: NDArray[np.uint8],
    corner: tuple[float, float],
    extent: tuple[float, float],
    size: tuple[int, int],
) -> Field:
    """Cut a box out of an image and scale it, with a triangle filter as wide as a result's pixel.

    Args:
        image: The image, (C, H, W).
        corner: Upper and left edge of the box, in pixels.
        extent: Height and width of the box, in pixels.
        size: Height and width of the result.

    Returns:
        float32 (C, *size), of the image's range.
    """
    down, across = (
        _taps(image.shape[axis + 1], corner[axis], extent[axis], size[axis]) for axis in (0, 1)
    )
    left, right = int(across.places.min()), int(across.places.max()) + 1
    strip = image[:, :, left:right]
    rows = strip[:, down.places[0]] * down.weights[0][:, None]
    for places, weights in zip(down.places[1:], down.weights[1:], strict=True):
        rows += strip[:, places] * weights[:, None]
    result: Field = rows[:, :, across.places[0] - left] * across.weights[0]
    for places, weights in zip(across.places[1:], across.weights[1:], strict=True):
        result += rows[:, :, places - left] * weights
    return result


def _taps(length: int, start: float, extent: float, size: int) -> _Taps:
    """Weigh the pixels of a line of `length` for each of `size` pixels that cover an extent."""
    step = extent / size
    reach = max(step, 1.0)
    centres = start + (np.arange(size, dtype=np.float64) + 0.5) * step
    first = np.floor(centres - reach + 0.5).astype(np.int64)
    places = first + np.arange(int(2 * reach) + 2)[:, None]
    weights = np.clip(1 - np.abs(places + 0.5 - centres) / reach, 0, None)
    weights[(places < 0) | (places >= length)] = 0
    total = weights[0].copy()
    for row in weights[1:]:
        total += row
    return _Taps(np.clip(places, 0, length - 1), (weights / total).astype(np.float32))
