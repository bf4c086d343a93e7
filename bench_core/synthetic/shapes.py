"""Outlines of body parts: radii along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, hypot, sin

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic.canvas import PROFILE_SAMPLES, Finish, Point, Tube
from bench_core.synthetic.pose import Joint

Profile = NDArray[np.float32]

_STEPS = np.linspace(0, 1, PROFILE_SAMPLES)


def profile(places: Sequence[float], radii: Sequence[float]) -> Profile:
    """Interpolate radii (metres) at places in [0, 1] along the axis, float32 (K,)."""
    return np.interp(_STEPS, places, radii).astype(np.float32)


def ellipse(radius: float, chin: float = 0.0) -> Profile:
    """Give the outline of an ellipse, narrowed by the share `chin` towards its lower end."""
    round_ = np.sqrt(np.clip(1 - (2 * _STEPS - 1) ** 2, 0, None))
    return (radius * round_ * (1 - chin * _STEPS**2)).astype(np.float32)


def dome(radius: float) -> Profile:
    """Give the outline of a half ellipse that is widest at its lower end."""
    return (radius * np.sqrt(np.clip(1 - (1 - _STEPS) ** 2.4, 0, None))).astype(np.float32)


def box(radius: float) -> Profile:
    """Give the outline of a box with rounded corners."""
    outline = np.clip(1 - np.abs(2 * _STEPS - 1) ** 8, 0, None) ** 0.4
    return np.asarray(radius * outline, dtype=np.float32)


def seen_width(width: float, depth: float, yaw: float) -> float:
    """Return the half width of an elliptic cross-section that is turned by `yaw`."""
    return hypot(width * cos(yaw), depth * sin(yaw))


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
    middle = np.interp(_STEPS * whole - first, (0, length), radii)
    from_start = np.clip(1 - _STEPS * whole / first, 0, 1)
    from_end = np.clip(1 - (1 - _STEPS) * whole / last, 0, 1)
    rounded = np.sqrt(1 - np.maximum(from_start, from_end) ** 2)
    outline = (middle * rounded).astype(np.float32)
    top = (start.x - x * first, start.y - y * first)
    bottom = (end.x + x * last, end.y + y * last)
    return Tube(top, bottom, outline, outline, finish, depth, girth=first)


def cuff(
    start: Joint, end: Joint, radii: tuple[float, float], finish: Finish, depth: float
) -> Tube:
    """Give a sleeve or trouser leg: round at its upper end, cut straight at its lower."""
    whole = capsule(start, end, radii, finish, depth)
    length = hypot(whole.end[0] - whole.start[0], whole.end[1] - whole.start[1])
    share = 1 - radii[1] / max(length, radii[1])
    outline = np.interp(_STEPS * share, _STEPS, whole.left).astype(np.float32)
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
    length = hypot(x, y)
    if length < 1e-3:
        return 0.0, -1.0, length
    return x / length, y / length, length
