"""Noise: Gaussian, shot, impulse and speckle. Of each pixel and channel on its own."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bench_core.corruption.planes import to_pixels, to_planes
from bench_core.synthetic.randomness import Randomness

_GAUSSIAN = (0.08, 0.12, 0.18, 0.26, 0.38)
_SHOT = (60, 25, 12, 5, 3)
_IMPULSE = (0.03, 0.06, 0.09, 0.17, 0.27)
_SPECKLE = (0.15, 0.2, 0.35, 0.45, 0.6)
_HALVINGS, _TERMS = 10, 12
_MOST_PHOTONS = 160
"""More than 60, the largest mean, by 13 standard deviations."""


def gaussian_noise(
    pixels: NDArray[np.uint8], severity: int, random: Randomness
) -> NDArray[np.uint8]:
    """Add noise of one strength everywhere."""
    planes = to_planes(pixels)
    return to_pixels(planes + random.noise(*planes.shape) * _GAUSSIAN[severity - 1])


def speckle_noise(
    pixels: NDArray[np.uint8], severity: int, random: Randomness
) -> NDArray[np.uint8]:
    """Add noise that is as strong as the light."""
    planes = to_planes(pixels)
    return to_pixels(planes + planes * random.noise(*planes.shape) * _SPECKLE[severity - 1])


def impulse_noise(
    pixels: NDArray[np.uint8], severity: int, random: Randomness
) -> NDArray[np.uint8]:
    """Turn a share of the values into 0 or 255, each as often."""
    chances = random.uniforms(*pixels.shape)
    amount = _IMPULSE[severity - 1]
    noisy = np.where(chances < amount / 2, np.uint8(255), np.uint8(0))
    return np.where(chances < amount, noisy, pixels)


def shot_noise(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Count photons, which are Poisson distributed; the fewer, the noisier."""
    most = _SHOT[severity - 1]
    photons = _photons(pixels, most, random)
    return np.minimum(photons * 255 // most, 255).astype(np.uint8)


def _photons(pixels: NDArray[np.uint8], most: int, random: Randomness) -> NDArray[np.int64]:
    """Draw a Poisson number of mean pixel / 255 * most for each value.

    The distributions of all 256 values stand one behind another in one ascending line, so that one
    search finds every draw.
    """
    chances = random.uniforms(*pixels.shape)
    line = _poisson_line(most)
    found = np.searchsorted(line, pixels + chances, side="right")
    photons: NDArray[np.int64] = np.minimum(
        found - pixels.astype(np.int64) * _MOST_PHOTONS, _MOST_PHOTONS - 1
    )
    return photons


@lru_cache(maxsize=8)
def _poisson_line(most: int) -> NDArray[np.float64]:
    """Return value + P(count <= k | value) for each of 256 values and each k, ascending."""
    means = np.arange(256, dtype=np.float64) * most / 255
    chance = _exponential(means)
    total, lines = chance, [chance]
    for count in range(1, _MOST_PHOTONS):
        chance = chance * means / count
        total = total + chance
        lines.append(total)
    summed = np.minimum(np.stack(lines, axis=1), 1.0)
    summed[:, -1] = 1.0
    line: NDArray[np.float64] = (summed + np.arange(256.0)[:, None]).ravel()
    return line


def _exponential(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(-values): a series at a small share of it, squared again and again."""
    share = -values / (1 << _HALVINGS)
    result = np.ones_like(share)
    for term in range(_TERMS, 0, -1):
        result = 1 + share / term * result
    for _ in range(_HALVINGS):
        result = result * result
    return result
