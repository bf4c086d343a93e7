"""What processing does to images: brightness, contrast, distortion, pixels, JPEG, saturation."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench_core.corruption.planes import Planes, to_pixels, to_planes
from bench_core.synthetic.elementary import Field
from bench_core.synthetic.filters import blurred
from bench_core.synthetic.randomness import Randomness

_BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)
_CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
_ELASTIC = (0.05, 0.065, 0.085, 0.1, 0.12)
_ELASTIC_STRENGTH, _ELASTIC_SIGMA, _ELASTIC_MOVE, _ELASTIC_REACH = 250, 0.01, 0.005, 3.0
_PIXELATE = (0.6, 0.5, 0.4, 0.3, 0.25)
_JPEG = (25, 18, 15, 10, 7)
_SATURATE = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))
_SMALLEST = np.float32(1e-6)


def brightness(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Raise the value of HSV; hue and saturation stay."""
    planes = to_planes(pixels)
    value = planes.max(axis=0)
    brighter = np.minimum(value + np.float32(_BRIGHTNESS[severity - 1]), 1)
    scaled = planes * (brighter / np.maximum(value, _SMALLEST))
    return to_pixels(np.where(value > 0, scaled, brighter))


def contrast(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Draw each channel towards its mean."""
    planes, height, width = to_planes(pixels), *pixels.shape[:2]
    totals = pixels.sum(axis=(0, 1), dtype=np.int64)
    means = (totals / (255 * height * width)).astype(np.float32)[:, None, None]
    return to_pixels((planes - means) * np.float32(_CONTRAST[severity - 1]) + means)


def saturate(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Scale and raise the saturation of HSV; hue and value stay. Gray counts as red."""
    factor, offset = _SATURATE[severity - 1]
    planes = to_planes(pixels)
    value, least = planes.max(axis=0), planes.min(axis=0)
    span = value - least
    before = span / np.maximum(value, _SMALLEST)
    after = np.clip(before * np.float32(factor) + np.float32(offset), 0, 1)
    colourful = value - (value - planes) * (after / np.maximum(before, _SMALLEST))
    reddish = np.stack([value, value * (1 - after), value * (1 - after)])
    return to_pixels(np.where(span > 0, colourful, reddish))


def elastic_transform(
    pixels: NDArray[np.uint8], severity: int, random: Randomness
) -> NDArray[np.uint8]:
    """Move pixels by a smooth random field."""
    height, width = pixels.shape[:2]
    strength = _ELASTIC_STRENGTH * _ELASTIC[severity - 1]
    sigmas = height * _ELASTIC_SIGMA, width * _ELASTIC_SIGMA
    chances = random.uniforms(2, height, width) * 2 - 1
    moves = blurred(chances, sigmas, border="symmetric", truncate=_ELASTIC_REACH)
    down, across = moves * (_ELASTIC_MOVE * height * strength)
    rows = np.arange(height, dtype=np.float64)[:, None] + down
    columns = np.arange(width, dtype=np.float64)[None, :] + across
    return to_pixels(_sampled(to_planes(pixels), rows, columns))


def _sampled(planes: Planes, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Field:
    """Return an image between its pixels, bilinearly; it is mirrored beyond its border."""
    height, width = planes.shape[1:]
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    down, across = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    above, below = _mirrored(top, height), _mirrored(top + 1, height)
    before, behind = _mirrored(left, width), _mirrored(left + 1, width)
    upper = planes[:, above, before] * (1 - across) + planes[:, above, behind] * across
    lower = planes[:, below, before] * (1 - across) + planes[:, below, behind] * across
    return upper * (1 - down) + lower * down


def _mirrored(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return places within 0 to `size` - 1, mirrored beyond them with the border repeated."""
    within = places % (2 * size)
    return np.minimum(within, 2 * size - 1 - within)


def pixelate(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Shrink by averaging, and enlarge by repeating."""
    height, width = pixels.shape[:2]
    scale = _PIXELATE[severity - 1]
    small = max(int(width * scale), 1), max(int(height * scale), 1)
    shrunk = Image.fromarray(pixels).resize(small, Image.Resampling.BOX)
    return np.asarray(shrunk.resize((width, height), Image.Resampling.NEAREST))


def jpeg_compression(pixels: NDArray[np.uint8], severity: int, _: Randomness) -> NDArray[np.uint8]:
    """Write as a JPEG of low quality, and read it again."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_JPEG[severity - 1])
    return np.asarray(Image.open(file, formats=("JPEG",)).convert("RGB"))
