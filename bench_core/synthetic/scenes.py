"""Places that cameras look at: rooms and streets, in visible light, near and far infrared.

A place is drawn once for a process as a map of materials; all bands see the same geometry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.images import INFRARED
from bench_core.synthetic.bands import THERMAL, Band
from bench_core.synthetic.elementary import Field, decay, unit_deviation
from bench_core.synthetic.filters import blurred
from bench_core.synthetic.materials import Material
from bench_core.synthetic.randomness import Randomness

SCENE_STREAM = 3
HEIGHT, WIDTH = 560, 1120
HORIZON = 0.12
"""Row of the horizon as a share of the height: the camera hangs above people's heads."""

CAMERA_METRES = 2.6
FLOOR = 0.46
"""Row where the floor begins, as a share of the height."""

TILE_METRES = 0.6
NIGHT = 0.35
"""How bright a place is at night against its lit windows; a camera's background gain offsets it."""

NUM_LIT = 9
THERMAL_SPREAD = 4.0
"""Blur of a place in far infrared, in pixels."""


@dataclass
class _Drawing:
    """A place under construction: a map of indices into a list of materials."""

    pixels: NDArray[np.uint8]
    materials: list[Material]

    def box(self, corners: tuple[float, float, float, float], material: Material) -> None:
        """Fill a rectangle (left, top, right, bottom; shares of width and height)."""
        left, top, right, bottom = corners
        self.materials.append(material)
        rows = slice(max(0, int(top * HEIGHT)), int(bottom * HEIGHT) + 1)
        columns = slice(max(0, int(left * WIDTH)), int(right * WIDTH) + 1)
        self.pixels[rows, columns] = len(self.materials) - 1

    def mask(self, mask: NDArray[np.bool_], material: Material) -> None:
        """Fill the pixels of a mask, bool (HEIGHT, WIDTH)."""
        self.materials.append(material)
        self.pixels[mask] = len(self.materials) - 1


_Draw = Callable[[_Drawing, Randomness], Field]
"""Draws a place and returns its relief."""


def pixels_per_metre(row: float) -> float:
    """Return the scale of a scene at the feet of a person who stands at `row` (pixels)."""
    return (row - HORIZON * HEIGHT) / CAMERA_METRES


@lru_cache(maxsize=32)
def build_scene(kind: str, place: int, band: Band, seed: int) -> NDArray[np.uint8]:
    """Draw a place.

    Args:
        kind: A key of `SCENES`.
        place: Number of the place; with `seed` it decides everything.
        band: What the camera sees.
        seed: Seed of the dataset.

    Returns:
        An image (C, HEIGHT, WIDTH), with three channels for visible light and one otherwise,
        before the camera's light; from FLOOR downwards people can stand.
    """
    drawing, relief = _drawn_place(kind, place, seed)
    tones = np.stack([material.tone(band)[:, 0, 0] for material in drawing.materials])
    light: Field = tones.T[:, drawing.pixels] * relief * _depth_shading(band)
    if band == THERMAL:  # warmth spreads, and hardly tells one wall from another
        light = blurred(light, (THERMAL_SPREAD, THERMAL_SPREAD))
    return (np.clip(light, 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=16)
def _drawn_place(kind: str, place: int, seed: int) -> tuple[_Drawing, Field]:
    """Draw the materials and the relief of a place; callers must not change them."""
    rng = Randomness(seed, SCENE_STREAM, place)
    empty = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    drawing = _Drawing(empty, [_random_material(rng, 0.4, 0.75)])
    return drawing, SCENES[kind](drawing, rng)


def _room(drawing: _Drawing, rng: Randomness) -> Field:
    """Draw a wall with doors, notices and cabinets above a tiled floor."""
    floor = _random_material(rng, 0.3, 0.65)
    drawing.box((0, FLOOR, 1, 1), floor)
    drawing.mask(_tiles(rng, 0.035), _darker(floor, 0.75))
    drawing.box((0, FLOOR - 0.03, 1, FLOOR), _random_material(rng, 0.2, 0.4))
    x = rng.uniform(0, 0.05)
    while x < 0.95:
        width = rng.uniform(0.06, 0.13)
        _furnish(drawing, rng, x, width)
        x += width + rng.uniform(0.02, 0.09)
    return _relief(rng, grain=0.012)


def _furnish(drawing: _Drawing, rng: Randomness, x: float, width: float) -> None:
    """Put a door, a window, a notice board, a cabinet or a desk against the wall."""
    kind = rng.below(5)
    material = _random_material(rng, 0.12, 0.85)
    if kind == 0:  # door with frame and glass
        drawing.box((x - 0.006, 0.02, x + width + 0.006, FLOOR), _darker(material, 0.6))
        drawing.box((x, 0.03, x + width, FLOOR), material)
        drawing.box(
            (x + 0.6 * width, 0.08, x + 0.85 * width, 0.24), _random_material(rng, 0.1, 0.5)
        )
    elif kind == 1:  # window
        drawing.box((x, 0.02, x + width, 0.25), _darker(material, 0.5))
        for pane in (0.06, 0.54):
            left = x + pane * width
            drawing.box((left, 0.035, left + 0.4 * width, 0.235), _random_material(rng, 0.6, 0.95))
    elif kind == 2:  # notices
        for _ in range(4):
            left, top = x + rng.uniform(0, width * 0.6), rng.uniform(0.05, 0.22)
            right, bottom = left + rng.uniform(0.015, 0.04), top + rng.uniform(0.04, 0.12)
            drawing.box((left, top, right, bottom), _random_material(rng, 0.3, 0.95))
    elif kind == 3:  # cabinet with drawers
        top = rng.uniform(0.1, 0.28)
        drawing.box((x, top, x + width, FLOOR + 0.03), material)
        for share in (0.33, 0.66):
            row = top + share * (FLOOR + 0.03 - top)
            drawing.box((x, row, x + width, row + 0.006), _darker(material, 0.6))
    else:  # desk
        drawing.box((x, 0.31, x + width, 0.335), material)
        for left in (x + 0.005, x + width - 0.012):
            drawing.box((left, 0.335, left + 0.008, FLOOR + 0.04), _darker(material, 0.7))


def _street(drawing: _Drawing, rng: Randomness) -> Field:
    """Draw a facade, a hedge, trunks and poles above a paved path."""
    drawing.box((0, 0, 1, FLOOR), _random_material(rng, 0.35, 0.7))
    _windows(drawing, rng)
    drawing.mask(_foliage(rng), _leaves(rng))
    pavement = _random_material(rng, 0.35, 0.6)
    drawing.box((0, FLOOR, 1, 1), pavement)
    drawing.mask(_tiles(rng, 0.05), _darker(pavement, 0.78))
    drawing.box((0, FLOOR, 1, FLOOR + 0.025), _random_material(rng, 0.45, 0.7))
    for _ in range(5):
        x, width = rng.uniform(0, 1), rng.uniform(0.008, 0.03)
        trunk = Material((0.25, 0.19, 0.14), rng.uniform(0.2, 0.6))
        drawing.box((x, 0, x + width, FLOOR + rng.uniform(0.0, 0.08)), trunk)
    return _relief(rng, grain=0.022)


def _night(draw: _Draw) -> _Draw:
    """Return how a place is drawn at night: dark, with lit windows and signs."""

    def drawn(drawing: _Drawing, rng: Randomness) -> Field:
        relief = draw(drawing, rng)
        drawing.materials = [_darker(material, NIGHT) for material in drawing.materials]
        for _ in range(NUM_LIT):
            left, top = rng.uniform(0, 0.96), rng.uniform(0.02, 0.3)
            right, bottom = left + rng.uniform(0.015, 0.04), top + rng.uniform(0.04, 0.1)
            glow = Material((1.0, rng.uniform(0.8, 1.0), rng.uniform(0.55, 1.0)), 0.6)
            drawing.box((left, top, right, bottom), glow)
        return relief

    return drawn


def _windows(drawing: _Drawing, rng: Randomness) -> None:
    glass = _random_material(rng, 0.08, 0.35)
    step = rng.uniform(0.07, 0.12)
    x = rng.uniform(0, step)
    while x < 1:
        drawing.box((x, 0.03, x + 0.55 * step, 0.2), glass)
        drawing.box((x + 0.26 * step, 0.03, x + 0.29 * step, 0.2), _darker(glass, 2.2))
        x += step


def _foliage(rng: Randomness) -> NDArray[np.bool_]:
    """Return where a hedge of uneven height covers the facade."""
    swell = unit_deviation(blurred(rng.noise(1, WIDTH), (0, 35), border="wrap"))
    outline = FLOOR * HEIGHT * (0.72 + 0.16 * swell)
    ragged = blurred(rng.noise(HEIGHT, WIDTH), (3, 3)) * 120
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    return np.asarray(rows + ragged > outline)


def _leaves(rng: Randomness) -> Material:
    green = rng.uniform(0.25, 0.45)
    colour = (green * rng.uniform(0.5, 0.85), green, green * rng.uniform(0.3, 0.5))
    return Material(colour, rng.uniform(0.6, 0.85))  # chlorophyll reflects near infrared


def _tiles(rng: Randomness, joint: float) -> NDArray[np.bool_]:
    """Return the joints of a tiled floor in perspective; `joint` is their share of a tile."""
    rows = np.arange(HEIGHT, dtype=np.float64)[:, None] - HORIZON * HEIGHT
    columns = np.arange(WIDTH, dtype=np.float64)[None, :] - WIDTH / 2
    below = np.maximum(rows, 1)
    forward = 520 * CAMERA_METRES / below / TILE_METRES + rng.random()
    sideways = columns * CAMERA_METRES / below / TILE_METRES + rng.random()
    lines = (_beyond_whole(forward) < joint * 2) | (_beyond_whole(sideways) < joint)
    return np.asarray(lines & (rows > (FLOOR - HORIZON) * HEIGHT))


def _beyond_whole(values: Field) -> Field:
    return values - np.floor(values)


def _relief(rng: Randomness, grain: float) -> Field:
    """Return uneven light and dirt: a gain around 1, float32 (HEIGHT, WIDTH)."""
    broad = unit_deviation(blurred(rng.noise(HEIGHT // 4, WIDTH // 4), (14, 14)))
    broad = blurred(broad.repeat(4, axis=0).repeat(4, axis=1), (3, 3))
    fine = unit_deviation(blurred(rng.noise(HEIGHT, WIDTH), (1.2, 1.2)))
    return np.clip(1 + 0.06 * broad + grain * 2.5 * fine, 0.3, 1.6)


def _depth_shading(band: Band) -> Field:
    """Return the gain by row: an illuminator leaves the distance dark, the ground is warm."""
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None] / (HEIGHT - 1)
    if band == THERMAL:
        return 0.75 + 0.4 * rows
    if band == INFRARED:
        return 0.45 + 0.55 * np.clip((rows - 0.2) / 0.7, 0, 1)
    distance = (rows - FLOOR) / 0.03
    return 1 - 0.3 * decay(distance * distance)


def _random_material(rng: Randomness, least: float, most: float) -> Material:
    """Draw an unsaturated building material with a brightness in a range."""
    value = rng.uniform(least, most)
    warmth = rng.normal(0, 0.08)
    colour = (value * (1 + warmth), value, value * (1 - warmth))
    red, green, blue = (min(max(channel, 0.0), 1.0) for channel in colour)
    infrared = rng.uniform(0.15, 0.85)
    # What is of one kind differs a little in temperature, too; colour tells as little about it.
    return Material((red, green, blue), infrared, thermal=0.06 + 0.2 * infrared)


def _darker(material: Material, gain: float) -> Material:
    red, green, blue = (min(1.0, channel * gain) for channel in material.colour)
    return replace(material, colour=(red, green, blue), infrared=min(1.0, material.infrared * gain))


SCENES: dict[str, _Draw] = {
    "room": _room,
    "street": _street,
    "room at night": _night(_room),
    "street at night": _night(_street),
}
