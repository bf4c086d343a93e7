"""Cloth patterns as masks over the surface of a garment: where the accent shows, not the base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench_core.synthetic.elementary import HALF_PI, PI, Field, norms
from bench_core.synthetic.randomness import Randomness

PLAIN = "plain"


@dataclass(frozen=True)
class Pattern:
    """A cloth pattern.

    Attributes:
        kind: A key of `PATTERNS`, or "plain".
        period: Distance of repeats, or size of a print, in metres.
        share: Share of the accent in a period, or place of a colour change, in (0, 1).
        phase: Offset in periods, in [0, 1).
        on_back: Whether a print is on the back as well.
    """

    kind: str
    period: float = 0.1
    share: float = 0.5
    phase: float = 0.0
    on_back: bool = False


@dataclass(frozen=True)
class Surface:
    """Where the pixels of a body part lie on its garment.

    Attributes:
        around: Distance (metres) around the body from the middle of the front, float32 (h, w).
        along: Distance (metres) down from the top of the garment, float32 (h, w).
        azimuth: Direction that the surface faces: 0 front, +-pi back, float32 (h, w).
        pixel: Size of a pixel, in metres.
    """

    around: Field
    along: Field
    azimuth: Field
    pixel: float


def accent_mask(pattern: Pattern, surface: Surface) -> Field:
    """Return the weight of the accent at every pixel, float32 (h, w) in [0, 1]; not for plain."""
    return PATTERNS[pattern.kind](pattern, surface)


def sample_pattern(rng: Randomness, kinds: tuple[str, ...]) -> Pattern:
    """Draw a pattern among `kinds`, with geometry coarse enough for a surveillance camera."""
    kind = kinds[rng.below(len(kinds))]
    prints = kind in ("disc", "block", "triangle")
    return Pattern(
        kind,
        period=rng.uniform(0.18, 0.30) if prints else rng.uniform(0.09, 0.23),
        share=rng.uniform(0.3, 0.65),
        phase=rng.random(),
        on_back=rng.chance(0.85),
    )


def _bands(position: Field, pattern: Pattern, pixel: float) -> Field:
    """Alternate along `position` (metres), with edges one pixel soft."""
    cycle = position / pattern.period + pattern.phase
    distance = np.abs(cycle - np.rint(cycle))
    return _step((pattern.share / 2 - distance) * pattern.period, pixel)


def _step(distance: Field, pixel: float) -> Field:
    """Return 1 inside (`distance` > 0, metres), 0 outside, soft over a pixel."""
    return np.asarray(np.clip(distance / max(pixel, 1e-4) + 0.5, 0, 1), dtype=np.float32)


def _horizontal(pattern: Pattern, surface: Surface) -> Field:
    return _bands(surface.along, pattern, surface.pixel)


def _vertical(pattern: Pattern, surface: Surface) -> Field:
    return _bands(surface.around, pattern, surface.pixel)


def _diagonal(pattern: Pattern, surface: Surface) -> Field:
    return _bands((surface.along + surface.around) * 0.71, pattern, surface.pixel)


def _checks(pattern: Pattern, surface: Surface) -> Field:
    rows = _bands(surface.along, pattern, surface.pixel)
    columns = _bands(surface.around, pattern, surface.pixel)
    return (rows + columns) / 2


def _dots(pattern: Pattern, surface: Surface) -> Field:
    down = surface.along / pattern.period + pattern.phase
    across = surface.around / pattern.period
    radius = norms(down - np.rint(down), across - np.rint(across))
    return _step((pattern.share * 0.6 - radius) * pattern.period, surface.pixel)


def _chest_band(pattern: Pattern, surface: Surface) -> Field:
    centre = 0.1 + 0.25 * pattern.phase
    return _step(pattern.period * 0.6 - np.abs(surface.along - centre), surface.pixel)


def _lower_block(pattern: Pattern, surface: Surface) -> Field:
    return _step(surface.along - (0.12 + 0.4 * pattern.share), surface.pixel)


def _side_panels(pattern: Pattern, surface: Surface) -> Field:
    turn = np.abs(np.abs(surface.azimuth) - HALF_PI)
    return _step((0.25 + 0.5 * pattern.share - turn) * 0.15, surface.pixel)


def _on_front_or_back(pattern: Pattern, surface: Surface) -> tuple[Field, Field]:
    """Give the place on a print of its size, (across, down) in [-1, 1], and where it may be."""
    turn = np.abs(surface.azimuth)
    size = pattern.period / 2
    reach = size / 0.14  # the chest is about a cylinder of this radius (metres)
    across = np.minimum(turn, PI - turn if pattern.on_back else turn) / reach
    down = (surface.along - (0.14 + 0.12 * pattern.phase)) / size
    return across.astype(np.float32), down


def _disc(pattern: Pattern, surface: Surface) -> Field:
    across, down = _on_front_or_back(pattern, surface)
    return _step((1 - norms(across, down)) * pattern.period / 2, surface.pixel)


def _block(pattern: Pattern, surface: Surface) -> Field:
    across, down = _on_front_or_back(pattern, surface)
    edge = np.maximum(across, np.abs(down) / (0.4 + pattern.share))
    return _step((1 - edge) * pattern.period / 2, surface.pixel)


def _triangle(pattern: Pattern, surface: Surface) -> Field:
    across, down = _on_front_or_back(pattern, surface)
    edge = np.maximum(np.abs(down), across * 2 + down)
    return _step((1 - edge) * pattern.period / 2, surface.pixel)


PATTERNS: dict[str, Callable[[Pattern, Surface], Field]] = {
    "horizontal": _horizontal,
    "vertical": _vertical,
    "diagonal": _diagonal,
    "checks": _checks,
    "dots": _dots,
    "chest-band": _chest_band,
    "lower-block": _lower_block,
    "side-panels": _side_panels,
    "disc": _disc,
    "block": _block,
    "triangle": _triangle,
}
