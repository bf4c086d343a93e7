"""Carried things: backpacks, shoulder bags, handbags and suitcases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import copysign

from bench_core.synthetic.canvas import Tube
from bench_core.synthetic.elementary import cosine
from bench_core.synthetic.finishes import Solid
from bench_core.synthetic.people import Person
from bench_core.synthetic.pose import Joint, Pose, Skeleton
from bench_core.synthetic.shapes import between, box, capsule, seen_width
from bench_core.synthetic.trunk import trunk_depth

OVER_ARMS = 3.3
BEHIND_TRUNK = -2.0
OVER_TRUNK = 0.8
FACING = 0.1


def bag_tubes(person: Person, skeleton: Skeleton) -> list[Tube]:
    """Return the parts of what the person carries."""
    draw = _BAGS.get(person.bag.kind)
    return draw(person, skeleton) if draw else []


def _strap(start: Joint, end: Joint, width: float, finish: Solid, depth: float) -> Tube:
    return replace(capsule(start, end, (width, width), finish, depth), shadow=0.25)


def _hanging_box(top: Joint, bottom: Joint, half: float, finish: Solid, depth: float) -> Tube:
    outline = box(half)
    return Tube(top.point, bottom.point, outline, outline, finish, depth)


def _backpack(person: Person, skeleton: Skeleton) -> list[Tube]:
    pose, bag, height = skeleton.pose, person.bag, person.body.height
    back = -(trunk_depth(person.body) + 0.052 * height * bag.size)
    half = seen_width(0.082, 0.056, pose.yaw) * height * bag.size
    lower = (0.815 - 0.25 * bag.size) * height
    top, bottom = (pose.project(pose.lean, y, back) for y in (0.825 * height, lower))
    behind = cosine(pose.yaw) > 0
    depth = BEHIND_TRUNK if behind else OVER_ARMS
    tubes = [_hanging_box(top, bottom, half, Solid(bag.material, 0.08), depth)]
    if behind:
        return tubes + (_backpack_straps(person, pose) if cosine(pose.yaw) > FACING else [])
    start, end = between(top, bottom, 0.5), between(top, bottom, 0.93)
    return [*tubes, _hanging_box(start, end, half * 0.78, Solid(bag.trim, 0.08), depth + 0.1)]


def _backpack_straps(person: Person, pose: Pose) -> list[Tube]:
    height, front = person.body.height, trunk_depth(person.body)
    shoulders = person.body.shoulders
    return [
        _strap(
            pose.project(side * 0.058 * height * shoulders, 0.828 * height, 0.3 * front),
            pose.project(side * 0.082 * height * shoulders, 0.69 * height, front),
            0.015,
            Solid(person.bag.trim),
            OVER_TRUNK,
        )
        for side in (-1, 1)
    ]


def _messenger(person: Person, skeleton: Skeleton) -> list[Tube]:
    pose, bag, height = skeleton.pose, person.bag, person.body.height
    z = copysign(trunk_depth(person.body), cosine(pose.yaw))
    shoulder = pose.project(-bag.side * 0.062 * height, 0.828 * height, 0.2 * z)
    hip_x = bag.side * 0.108 * height * person.body.girth
    hip = pose.project(hip_x, 0.56 * height, 0.8 * z)
    half = seen_width(0.035, 0.075, pose.yaw) * height * bag.size
    top = pose.project(hip_x * 1.1, 0.575 * height, 0.0)
    bottom = pose.project(hip_x * 1.1, (0.575 - 0.125 * bag.size) * height, 0.0)
    depth = OVER_ARMS if top.depth > -0.06 else BEHIND_TRUNK
    flap = between(top, bottom, 0.55)
    return [
        _strap(shoulder, hip, 0.017, Solid(bag.trim), OVER_TRUNK),
        _hanging_box(top, bottom, half, Solid(bag.material, 0.06), depth),
        _hanging_box(top, flap, half * 1.02, Solid(bag.trim, 0.06), depth + 0.1),
    ]


def _tote(person: Person, skeleton: Skeleton) -> list[Tube]:
    pose, bag, height = skeleton.pose, person.bag, person.body.height
    x = bag.side * 0.135 * height * person.body.girth
    shoulder = pose.project(bag.side * 0.09 * height, 0.825 * height, 0.0)
    top = pose.project(x, 0.665 * height, -0.015 * height)
    bottom = pose.project(x, (0.665 - 0.16 * bag.size) * height, -0.015 * height)
    half = seen_width(0.036, 0.092, pose.yaw) * height * bag.size
    depth = OVER_ARMS if top.depth > -0.06 else BEHIND_TRUNK
    return [
        _strap(shoulder, top, 0.011, Solid(bag.trim), depth),
        _hanging_box(top, bottom, half, Solid(bag.material, 0.08), depth + 0.1),
    ]


def _handbag(person: Person, skeleton: Skeleton) -> list[Tube]:
    bag, height = person.bag, person.body.height
    wrist = skeleton.arms[0 if bag.side < 0 else 1].wrist
    grip = Joint(wrist.x, wrist.y - 0.03 * height, wrist.depth)
    top = Joint(wrist.x, wrist.y - 0.075 * height, wrist.depth)
    bottom = Joint(top.x, top.y - 0.1 * height * bag.size, top.depth)
    half = seen_width(0.028, 0.07, skeleton.pose.yaw) * height * bag.size
    depth = OVER_ARMS if wrist.depth > -0.06 else BEHIND_TRUNK
    return [
        _strap(grip, top, 0.012, Solid(bag.trim), depth - 0.2),
        _hanging_box(top, bottom, half, Solid(bag.material), depth - 0.1),
    ]


def _suitcase(person: Person, skeleton: Skeleton) -> list[Tube]:
    pose, bag, height = skeleton.pose, person.bag, person.body.height
    wrist = skeleton.arms[0 if bag.side < 0 else 1].wrist
    x, z = bag.side * 0.2 * height, -0.13 * height
    top = pose.project(x, 0.33 * height * bag.size, z)
    bottom = pose.project(x, 0.012 * height, z)
    half = seen_width(0.1, 0.06, pose.yaw) * height * bag.size
    depth = OVER_ARMS if top.depth > -0.06 else -11.0
    return [
        _strap(wrist, top, 0.009, Solid(bag.trim), depth - 0.1),
        _hanging_box(top, bottom, half, Solid(bag.material), depth),
    ]


_BAGS: dict[str, Callable[[Person, Skeleton], list[Tube]]] = {
    "backpack": _backpack,
    "messenger": _messenger,
    "tote": _tote,
    "handbag": _handbag,
    "suitcase": _suitcase,
}
