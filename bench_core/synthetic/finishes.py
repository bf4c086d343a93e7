"""What covers body parts beside cloth: one material, a head with face and hair, an open jacket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench_core.synthetic.bands import THERMAL, Band
from bench_core.synthetic.canvas import Finish
from bench_core.synthetic.elementary import Field, decay
from bench_core.synthetic.materials import Material
from bench_core.synthetic.patterns import Surface

FACE_HALF_ANGLE = 1.25
HAIRLINE = 0.27
FACE_WARMTH = 1.15
"""How warm a face is against bare arms and legs."""

THERMAL_FEATURES = 0.3
"""How dark eyes, nose and mouth are in far infrared, against visible light."""


@dataclass(frozen=True)
class Solid:
    """A single material."""

    material: Material
    folds: float = 0.0

    def paint(self, surface: Surface, band: Band) -> Field:  # noqa: ARG002 - as `Finish`
        """Return the material's tone, float32 (C, 1, 1)."""
        return self.material.tone(band)


@dataclass(frozen=True)
class OpenFront:
    """A garment that is open in front and shows what is worn below.

    Attributes:
        outer: The garment.
        inner: What shows.
        half_angle: Half of the opening, in radians around the body.
    """

    outer: Finish
    inner: Material
    half_angle: float

    @property
    def folds(self) -> float:
        """Creases of the garment."""
        return self.outer.folds

    def paint(self, surface: Surface, band: Band) -> Field:
        """Return the reflectance of every pixel, float32 (C, h, w)."""
        outer = self.outer.paint(surface, band)
        edge = (self.half_angle - np.abs(surface.azimuth)) * 8
        shown = np.clip(edge + 0.5, 0, 1).astype(np.float32)
        return outer + shown * (self.inner.tone(band) - outer)


@dataclass(frozen=True)
class Head:
    """Face and hair.

    Attributes:
        skin: Skin.
        hair: Hair.
        bald: Whether there is none.
        height: From the crown to the chin, in metres.
    """

    skin: Material
    hair: Material
    bald: bool
    height: float
    folds: float = 0.0

    def paint(self, surface: Surface, band: Band) -> Field:
        """Return the reflectance of every pixel, float32 (C, h, w)."""
        share = surface.along / self.height
        turn = np.abs(surface.azimuth)
        skin = self.skin.tone(band) * (1 - _features(share, turn))
        if band == THERMAL:
            skin = self.skin.tone(band) * (FACE_WARMTH - THERMAL_FEATURES * _features(share, turn))
        if self.bald:
            return skin
        hairy = np.maximum((HAIRLINE - share) * 14, (turn - FACE_HALF_ANGLE) * 5)
        weight = np.clip(hairy + 0.5, 0, 1).astype(np.float32)
        mixed = skin + weight * (self.hair.tone(band) - skin)
        return np.asarray(mixed, dtype=np.float32)


def _features(share: Field, turn: Field) -> Field:
    """Return the darkness of eyes, nose and mouth, float32 (h, w) in [0, 1]."""
    eyes = _spot(share, turn, (0.47, 0.42), (0.045, 0.17))
    nose = _spot(share, turn, (0.66, 0.0), (0.03, 0.14))
    mouth = _spot(share, turn, (0.79, 0.0), (0.03, 0.28))
    darkness: Field = 0.55 * eyes + 0.25 * nose + 0.45 * mouth
    return darkness


def _spot(
    share: Field, turn: Field, centre: tuple[float, float], size: tuple[float, float]
) -> Field:
    """Return a soft spot, 1 in its middle; its place and size are down and around the head."""
    down, around = (share - centre[0]) / size[0], (turn - centre[1]) / size[1]
    return decay(down * down + around * around)
