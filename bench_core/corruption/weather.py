"""Weather: snow, frost, fog and rain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench_core.corruption.fog_map import fog_map
from bench_core.corruption.frost_texture import NUM_TEXTURES, frost_texture
from bench_core.corruption.planes import (
    box_sums,
    gray,
    interpolated,
    motion_blurred,
    to_pixels,
    to_planes,
    zoomed,
)
from bench_core.synthetic.elementary import Field
from bench_core.synthetic.randomness import Randomness


class _Snow(NamedTuple):
    mean: float
    deviation: float
    zoom: float
    threshold: float
    radius: int
    sigma: float
    keep: float


class _Rain(NamedTuple):
    pixels_a_drop: int
    length: int
    blur: int
    darker: float


_SNOW = (
    _Snow(0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    _Snow(0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    _Snow(0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    _Snow(0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    _Snow(0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
_SNOW_DEGREES = (-135.0, -45.0)
_FROST = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
_COVER = 1.1
_FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
_RAIN = (
    _Rain(770, 10, 3, 0.1),
    _Rain(600, 30, 4, 0.15),
    _Rain(600, 30, 5, 0.2),
    _Rain(500, 60, 6, 0.25),
    _Rain(500, 60, 7, 0.3),
)
_SLANT = 10
_DROP = (200, 200, 200)


def snow(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Whiten the image, and let blurred flakes fall, from two directions."""
    height, width = pixels.shape[:2]
    setting = _SNOW[severity - 1]
    flakes = zoomed(random.noise(height, width) * setting.deviation + setting.mean, setting.zoom)
    flakes = np.where(flakes < setting.threshold, 0, np.clip(flakes, 0, 1)).astype(np.float32)
    degrees = random.uniform(*_SNOW_DEGREES)
    flakes = motion_blurred(flakes, setting.radius, setting.sigma, degrees)
    planes = to_planes(pixels)
    white = np.maximum(planes, gray(planes) * np.float32(1.5) + np.float32(0.5))
    whitened = planes * setting.keep + white * (1 - setting.keep)
    return to_pixels(whitened + flakes + flakes[::-1, ::-1])


def frost(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Lay a part of a frosted pane over the image; see `frost_texture`."""
    height, width = pixels.shape[:2]
    own, of_frost = _FROST[severity - 1]
    pane = _covering(frost_texture(random.below(NUM_TEXTURES)), height, width)
    top = random.below(pane.shape[1] - height + 1)
    left = random.below(pane.shape[2] - width + 1)
    part = pane[:, top : top + height, left : left + width]
    return to_pixels(to_planes(pixels) * own + part * of_frost)


def _covering(pane: NDArray[np.float32], height: int, width: int) -> Field:
    """Return a pane (3, H, W), enlarged to cover an image and a tenth more where it is smaller."""
    factor = max(height / pane.shape[1], width / pane.shape[2])
    if factor <= 1:
        return pane
    enlarged: Field = pane
    for axis in (-2, -1):
        size = pane.shape[axis]
        positions = np.arange(int(size * factor * _COVER) + 1) / (factor * _COVER)
        enlarged = interpolated(enlarged, axis, np.minimum(positions, size - 1))
    return enlarged


def fog(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Add clouds, and darken all so that the brightest stays as bright as it was."""
    weight, decay = _FOG[severity - 1]
    planes = to_planes(pixels)
    brightest = float(planes.max())
    clouded = planes + fog_map(planes.shape[1], planes.shape[2], decay, random) * np.float32(weight)
    return to_pixels(clouded * np.float32(brightest / (brightest + weight)))


def rain(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Draw slanted drops, blur the image and darken it.

    Drops of images that are not as high as a drop is long begin in their first row.
    """
    height, width = pixels.shape[:2]
    setting = _RAIN[severity - 1]
    slant = int(random.uniform(-_SLANT, _SLANT))
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    first, last = (slant, width) if slant < 0 else (0, max(width - slant, 0))
    for _ in range(height * width // setting.pixels_a_drop):
        x = first + random.below(last - first + 1)
        y = random.below(max(height - setting.length, 0) + 1)
        draw.line((x, y, x + slant, y + setting.length), fill=_DROP, width=1)
    area = setting.blur**2
    sums = box_sums(np.asarray(picture).transpose(2, 0, 1), setting.blur)
    mean = ((2 * sums + area) // (2 * area)).transpose(1, 2, 0)
    darker = np.maximum(mean - setting.darker * 255, 0)
    return np.ascontiguousarray(darker.astype(np.uint8))
