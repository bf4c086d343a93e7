"""Outlines of body parts: radii along an axis."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench_core.synthetic.canvas import PROFILE_SAMPLES, Finish, Point, Tube
from bench_core.synthetic.elementary import Field, cosine, norm, power, sine
from bench_core.synthetic.pose import Joint

Profile = NDArray[np.float32]

_STEPS = np.arange(PROFILE_SAMPLES) / (PROFILE_SAMPLES - 1)
_CENTRED = 2 * _STEPS - 1


def profile(places: tuple[float, ...], radii: ArrayLike) -> Profile:
    """Interpolate radii (metres) at places from 0 to 1 along the axis, float32 (K,)."""
    values = np.asarray(radii, dtype=np.float64)
    return _between_places(places).interpolated(values).astype(np.float32)


class Neighbours(NamedTuple):
    """For each of N points, between which two of K places it lies."""

    left: NDArray[np.int64]
    share: Field  # of the way from the left one to the next

    def interpolated(self, values: Field) -> Field:
        """Interpolate values (K,) linearly, (N,)."""
        start = values[self.left]
        return start + self.share * (values[self.left + 1] - start)


def neighbours(points: Field, places: Field) -> Neighbours:
    """Find points (N,) among ascending places (K,); points outside count as the ends."""
    left = np.clip(np.searchsorted(places, points, side="right") - 1, 0, len(places) - 2)
    start = places[left]
    return Neighbours(left, np.clip((points - start) / (places[left + 1] - start), 0, 1))


@lru_cache(maxsize=64)
def _between_places(places: tuple[float, ...]) -> Neighbours:
    return neighbours(_STEPS, np.asarray(places))


_ROUND = np.sqrt(1 - _CENTRED * _CENTRED)
_DOME = np.sqrt(1 - power(1 - _STEPS, 2.4))
_BOX = power(1 - power(np.abs(_CENTRED), 8), 0.4)


def ellipse(radius: float, chin: float = 0.0) -> Profile:
    """Give the outline of an ellipse, narrowed by the share `chin` towards its lower end."""
    return (radius * _ROUND * (1 - chin * (_STEPS * _STEPS))).astype(np.float32)


def dome(radius: float) -> Profile:
    """Give the outline of a half ellipse that is widest at its lower end."""
    return (radius * _DOME).astype(np.float32)


def box(radius: float) -> Profile:
    """Give the outline of a box with rounded corners."""
    return (radius * _BOX).astype(np.float32)


def seen_width(width: float, depth: float, yaw: float) -> float:
    """Return the half width of an elliptic cross-section that is turned by `yaw`."""
    return norm(width * cosine(yaw), depth * sine(yaw))


def capsule(
    start: Joint, end: Joint, radii: tuple[float, float], finish: Finish, depth: float
) -> Tube:
    """Give a limb with round ends.

    Args:
        start: Joint at its upper end.
        end: Joint at its lower end.
        radii: Radius (metres) at either joint.
        finish: What covers it.
        depth: Order of drawing.

    Returns:
        The tube, which reaches over the joints by their radii.
    """
    first, last = radii
    x, y, length = _direction(start, end)
    whole = length + first + last
    middle = first + np.clip((_STEPS * whole - first) / max(length, 1e-3), 0, 1) * (last - first)
    from_start = np.clip(1 - _STEPS * whole / first, 0, 1)
    from_end = np.clip(1 - (1 - _STEPS) * whole / last, 0, 1)
    end_share = np.maximum(from_start, from_end)
    outline = (middle * np.sqrt(1 - end_share * end_share)).astype(np.float32)
    top = (start.x - x * first, start.y - y * first)
    bottom = (end.x + x * last, end.y + y * last)
    return Tube(top, bottom, outline, outline, finish, depth, girth=first)


def cuff(
    start: Joint, end: Joint, radii: tuple[float, float], finish: Finish, depth: float
) -> Tube:
    """Give a sleeve or trouser leg: round at its upper end, cut straight at its lower."""
    whole = capsule(start, end, radii, finish, depth)
    length = norm(whole.end[0] - whole.start[0], whole.end[1] - whole.start[1])
    share = 1 - radii[1] / max(length, radii[1])
    outline = neighbours(_STEPS * share, _STEPS).interpolated(whole.left).astype(np.float32)
    outline[-1] = radii[1]
    return Tube(whole.start, end.point, outline, outline, finish, depth, girth=radii[0])


def between(start: Joint, end: Joint, share: float) -> Joint:
    """Return the point at `share` of the way between two joints."""
    return Joint(
        start.x + share * (end.x - start.x),
        start.y + share * (end.y - start.y),
        start.depth + share * (end.depth - start.depth),
    )


def tube_bounds(tube: Tube) -> tuple[Point, Point]:
    """Return the corners (least x and y, greatest x and y) of what a tube covers, in metres."""
    x = tube.start[0] + _STEPS * (tube.end[0] - tube.start[0])
    lowest = (float((x - tube.left).min()), min(tube.start[1], tube.end[1]))
    highest = (float((x + tube.right).max()), max(tube.start[1], tube.end[1]))
    return lowest, highest


def _direction(start: Joint, end: Joint) -> tuple[float, float, float]:
    """Return the unit vector from one joint to another, and their distance (metres)."""
    x, y = end.x - start.x, end.y - start.y
    length = norm(x, y)
    if length < 1e-3:
        return 0.0, -1.0, length
    return x / length, y / length, length
