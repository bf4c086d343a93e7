"""The trunk: what covers it, the hips or skirt, the neck and the collar."""

from __future__ import annotations

import numpy as np

from bench_core.synthetic.canvas import Finish, Tube
from bench_core.synthetic.elementary import Field, cosine, decay, norms, sine
from bench_core.synthetic.finishes import OpenFront, Solid
from bench_core.synthetic.people import Body, Person
from bench_core.synthetic.pose import Pose
from bench_core.synthetic.shapes import ellipse, neighbours, profile, seen_width

HIPS_DEPTH = -10.0
SKIRT_DEPTH = -5.0
TRUNK_DEPTH = 0.0
NECK_DEPTH = 0.5
NECK_BASE = 0.848
WAISTBAND = 0.605

# Height, half breadth and half depth of the trunk, as shares of the standing height.
_HEIGHTS = np.array([0.848, 0.835, 0.82, 0.80, 0.765, 0.70, 0.62, 0.57, 0.53, 0.48, 0.44])
_BREADTHS = np.array([0.032, 0.052, 0.090, 0.108, 0.106, 0.098, 0.086, 0.090, 0.096, 0.097, 0.090])
_DEPTHS = np.array([0.034, 0.040, 0.047, 0.055, 0.065, 0.067, 0.059, 0.060, 0.066, 0.065, 0.058])


def _bump(heights: Field, centre: float, width: float) -> Field:
    distance = (heights - centre) / width
    return decay(distance * distance)


# Where, from 0 to 1, the trunk's breadth at `_HEIGHTS` follows the shoulders, the hips, the girth
# and a drawn-in waist.
_SHOULDERS = np.clip((_HEIGHTS - 0.62) / 0.14, 0, 1)
_HIPS = np.clip((0.62 - _HEIGHTS) / 0.09, 0, 1)
_GIRTH = 0.35 + 0.55 * np.clip((0.82 - _HEIGHTS) / 0.12, 0, 1)
_WAIST = _bump(_HEIGHTS, 0.62, 0.045)
_RINGS = tuple(ring / 39 for ring in range(40))


def trunk_tubes(person: Person, pose: Pose) -> list[Tube]:
    """Return hips or skirt, top, neck and collar."""
    tubes = [_hips(person, pose), _top(person, pose), _neck(person, pose)]
    if person.bottom.kind == "skirt":
        tubes.append(_skirt(person, pose))
    if person.top.collar == "collar":
        tubes.append(_collar(person, pose))
    if person.top.collar == "hood":
        tubes.append(_hood(person, pose))
    return tubes


def trunk_radii(body: Body, pose: Pose, heights: Field) -> tuple[Field, Field]:
    """Return how far the trunk reaches to the left and right of its axis in the image.

    Args:
        body: Build.
        pose: For the direction that the person faces.
        heights: Heights as shares of the standing height, (K,).

    Returns:
        Two arrays (K,), in metres.
    """
    known = neighbours(-heights, -_HEIGHTS)
    breadth = known.interpolated(_BREADTHS * _breadth_factors(body))
    depth = known.interpolated(_DEPTHS) * (0.2 + 0.8 * body.girth)
    seen = norms(breadth * cosine(pose.yaw), depth * sine(pose.yaw)) * body.height
    front = body.belly * _bump(heights, 0.60, 0.07) + 0.028 * body.waist * _bump(
        heights, 0.735, 0.035
    )
    back = 0.022 * _bump(heights, 0.515, 0.035) + 0.012 * _bump(heights, 0.76, 0.05)
    turn = sine(pose.yaw)
    towards, away = (front, back) if turn > 0 else (back, front)
    return seen + away * abs(turn), seen + towards * abs(turn)


def trunk_depth(body: Body) -> float:
    """Return half the depth (metres) of the chest."""
    return 0.066 * body.height * (0.2 + 0.8 * body.girth)


def _breadth_factors(body: Body) -> Field:
    """Return how much broader than average the trunk is at `_HEIGHTS`."""
    upper = 1 + (body.shoulders - 1) * _SHOULDERS
    hips = 1 + (body.hips - 1) * _HIPS
    girth = 1 + (body.girth - 1) * _GIRTH
    return upper * hips * girth * (1 - 0.13 * body.waist * _WAIST)


def _wrap(
    person: Person,
    pose: Pose,
    edges: tuple[float, float],
    ease: float,
    flare: float,
    finish: Finish,
    depth: float,
) -> Tube:
    """Give a garment around the trunk between two heights (shares of the standing height)."""
    height = person.body.height
    heights = edges[0] + np.asarray(_RINGS) * (edges[1] - edges[0])
    left, right = trunk_radii(person.body, pose, heights)
    hips = heights < 0.5
    falling = np.where(hips, (0.5 - heights) / max(0.5 - edges[1], 0.02), 0.0)
    loose = np.clip((0.845 - heights) / 0.03, 0.2, 1) * ease + flare * falling
    start = pose.project(pose.lean, edges[0] * height, 0.0)
    end = pose.project(0.0, edges[1] * height, 0.0)
    return Tube(
        start.point,
        end.point,
        profile(_RINGS, left + loose),
        profile(_RINGS, right + loose),
        finish,
        depth,
        yaw=pose.yaw,
        girth=0.085 * height,
        top=(NECK_BASE - edges[0]) * height,
        sag=(trunk_depth(person.body) + ease + flare) * sine(pose.pitch),
    )


def _top(person: Person, pose: Pose) -> Tube:
    top = person.top
    finish: Finish = top.fabric
    if top.opening:
        finish = OpenFront(top.fabric, top.inner, top.opening)
    return _wrap(person, pose, (NECK_BASE, top.hem), top.ease, top.flare, finish, TRUNK_DEPTH)


def _hips(person: Person, pose: Pose) -> Tube:
    bottom = person.bottom
    crotch = person.body.legs - 0.022
    return _wrap(
        person, pose, (WAISTBAND, crotch), bottom.ease * 0.6, -0.02, bottom.fabric, HIPS_DEPTH
    )


def _skirt(person: Person, pose: Pose) -> Tube:
    bottom = person.bottom
    hem = person.body.legs * (1 - bottom.length)
    return _wrap(
        person,
        pose,
        (WAISTBAND, max(hem, 0.05)),
        bottom.ease,
        bottom.flare,
        bottom.fabric,
        SKIRT_DEPTH,
    )


def _neck(person: Person, pose: Pose) -> Tube:
    height = person.body.height
    wide = 0.031 * height * (0.6 + 0.4 * person.body.girth)
    start = pose.project(pose.lean, 0.885 * height, 0.01 * height)
    neckline = 0.822 if cosine(pose.yaw) > 0 else 0.84
    end = pose.project(pose.lean, neckline * height, 0.005 * height)
    outline = profile((0, 0.55, 0.8, 0.93, 1), (wide, wide, wide * 0.95, wide * 0.7, 0.0))
    return Tube(start.point, end.point, outline, outline, Solid(person.skin), NECK_DEPTH, shadow=0)


def _collar(person: Person, pose: Pose) -> Tube:
    """Return a band around the neck, open in front."""
    height = person.body.height
    start = pose.project(pose.lean, 0.868 * height, 0.0)
    end = pose.project(pose.lean, 0.836 * height, 0.0)
    outline = profile((0, 1), (0.036 * height, 0.050 * height))
    finish = OpenFront(Solid(person.top.fabric.base), person.skin, 0.45)
    return Tube(
        start.point, end.point, outline, outline, finish, NECK_DEPTH + 0.1, yaw=pose.yaw, shadow=0.2
    )


def _hood(person: Person, pose: Pose) -> Tube:
    """Return a hood that hangs down the back, or shows around the neck from the front."""
    height = person.body.height
    behind = cosine(pose.yaw) < 0
    start = pose.project(pose.lean, 0.878 * height, -0.035 * height)
    end = pose.project(pose.lean, (0.77 if behind else 0.825) * height, -0.05 * height)
    width = seen_width(0.066, 0.032, pose.yaw) * height
    outline = ellipse(width, 0.25)
    depth = 3.4 if behind else NECK_DEPTH - 0.1
    fabric = Solid(person.top.sleeves.base, person.top.fabric.folds)
    return Tube(start.point, end.point, outline, outline, fabric, depth)
