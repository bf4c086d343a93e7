"""What things are made of: a visible colour, and two looks in infrared that do not depend on it."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.images import INFRARED
from bench_core.synthetic.bands import THERMAL, Band
from bench_core.synthetic.randomness import Randomness

SKIN_INFRARED = (0.62, 0.78)
HAIR_INFRARED = (0.08, 0.6)
CLOTH_INFRARED = (0.08, 0.95)
VISIBLE_CONTRAST = 0.28
"""Least difference of luma between a fabric and its pattern, so that people would buy it."""

INFRARED_CONTRAST = 0.33
SURVIVING_CONTRASTS = 0.85
"""Share of patterns whose two dyes or yarns surely differ in infrared, one way or the other."""

SURROUNDINGS_THERMAL = 0.15

LIGHT_SKIN, DARK_SKIN = (0.88, 0.69, 0.57), (0.30, 0.18, 0.12)
SKIN_MODE = 0.17
"""The most frequent skin tone: 0 is the lightest, 1 the darkest."""


@dataclass(frozen=True)
class Material:
    """How a surface reflects light and radiates warmth.

    Attributes:
        colour: Visible reflectance (red, green, blue), each in [0, 1].
        infrared: Near-infrared reflectance in [0, 1].
        thermal: Apparent temperature: 0 is the coldest thing in sight, 1 the warmest bare skin.
    """

    colour: tuple[float, float, float]
    infrared: float
    thermal: float = SURROUNDINGS_THERMAL

    def tone(self, band: Band) -> NDArray[np.float32]:
        """Return what a camera sees: float32 (3, 1, 1) in visible light, (1, 1, 1) otherwise."""
        looks = {INFRARED: (self.infrared,), THERMAL: (self.thermal,)}
        values = looks.get(band, self.colour)
        return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)

    @property
    def luma(self) -> float:
        """Visible brightness in [0, 1] (Rec. 601 weights)."""
        red, green, blue = self.colour
        return 0.299 * red + 0.587 * green + 0.114 * blue


def sample_cloth(rng: Randomness) -> Material:
    """Draw a cloth: the colour from what people wear, the infrared reflectance on its own."""
    return Material(_cloth_colour(rng), rng.uniform(*CLOTH_INFRARED))


def sample_accent(base: Material, rng: Randomness) -> Material:
    """Draw the second colour of a patterned cloth.

    It contrasts with `base` in visible light. In infrared the contrast is another one: larger or
    smaller, of either sign, or gone.
    """
    while True:
        colour = _cloth_colour(rng)
        if abs(Material(colour, 0.0).luma - base.luma) >= VISIBLE_CONTRAST:
            return Material(colour, _accent_infrared(base.infrared, rng))


def sample_skin(rng: Randomness) -> Material:
    """Draw a skin tone; in infrared all skin is about equally bright."""
    depth = _triangular(SKIN_MODE, rng)
    red, green, blue = (
        light + (dark - light) * depth for light, dark in zip(LIGHT_SKIN, DARK_SKIN, strict=True)
    )
    return Material((red, green, blue), rng.uniform(*SKIN_INFRARED))


def sample_hair(rng: Randomness) -> Material:
    """Draw a hair colour: mostly dark, some brown, blond or grey."""
    shades = ((0.07, 0.06, 0.06), (0.20, 0.13, 0.08), (0.52, 0.38, 0.20), (0.55, 0.54, 0.53))
    red, green, blue = shades[rng.choose((0.55, 0.28, 0.10, 0.07))]
    gain = rng.uniform(0.8, 1.2)
    return Material((red * gain, green * gain, blue * gain), rng.uniform(*HAIR_INFRARED))


def sample_leather(rng: Randomness) -> Material:
    """Draw what shoes and bags are made of: darker than cloth, often black or brown."""
    if rng.chance(0.6):
        value = rng.uniform(0.04, 0.22)
        colour = (value * rng.uniform(1.0, 1.5), value, value * rng.uniform(0.8, 1.0))
    else:
        colour = _cloth_colour(rng)
    return Material(colour, rng.uniform(*CLOTH_INFRARED))


def _accent_infrared(base: float, rng: Randomness) -> float:
    if not rng.chance(SURVIVING_CONTRASTS):
        return rng.uniform(*CLOTH_INFRARED)
    while True:
        value = rng.uniform(*CLOTH_INFRARED)
        if abs(value - base) >= INFRARED_CONTRAST:
            return value


def _cloth_colour(rng: Randomness) -> tuple[float, float, float]:
    kind = rng.choose((0.30, 0.17, 0.13, 0.40))
    if kind == 0:  # black, navy, dark grey
        return colorsys.hsv_to_rgb(
            rng.uniform(0.5, 0.75), rng.uniform(0, 0.5), rng.uniform(0.05, 0.25)
        )
    if kind == 1:  # greys, beiges, khaki
        return colorsys.hsv_to_rgb(
            rng.uniform(0.05, 0.2), rng.uniform(0, 0.35), rng.uniform(0.3, 0.7)
        )
    if kind == 2:  # near white
        return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.08), rng.uniform(0.8, 0.96))
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.9))


def _triangular(mode: float, rng: Randomness) -> float:
    """Draw from [0, 1] with a density that rises to `mode` and falls behind it."""
    share = rng.random()
    if share < mode:
        return sqrt(share * mode)
    return 1 - sqrt((1 - share) * (1 - mode))
