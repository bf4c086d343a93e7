"""Heads: face, hair and hat."""

from __future__ import annotations

from bench_core.synthetic.canvas import Tube
from bench_core.synthetic.elementary import cosine, norm
from bench_core.synthetic.finishes import Head, Solid
from bench_core.synthetic.people import Person
from bench_core.synthetic.pose import Joint, Pose
from bench_core.synthetic.shapes import Profile, capsule, dome, ellipse, profile, seen_width

HEAD_DEPTH = 4.0
BEHIND_NECK = -1.0
OVER_TRUNK = 3.5
OVER_HEAD = 5.0
CHIN = 0.868
FACING = 0.35
"""Cosine of the yaw from which hair falls behind the neck, as the camera sees it."""

# Lower end, half width and widening to the lower end of the hair around the head, as shares of
# the standing height.
_HAIR_SHAPES = {
    "short": (0.915, 0.049, 0.75),
    "full": (0.888, 0.058, 0.9),
    "bob": (0.838, 0.061, 1.0),
    "long": (0.725, 0.060, 0.85),
    "ponytail": (0.90, 0.049, 0.7),
    "bun": (0.90, 0.049, 0.7),
}


def head_tubes(person: Person, pose: Pose) -> list[Tube]:
    """Return head, hair and hat."""
    tubes = [_head(person, pose)]
    if person.hair_style != "bald":
        tubes.append(_hair(person, pose))
    tubes += _tied_hair(person, pose)
    if person.hair_style == "long" and cosine(pose.yaw) > FACING:
        tubes += _locks(person, pose)
    return tubes + _hat(person, pose)


def _at(person: Person, pose: Pose, place: tuple[float, float, float]) -> Joint:
    """Project a place that is given in shares of the standing height."""
    x, y, z = (share * person.body.height for share in place)
    return pose.project(x + pose.lean, y, z)


def _head(person: Person, pose: Pose) -> Tube:
    height = person.body.height
    start = _at(person, pose, (0, 1.0, 0.008))
    end = _at(person, pose, (0, 1.0 - (1.0 - CHIN) * person.body.head, 0.012))
    width = seen_width(0.0455, 0.055, pose.yaw) * height * person.body.head
    outline = ellipse(width, 0.2)
    length = norm(start.x - end.x, start.y - end.y)
    finish = Head(person.skin, person.hair, person.hair_style == "bald", length)
    return Tube(
        start.point, end.point, outline, outline, finish, HEAD_DEPTH, yaw=pose.yaw, shadow=0.3
    )


def _hair(person: Person, pose: Pose) -> Tube:
    lower, width, taper = _HAIR_SHAPES[person.hair_style]
    height = person.body.height
    start = _at(person, pose, (0, 1.008, -0.008))
    end = _at(person, pose, (0, lower, -0.022))
    radius = seen_width(width, width * 1.08, pose.yaw) * height * person.body.head
    depth = BEHIND_NECK if cosine(pose.yaw) > FACING else OVER_TRUNK
    outline = profile(
        (0, 0.06, 0.15, 0.3, 0.5, 0.85, 0.95, 1),
        [radius * f for f in (0, 0.55, 0.82, 0.98, 1, taper, 0.8 * taper, 0.45 * taper)],
    )
    return Tube(start.point, end.point, outline, outline, Solid(person.hair, 0.1), depth)


def _tied_hair(person: Person, pose: Pose) -> list[Tube]:
    height = person.body.height
    behind = cosine(pose.yaw) > 0
    hair = Solid(person.hair, 0.1)
    if person.hair_style == "ponytail":
        start, end = (_at(person, pose, p) for p in ((0, 0.965, -0.058), (0, 0.80, -0.075)))
        depth = BEHIND_NECK if behind else OVER_HEAD
        return [capsule(start, end, (0.017 * height, 0.012 * height), hair, depth)]
    if person.hair_style == "bun":
        start, end = (_at(person, pose, p) for p in ((0, 1.03, -0.04), (0, 0.975, -0.055)))
        outline = ellipse(0.029 * height)
        depth = HEAD_DEPTH - 0.2 if behind else OVER_HEAD
        return [Tube(start.point, end.point, outline, outline, hair, depth)]
    return []


def _locks(person: Person, pose: Pose) -> list[Tube]:
    """Return hair that falls over the shoulders in front."""
    height = person.body.height
    return [
        capsule(
            _at(person, pose, (side * 0.042, 0.93, 0.0)),
            _at(person, pose, (side * 0.052, 0.765, 0.055)),
            (0.014 * height, 0.010 * height),
            Solid(person.hair, 0.1),
            OVER_TRUNK,
        )
        for side in (-1, 1)
    ]


def _hat(person: Person, pose: Pose) -> list[Tube]:
    height = person.body.height * person.body.head
    finish = Solid(person.hat_material, 0.06)
    wide = seen_width(0.051, 0.06, pose.yaw) * height
    if person.hat == "cap":
        brim = seen_width(0.043, 0.04, pose.yaw) * height
        return [
            _crown(person, pose, (1.02, 0.957), dome(wide), finish),
            _brim(person, pose, brim, 0.052, finish),
        ]
    if person.hat == "beanie":
        return [_crown(person, pose, (1.032, 0.944), dome(wide * 1.04), finish)]
    if person.hat == "brim":
        return [
            _crown(person, pose, (1.035, 0.962), dome(wide), finish),
            _brim(person, pose, 0.098 * height, 0.0, finish),
        ]
    return []


def _crown(
    person: Person, pose: Pose, edges: tuple[float, float], outline: Profile, finish: Solid
) -> Tube:
    start, end = (_at(person, pose, (0, y, 0.0)) for y in edges)
    return Tube(start.point, end.point, outline, outline, finish, OVER_HEAD + 0.1, shadow=0.25)


def _brim(person: Person, pose: Pose, half: float, forward: float, finish: Solid) -> Tube:
    start = _at(person, pose, (0, 0.969, forward))
    end = _at(person, pose, (0, 0.950, forward * 1.1))
    outline = ellipse(half)
    depth = OVER_HEAD + 0.2 if cosine(pose.yaw) > -0.2 or not forward else BEHIND_NECK
    return Tube(start.point, end.point, outline, outline, finish, depth, shadow=0.3)
