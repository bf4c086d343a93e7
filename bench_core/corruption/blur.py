"""Blur: defocus, glass, motion, zoom and Gaussian."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from bench_core.corruption.planes import motion_blurred, to_pixels, to_planes, zoomed
from bench_core.synthetic.elementary import decay
from bench_core.synthetic.filters import blurred
from bench_core.synthetic.randomness import Randomness

_GAUSSIAN = (1, 2, 3, 4, 6)
_DEFOCUS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
_SMALLEST_REACH = 8
_GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
_MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
_MOTION_DEGREES = 45.0
_ZOOM = ((12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03))
"""Number of zooms from 1 on, and their step.

Floating point lets the published range of severity 1 reach its end, 1.11.
"""


def gaussian_blur(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Blur by a Gaussian."""
    sigma = float(_GAUSSIAN[severity - 1])
    return to_pixels(blurred(to_planes(pixels), (sigma, sigma), border="edge"))


def defocus_blur(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Average over a disk whose edge is smoothed a little."""
    kernel = _disk(*_DEFOCUS[severity - 1])
    reach = len(kernel) // 2
    height, width = pixels.shape[:2]
    margins = ((0, 0), (reach, reach), (reach, reach))
    padded = np.pad(pixels.transpose(2, 0, 1).astype(np.int32), margins, mode="reflect")
    running = np.pad(np.cumsum(padded, axis=2, dtype=np.int32), ((0, 0), (0, 0), (1, 0)))
    total = np.zeros((3, height, width), np.float32)
    for row, weights in enumerate(kernel.tolist()):
        rows = running[:, row : row + height]
        for left, right, weight in _runs(weights):
            run = rows[:, :, right : right + width] - rows[:, :, left : left + width]
            total += run * np.float32(weight)
    return to_pixels(total / np.float32(255))


@lru_cache(maxsize=len(_DEFOCUS))
def _disk(radius: int, sigma: float) -> NDArray[np.float64]:
    """Return a disk of weights that add up to 1, smoothed by a Gaussian of 3 or 5 pixels.

    As published, what the smoothing would spread over the end of the array is mirrored, so that the
    weights of a disk that touches it add up to a little more.
    """
    reach, soft = max(radius, _SMALLEST_REACH), 1 if radius <= _SMALLEST_REACH else 2
    places = np.arange(-reach, reach + 1)
    inside = places[:, None] ** 2 + places[None, :] ** 2 <= radius**2
    disk = inside / np.float64(np.count_nonzero(inside))
    middle, *side = decay(np.square(np.arange(soft + 1) / sigma) / 2).tolist()
    total = middle + 2 * sum(side)
    for _ in range(2):
        padded = np.pad(disk, ((soft, soft), (0, 0)), mode="reflect")
        smooth = disk * (middle / total)
        for distance, weight in enumerate(side, start=1):
            before, behind = soft - distance, soft + distance
            neighbours = padded[before:][: len(disk)] + padded[behind:][: len(disk)]
            smooth = smooth + neighbours * (weight / total)
        disk = smooth.T
    return disk


def _runs(weights: list[float]) -> Iterator[tuple[int, int, float]]:
    """Yield (start, end, weight) of the runs of equal weights other than 0."""
    start = 0
    for weight, run in groupby(weights):
        end = start + len(list(run))
        if weight:
            yield start, end, weight
        start = end


def glass_blur(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Blur, let pixels take the place of others near them, and blur again."""
    sigma, shift, rounds = _GLASS[severity - 1]
    planes = to_planes(to_pixels(blurred(to_planes(pixels), (sigma, sigma), border="edge")))
    sources = _shuffled(pixels.shape[0], pixels.shape[1], shift, rounds, random)
    moved = planes.reshape(3, -1)[:, sources].reshape(planes.shape)
    return to_pixels(blurred(moved, (sigma, sigma), border="edge"))


def _shuffled(
    height: int, width: int, shift: int, rounds: int, random: Randomness
) -> NDArray[np.int64]:
    """Return which pixel each takes its colour from, flat indices (H x W).

    Rounds go over the pixels from the last to the first. Each becomes a copy of one up to `shift`
    pixels before or less than that behind it, down and across, which may itself be a copy. (The
    published code means to swap the two, but copies.)
    """
    sources = list(range(height * width))
    rows, columns = (np.arange(size - shift, shift, -1) for size in (height, width))
    places = (rows[:, None] * width + columns[None, :]).ravel()
    for _ in range(rounds):
        chances = random.uniforms(2, places.size) * (2 * shift)
        down, across = chances.astype(np.int64) - shift
        others = places + down * width + across
        for place, other in zip(places.tolist(), others.tolist(), strict=True):
            sources[place] = sources[other]
    return np.array(sources, dtype=np.int64)


def motion_blur(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Blur along a line."""
    radius, sigma = _MOTION[severity - 1]
    degrees = random.uniform(-_MOTION_DEGREES, _MOTION_DEGREES)
    return to_pixels(motion_blurred(to_planes(pixels), radius, float(sigma), degrees))


def zoom_blur(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Average the image and its zooms."""
    number, step = _ZOOM[severity - 1]
    planes = to_planes(pixels)
    total = planes.copy()
    for place in range(number):
        total += zoomed(planes, 1 + place * step)
    return to_pixels(total / (number + 1))
