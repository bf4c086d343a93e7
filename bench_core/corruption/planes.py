"""An image as three planes of numbers, and what several corruptions do with one.

Shape letters: H and W height and width. All arithmetic is made of operations that IEEE 754 rounds
correctly, in a fixed order, so that every processor gives the same bits.
"""

from __future__ import annotations

from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic.elementary import Field, cosine, decay, sine

Planes: TypeAlias = NDArray[np.float32]
"""(3, H, W), float32, red, green and blue in [0, 1]."""

HALF_TURN = 180.0
_PI = 3.141592653589793
_ROUNDING = 1e-3
"""Of 255: what whole values may have lost on their way; they are to stay whole when cut off."""
_GRAY = (0.299, 0.587, 0.114)


def to_planes(pixels: NDArray[np.uint8]) -> Planes:
    """Return an image (H, W, 3), uint8, as planes."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)


def to_pixels(planes: Field) -> NDArray[np.uint8]:
    """Return planes as an image (H, W, 3), uint8: clipped to [0, 1] and cut off, not rounded."""
    whole = (np.clip(planes, 0, 1) * 255 + _ROUNDING).astype(np.uint8)
    return np.ascontiguousarray(whole.transpose(1, 2, 0))


def gray(planes: Planes) -> Planes:
    """Return the luminance (H, W) of planes."""
    red, green, blue = planes
    light: Planes = red * _GRAY[0] + green * _GRAY[1] + blue * _GRAY[2]
    return light


def box_sums(values: NDArray[np.integer], size: int) -> NDArray[np.int64]:
    """Return the sums over boxes of size x size whose centre is a pixel, for (..., H, W).

    Beyond the border the image is mirrored without its edge. The box of an even size has its
    centre right of and below its middle.
    """
    before, after = size // 2, size - 1 - size // 2
    sums = values.astype(np.int64)
    for axis in (-2, -1):
        margins = [(0, 0)] * sums.ndim
        margins[axis] = (before + 1, after)
        padded = np.pad(sums, margins, mode="reflect")
        total = np.cumsum(padded, axis=axis)
        length = values.shape[axis]
        sums = np.take(total, np.arange(size, size + length), axis=axis) - np.take(
            total, np.arange(length), axis=axis
        )
    return sums


def motion_blurred(image: Field, radius: int, sigma: float, degrees: float) -> Field:
    """Blur (..., H, W) along a line that starts at each pixel.

    Args:
        image: The image; beyond its border it goes on as at the border.
        radius: The line is 2 radius + 1 pixels long.
        sigma: Standard deviation (pixels) of the half Gaussian that weighs the line's pixels.
        degrees: Its direction.
    """
    height, width = image.shape[-2:]
    length = 2 * radius + 1
    steps = np.arange(length, dtype=np.float64) / sigma
    weights = decay(steps * steps / 2)
    down, across = sine(degrees * _PI / HALF_TURN), cosine(degrees * _PI / HALF_TURN)
    margins = [(0, 0)] * (image.ndim - 2) + [(length, length)] * 2
    padded = np.pad(image, margins, mode="edge")
    total, weight_sum = np.zeros_like(image), 0.0
    for step, weight in enumerate(weights.tolist()):
        weight_sum += weight
        dy, dx = (-ceil(step * part - 0.5) for part in (down, across))
        if abs(dy) >= height or abs(dx) >= width:
            continue  # what of the line is farther than the image is large is lost, and dark
        rows = slice(length - dy, length - dy + height)
        total += padded[..., rows, length - dx : length - dx + width] * weight
    return total / weight_sum


def zoomed(image: Field, factor: float) -> Field:
    """Enlarge the middle of (..., H, W) by a factor >= 1 to the whole size, bilinearly."""
    for axis in (-2, -1):
        image = _zoomed_along(image, axis, factor)
    return image


def _zoomed_along(image: Field, axis: int, factor: float) -> Field:
    size = image.shape[axis]
    cropped = ceil(size / factor)
    start, enlarged = (size - cropped) // 2, max(round(cropped * factor), size)
    places = np.arange(enlarged, dtype=np.float64)[(enlarged - size) // 2 :][:size]
    positions = start + places * ((cropped - 1) / max(enlarged - 1, 1))
    return interpolated(image, axis, positions)


def interpolated(image: Field, axis: int, positions: NDArray[np.float64]) -> Field:
    """Return a map at positions along an axis, linearly between its pixels."""
    first = np.clip(positions.astype(np.int64), 0, max(image.shape[axis] - 2, 0))
    second = np.minimum(first + 1, image.shape[axis] - 1)
    share = (positions - first).astype(np.float32)
    if axis == -2:
        share = share[:, None]
    nearer = np.take(image, first, axis) * (1 - share)
    between: Field = nearer + np.take(image, second, axis) * share
    return between
