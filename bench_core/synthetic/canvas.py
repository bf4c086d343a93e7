"""Drawing of body parts: tubes with analytic edges, wrapped in cloth and shaded as volumes.

Shape letters: C channels (3 visible, else 1), H and W the canvas, h and w a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic.bands import Band
from bench_core.synthetic.elementary import Field, arcsine, norm, unit_deviation, wrapped
from bench_core.synthetic.filters import blurred
from bench_core.synthetic.patterns import Surface
from bench_core.synthetic.randomness import Randomness

Point = tuple[float, float]

PROFILE_SAMPLES = 96
FOLD_PIXELS_PER_METRE = 300
FOLD_TILE = 512
FOLD_SEED = 20171122
CONTACT_SHADOW_METRES = 0.05


class Finish(Protocol):
    """What covers a body part."""

    @property
    def folds(self) -> float:
        """How strongly creases show, in [0, 1]."""
        ...

    def paint(self, surface: Surface, band: Band) -> Field:
        """Return the reflectance of every pixel, float32 (C, h, w) or (C, 1, 1)."""
        ...


@dataclass(frozen=True)
class Tube:
    """A body part: a straight axis with a radius on either side that changes along it.

    Attributes:
        start: Upper end of the axis, (x, y) in metres, y upwards from the ground.
        end: Lower end of the axis.
        left: Radius (metres) on the left of the image at equal steps from start to end, (K,).
        right: The same on the right.
        finish: What covers it.
        depth: Order of drawing: larger is nearer to the camera.
        yaw: Direction that its front faces, in radians from the camera to the right.
        girth: Radius (metres) that turns azimuth into distance around the body.
        top: Distance (metres) of its start from the top of the garment.
        shadow: Darkness in [0, 1] of the contact shadow on what lies behind.
        sag: How much lower (metres) a ring around the tube is in front than at its sides, because
            the camera looks down.
    """

    start: Point
    end: Point
    left: NDArray[np.float32]
    right: NDArray[np.float32]
    finish: Finish
    depth: float
    yaw: float = 0.0
    girth: float = 0.1
    top: float = 0.0
    shadow: float = 0.35
    sag: float = 0.0


@dataclass(frozen=True)
class Light:
    """Where light comes from, in camera coordinates (right, up, towards the camera).

    Attributes:
        direction: Unit vector towards the source.
        ambient: Share of light from everywhere, in [0, 1].
        relief: How strongly creases and contact shadows show; 1 in light, less in warmth.
    """

    direction: tuple[float, float, float]
    ambient: float
    relief: float = 1.0


def direction_to(right: float, up: float, towards: float) -> tuple[float, float, float]:
    """Return the unit vector along (right, up, towards the camera)."""
    length = sqrt(right * right + up * up + towards * towards)
    return right / length, up / length, towards / length


@dataclass(frozen=True)
class _Place:
    """A tube on the canvas: where its pixels lie along and across it."""

    rows: slice
    columns: slice
    normal: Point
    share: Field  # along the axis: 0 at the start, 1 at the end
    across: Field  # of the radius, in [-1, 1]: -1 left edge, 1 right edge
    margin: Field  # distance inside the outline, in pixels


class Canvas:
    """An image under construction, in reflected light."""

    def __init__(
        self, pixels: Field, band: Band, light: Light, *, scale: float, origin: Point
    ) -> None:
        """Wrap the background.

        Args:
            pixels: Background, float32 (C, H, W); drawn on.
            band: Which look of the materials to draw.
            light: The light.
            scale: Pixels per metre.
            origin: Place (x, y) in metres of the upper left corner.
        """
        self.pixels = pixels
        self._band = band
        self._light = light
        self._scale = scale
        self._origin = origin

    def draw(self, tube: Tube) -> None:
        """Draw a body part over what is there, with a contact shadow around it."""
        place = self._place(tube)
        if place is None:
            return
        region = self.pixels[:, place.rows, place.columns]
        if tube.shadow:
            reach = CONTACT_SHADOW_METRES * self._scale
            shadow = tube.shadow * self._light.relief
            nearness = np.clip(1 + place.margin / reach, 0, 1)
            region *= 1 - shadow * (nearness * nearness)
        alpha = np.clip(place.margin + 0.5, 0, 1)
        surface = self._surface(tube, place)
        colour = tube.finish.paint(surface, self._band) * self._shading(tube, place, surface)
        region += alpha * (colour - region)

    def shade_ground(self, centre: Point, radii: Point, darkness: float) -> None:
        """Darken a soft ellipse: the shadow where a person stands.

        Args:
            centre: Its middle, in metres.
            radii: Half width and half height, in metres.
            darkness: Share of light taken in the middle, in [0, 1].
        """
        _, height, width = self.pixels.shape
        x, y = self._to_pixels(centre)
        across = (np.arange(width, dtype=np.float32) - x) / (radii[0] * self._scale)
        down = (np.arange(height, dtype=np.float32) - y) / (radii[1] * self._scale)
        distance = (across * across)[None, :] + (down * down)[:, None]
        darkness *= self._light.relief
        self.pixels *= 1 - darkness * np.clip(1 - distance, 0, 1)

    def _to_pixels(self, point: Point) -> Point:
        return (
            (point[0] - self._origin[0]) * self._scale,
            (self._origin[1] - point[1]) * self._scale,
        )

    def _place(self, tube: Tube) -> _Place | None:
        """Measure the canvas around a tube; None where it is outside or seen from its end."""
        (x0, y0), (x1, y1) = self._to_pixels(tube.start), self._to_pixels(tube.end)
        length = norm(x1 - x0, y1 - y0)
        if length < 0.5:
            return None
        widest = float(max(tube.left.max(), tube.right.max()))
        reach = (widest + CONTACT_SHADOW_METRES) * self._scale
        _, height, width = self.pixels.shape
        rows = slice(max(0, int(min(y0, y1) - reach)), min(height, int(max(y0, y1) + reach) + 2))
        columns = slice(max(0, int(min(x0, x1) - reach)), min(width, int(max(x0, x1) + reach) + 2))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        right = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + (0.5 - x0)
        down = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + (0.5 - y0)
        along = right * dx + down * dy
        across = right * dy - down * dx
        radius = _radius(tube, along / length, across) * self._scale
        side = np.clip(across / np.maximum(radius, 0.3), -1, 1)
        rings = along
        if tube.sag:
            rings = along + (1 - np.sqrt(1 - side * side)) * (tube.sag * self._scale)
        margin = np.minimum(radius - np.abs(across), np.minimum(along, length - rings))
        return _Place(rows, columns, (dy, -dx), rings / length, side, margin)

    def _surface(self, tube: Tube, place: _Place) -> Surface:
        length = norm(tube.end[0] - tube.start[0], tube.end[1] - tube.start[1])
        azimuth = wrapped(arcsine(place.across) - tube.yaw)
        return Surface(
            around=azimuth * tube.girth,
            along=place.share * length + tube.top,
            azimuth=azimuth,
            pixel=1 / self._scale,
        )

    def _shading(self, tube: Tube, place: _Place, surface: Surface) -> Field:
        """Return the light that each pixel reflects, relative to a surface that faces it all."""
        right, up, towards = self._light.direction
        side = place.across
        facing = side * (place.normal[0] * right - place.normal[1] * up)
        facing += np.sqrt(1 - 0.96 * side * side) * towards
        light = self._light.ambient + (1 - self._light.ambient) * np.clip(facing, 0, None)
        if tube.finish.folds:
            light *= 1 + tube.finish.folds * self._light.relief * _folds(surface, tube.depth)
        return np.asarray(light, dtype=np.float32)


def _radius(tube: Tube, share: Field, across: Field) -> Field:
    place = np.clip(share * (PROFILE_SAMPLES - 1) + 0.5, 0, PROFILE_SAMPLES - 1).astype(np.int32)
    radius: Field = np.where(across < 0, tube.left[place], tube.right[place])
    return radius


def _folds(surface: Surface, offset: float) -> Field:
    """Look up the creases of cloth: they lie on the garment, so they move with it."""
    tile: Field = _fold_tile()
    down = (surface.along * FOLD_PIXELS_PER_METRE + offset * 997).astype(np.int32) % FOLD_TILE
    across = (surface.around * FOLD_PIXELS_PER_METRE + offset * 577).astype(np.int32) % FOLD_TILE
    return np.asarray(tile[down, across], dtype=np.float32)


@cache
def _fold_tile() -> Field:
    """Make smooth noise of unit variance that repeats seamlessly, float32 (tile, tile)."""
    rng = Randomness(FOLD_SEED)
    noise = np.zeros((FOLD_TILE, FOLD_TILE), dtype=np.float32)
    for sigmas in ((4, 12), (10, 5), (25, 18)):
        noise += unit_deviation(blurred(rng.noise(*noise.shape), sigmas, border="wrap"))
    return unit_deviation(noise)
