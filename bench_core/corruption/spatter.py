"""Spatter: drops of water or splashes of mud on the lens."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bench_core.corruption.planes import Planes, box_sums, to_pixels, to_planes
from bench_core.synthetic.filters import blurred
from bench_core.synthetic.randomness import Randomness


class _Spatter(NamedTuple):
    mean: float
    deviation: float
    sigma: float
    threshold: float
    strength: float
    kind: Literal["water", "mud"]


_SPATTER = (
    _Spatter(0.65, 0.3, 4, 0.69, 0.6, "water"),
    _Spatter(0.65, 0.3, 3, 0.68, 0.6, "water"),
    _Spatter(0.65, 0.3, 2, 0.68, 0.5, "water"),
    _Spatter(0.65, 0.3, 1, 0.65, 1.5, "mud"),
    _Spatter(0.67, 0.4, 1, 0.65, 1.5, "mud"),
)
_WATER = np.array((175, 238, 238), np.float32)[:, None, None] / np.float32(255)
_MUD = np.array((63, 42, 20), np.float32)[:, None, None] / np.float32(255)
_SOLID = 0.8
_FARTHEST = 20
_EMBOSS = ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))
_WEAK, _STRONG = 50, 150
"""Gradients of an edge: of each of its pixels, and of at least one of them."""
_FLAT = 2.414213562373095
"""The cotangent of an eighth of a half turn: directions nearer to an axis are along it."""


def spatter(pixels: NDArray[np.uint8], severity: int, random: Randomness) -> NDArray[np.uint8]:
    """Cover parts of the image: light drops to severity 3, mud above."""
    setting = _SPATTER[severity - 1]
    height, width = pixels.shape[:2]
    noise = random.noise(height, width) * setting.deviation + setting.mean
    smooth = blurred(noise, (setting.sigma, setting.sigma), border="edge")
    liquid: NDArray[np.float32] = np.where(smooth < setting.threshold, 0, smooth).astype(np.float32)
    planes = to_planes(pixels)
    covered = _with_water if setting.kind == "water" else _with_mud
    return to_pixels(covered(planes, liquid, setting))


def _with_mud(planes: Planes, liquid: NDArray[np.float32], setting: _Spatter) -> Planes:
    """Mix in mud where its splashes are solid."""
    splashes = (liquid > setting.threshold).astype(np.float32)
    strength = setting.strength
    thickness = blurred(splashes, (strength, strength), border="edge")
    share = np.where(thickness < _SOLID, 0, thickness).astype(np.float32)
    mixed: Planes = planes * (1 - share) + _MUD * share
    return mixed


def _with_water(planes: Planes, liquid: NDArray[np.float32], setting: _Spatter) -> Planes:
    """Add light where drops are thick, embossed by how far their edges are."""
    light: NDArray[np.float32] = liquid * _embossed(np.minimum(liquid * 255, 255).astype(np.int64))
    brightest = light.max()
    if brightest > 0:
        light = light / brightest
    lit: Planes = planes + light * np.float32(setting.strength) * _WATER
    return lit


def _embossed(liquid: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return how light falls on drops, 0 to 255, from the distance to their edges."""
    near = np.minimum(ndimage.distance_transform_edt(~_edges(liquid)), _FARTHEST)
    smooth = box_sums(np.rint(near * 256).astype(np.int64), 3) // (9 * 256)
    spread = _equalised(smooth)
    height, width = spread.shape
    padded = np.pad(spread, 1, mode="reflect")
    total = np.zeros_like(spread)
    for row, weights in enumerate(_EMBOSS):
        for column, weight in enumerate(weights):
            total += weight * padded[row : row + height, column : column + width]
    return (box_sums(np.clip(total, 0, 255), 3) / np.float32(9)).astype(np.float32)


def _edges(liquid: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the ridges of the gradient that are steep and joined to a very steep place.

    Where there is none, everything is an edge.
    """
    padded = np.pad(liquid, 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    columns = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across, down = rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]
    steepness = np.abs(across) + np.abs(down)
    ridges = (steepness > _WEAK) & _is_ridge(steepness, across, down)
    parts, _ = ndimage.label(ridges, np.ones((3, 3)))
    strong = np.unique(parts[ridges & (steepness > _STRONG)])
    edges: NDArray[np.bool_] = np.isin(parts, strong)
    return edges if len(strong) else np.ones_like(edges)


def _is_ridge(
    steepness: NDArray[np.int64], across: NDArray[np.int64], down: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return where no neighbour in the gradient's direction, to an eighth of a turn, is steeper."""
    wide, high = np.abs(across), np.abs(down)
    level, upright = _FLAT * high <= wide, _FLAT * wide <= high
    falling = (across < 0) == (down < 0)
    ridge = np.zeros(steepness.shape, np.bool_)
    directions = (
        (level, (0, 1)),
        (upright, (1, 0)),
        (~level & ~upright & falling, (1, 1)),
        (~level & ~upright & ~falling, (1, -1)),
    )
    height, width = steepness.shape
    padded = np.pad(steepness, 1)
    for chosen, (dy, dx) in directions:
        before = padded[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        behind = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        ridge |= chosen & (steepness > before) & (steepness >= behind)
    return ridge


def _equalised(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Spread values of 0 to 255 so that each level is about as frequent."""
    counts = np.bincount(values.ravel(), minlength=256)
    below = np.cumsum(counts)
    first = int(counts[np.flatnonzero(counts)[0]])
    rest = max(values.size - first, 1)
    levels = np.maximum((2 * (below - first) * 255 + rest) // (2 * rest), 0)
    spread: NDArray[np.int64] = levels[values]
    return spread
