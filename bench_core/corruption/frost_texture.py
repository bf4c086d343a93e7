"""Frosted panes, drawn: ferns of ice that grow from the borders, on a bluish mist.

The published benchmark lays photographs over its images. They are not part of this program; these
panes take their place. Each has the mean and the deviation of the light of one of the five, and its
mean colour, but what it shows is not what they show: scores under frost are near those under the
photographs and not the same.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench_core.corruption.planes import interpolated
from bench_core.synthetic.elementary import Field, cosine, sine
from bench_core.synthetic.filters import blurred
from bench_core.synthetic.randomness import Randomness


class _Pane(NamedTuple):
    """The light of a pane: its mean and deviation, and the mean of each channel relative to it."""

    mean: float
    deviation: float
    tint: tuple[float, float, float]


_PANES = (
    _Pane(0.51, 0.17, (0.59, 1.14, 1.27)),
    _Pane(0.81, 0.09, (0.97, 1.0, 1.03)),
    _Pane(0.81, 0.09, (0.97, 1.0, 1.03)),
    _Pane(0.60, 0.12, (0.9, 1.0, 1.1)),
    _Pane(0.48, 0.17, (0.92, 0.99, 1.09)),
)
NUM_TEXTURES = len(_PANES)
SIZE = 640
"""Height and width of a pane."""

_KEY = 0x66726F7374
_MARGIN = 64
_STEMS = 170
_TURN = 6.283185307179586
_BRANCH = (0.5, 0.8660254037844386)
"""Cosine and sine of a sixth of a turn, at which needles leave their stem."""
_STEP, _MOST_BEND = 4.0, 0.02
_MIST_SCALES = ((24.0, 0.5), (6.0, 0.3), (1.5, 0.2))
"""Deviations in cells of 4 x 4 pixels, and weights."""
_CELL = 4
_MIST = 0.75
_UNITS = 1 << 12
"""Mist is rounded to this part of 1."""


class _Stem(NamedTuple):
    """A stem of ice: where it begins, its direction (radians) and length, and its light."""

    x: float
    y: float
    angle: float
    length: float
    light: int


@lru_cache(maxsize=NUM_TEXTURES)
def frost_texture(number: int) -> NDArray[np.float32]:
    """Return a frosted pane (3, `SIZE`, `SIZE`), float32 in [0, 1].

    Args:
        number: 0 to `NUM_TEXTURES` - 1.
    """
    random = Randomness(_KEY, number)
    side = SIZE + 2 * _MARGIN
    picture = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(picture)
    for _ in range(_STEMS):
        _draw_fern(draw, _stem(random, side), random)
    inner = slice(_MARGIN, _MARGIN + SIZE)
    ice = np.asarray(picture, dtype=np.float32)[inner, inner] / np.float32(255)
    glow = blurred(ice, (3.0, 3.0))
    mist = _mist(random)
    light = ice * (mist + np.float32(0.1)) + glow * np.float32(0.8) + mist * mist
    pane = _lit(light, _PANES[number])
    pane.flags.writeable = False
    return pane


def _lit(light: Field, pane: _Pane) -> NDArray[np.float32]:
    """Bring light (H, W) to a mean and a deviation, and tint it: (3, H, W) in [0, 1]."""
    whole = np.rint(light * _UNITS).astype(np.int64)  # whole numbers add up alike in any order
    mean = whole.sum() / whole.size
    deviation = sqrt((whole * whole).sum() / whole.size - mean * mean)
    spread = (whole - mean) * (pane.deviation / deviation) + pane.mean
    tinted = spread * np.array(pane.tint)[:, None, None]
    lit: NDArray[np.float32] = np.clip(tinted, 0, 1).astype(np.float32)
    return lit


def _stem(random: Randomness, side: int) -> _Stem:
    return _Stem(
        x=random.uniform(0, side),
        y=random.uniform(0, side),
        angle=random.uniform(0, _TURN),
        length=random.uniform(40, 190),
        light=90 + random.below(150),
    )


def _draw_fern(draw: ImageDraw.ImageDraw, stem: _Stem, random: Randomness) -> None:
    """Draw a stem that bends a little, with needles at both sides that shorten towards its end."""
    x, y, light = stem.x, stem.y, stem.light
    direction = cosine(stem.angle), sine(stem.angle)
    bend = random.uniform(-_MOST_BEND, _MOST_BEND)
    turn = sqrt(1 - bend * bend), bend
    steps = int(stem.length / _STEP)
    for step in range(steps):
        end = x + _STEP * direction[0], y + _STEP * direction[1]
        _draw_line(draw, (x, y), end, light, 2 if step < steps // 2 else 1)
        (x, y), direction = end, _turned(direction, turn)
        reach = (1 - step / steps) * stem.length * random.uniform(0.15, 0.4)
        for side in (-1, 1):
            needle = _turned(direction, (_BRANCH[0], side * _BRANCH[1]))
            tip = x + reach * needle[0], y + reach * needle[1]
            _draw_line(draw, (x, y), tip, light * 3 // 4, 1)


def _turned(direction: tuple[float, float], turn: tuple[float, float]) -> tuple[float, float]:
    """Return a direction turned by an angle, given as its cosine and sine."""
    (x, y), (across, up) = direction, turn
    return x * across - y * up, x * up + y * across


def _draw_line(
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    light: int,
    width: int,
) -> None:
    """Draw between whole pixels, which every version of PIL does alike."""
    places = [round(value) for value in (*start, *end)]
    draw.line(places, fill=light, width=width)


def _mist(random: Randomness) -> NDArray[np.float32]:
    """Return soft light of several scales, (`SIZE`, `SIZE`) in [0, `_MIST`]."""
    side = SIZE // _CELL
    total: Field = np.zeros((side, side), np.float32)
    for sigma, weight in _MIST_SCALES:
        field = blurred(random.noise(side, side), (sigma, sigma), border="wrap")
        low, high = field.min(), field.max()
        total = total + (field - low) / (high - low) * np.float32(weight)
    places = np.arange(SIZE, dtype=np.float64) * ((side - 1) / (SIZE - 1))
    smooth = interpolated(interpolated(total, -2, places), -1, places)
    mist: NDArray[np.float32] = np.rint(smooth * np.float32(_MIST) * _UNITS).astype(np.float32)
    return mist / np.float32(_UNITS)
