"""Legs, feet, arms and hands, with what covers them."""

from __future__ import annotations

from dataclasses import replace

from bench_core.synthetic.canvas import Finish, Tube
from bench_core.synthetic.elementary import cosine, sine
from bench_core.synthetic.finishes import Solid
from bench_core.synthetic.people import Person
from bench_core.synthetic.pose import FORE_ARM, UPPER_ARM, Arm, Joint, Leg, Skeleton
from bench_core.synthetic.shapes import between, capsule, cuff, profile

NEAR_LEG = -8.0
FAR_LEG = -9.0
NEAR_ARM = 3.0
FAR_ARM = -3.0
ARM_BEHIND = -0.03
"""Depth (metres) from which an arm is hidden by the trunk."""

THIGH, KNEE, ANKLE = 0.050, 0.034, 0.023
SHOULDER, ELBOW, WRIST = 0.027, 0.0215, 0.0165
HAND_LENGTH = 0.05


def leg_tubes(person: Person, skeleton: Skeleton) -> list[Tube]:
    """Return the parts of both legs."""
    first, second = skeleton.legs
    near = first if first.ankle.depth >= second.ankle.depth else second
    return [
        replace(tube, yaw=skeleton.pose.yaw)
        for leg in skeleton.legs
        for tube in _leg(person, leg, skeleton, NEAR_LEG if leg is near else FAR_LEG)
    ]


def arm_tubes(person: Person, skeleton: Skeleton) -> list[Tube]:
    """Return the parts of both arms."""
    return [
        replace(tube, yaw=skeleton.pose.yaw)
        for arm in skeleton.arms
        for tube in _arm(person, arm, FAR_ARM if arm.elbow.depth < ARM_BEHIND else NEAR_ARM)
    ]


def _leg(person: Person, leg: Leg, skeleton: Skeleton, depth: float) -> list[Tube]:
    body = person.body
    scale = body.height * (0.4 + 0.6 * body.girth)
    skin = Solid(person.skin)
    tubes = _foot(person, leg, skeleton, depth)
    if person.bottom.length < 0.9 or person.bottom.kind == "skirt":
        bare = (THIGH * scale, KNEE * scale, ANKLE * scale)
        tubes += _two_bones(leg.hip, leg.knee, leg.ankle, bare, skin, depth)
    if person.bottom.kind != "skirt":
        tubes += _trouser_leg(person, leg, scale, depth + 0.2)
    if person.boots:
        tubes.append(_boot(person, leg, scale, depth + 0.3))
    return tubes


def _two_bones(
    start: Joint,
    middle: Joint,
    end: Joint,
    radii: tuple[float, float, float],
    finish: Finish,
    depth: float,
) -> list[Tube]:
    upper = capsule(start, middle, radii[:2], finish, depth)
    lower = capsule(middle, end, radii[1:], finish, depth + 0.01)
    return [upper, _joined(lower)]


def _joined(tube: Tube) -> Tube:
    """Return the second bone of a limb: it casts hardly any shadow on the first."""
    return replace(tube, shadow=0.08)


def _trouser_leg(person: Person, leg: Leg, scale: float, depth: float) -> list[Tube]:
    bottom = person.bottom
    ease, fabric = bottom.ease, bottom.fabric
    thigh, knee = THIGH * scale + ease, KNEE * scale + ease
    if bottom.length < 0.55:
        hem = between(leg.hip, leg.knee, 0.1 + bottom.length * 1.7)
        return [cuff(leg.hip, hem, (thigh, thigh + bottom.flare), fabric, depth)]
    ankle = ANKLE * scale + ease + bottom.flare
    hem = between(leg.knee, leg.ankle, bottom.length)
    return [
        cuff(leg.knee, hem, (knee, ankle), fabric, depth),
        _joined(capsule(leg.hip, leg.knee, (thigh, knee), fabric, depth + 0.01)),
    ]


def _foot(person: Person, leg: Leg, skeleton: Skeleton, depth: float) -> list[Tube]:
    """Return shoe and sole: longer on the side that the toes point to."""
    height = person.body.height
    yaw, pitch = skeleton.pose.yaw, skeleton.pose.pitch
    half = 0.024 * height
    toes = 0.085 * height * sine(yaw)
    heel = 0.02 * height * abs(sine(yaw))
    right = max(half, toes if toes > 0 else heel)
    left = max(half, -toes if toes < 0 else heel)
    low = leg.ankle.y - 0.047 * height - 0.07 * height * cosine(yaw) * sine(pitch)
    start, end = (leg.ankle.x, leg.ankle.y + 0.008 * height), (leg.ankle.x, low)
    places = (0.0, 0.35, 0.7, 0.92, 1.0)
    outlines = [
        profile(places, (half, half * 1.05, half + 0.75 * (reach - half), reach, reach * 0.97))
        for reach in (left, right)
    ]
    shoe = Tube(start, end, outlines[0], outlines[1], Solid(person.shoes), depth + 0.05)
    sole_top = (leg.ankle.x, low + 0.011 * height)
    edges = [profile((0, 1), (reach, reach * 0.98)) for reach in (left, right)]
    sole = Tube(sole_top, end, edges[0], edges[1], Solid(person.soles), depth + 0.06, shadow=0)
    return [shoe, sole]


def _boot(person: Person, leg: Leg, scale: float, depth: float) -> Tube:
    top = between(leg.ankle, leg.knee, person.boots)
    bottom = person.bottom
    covered = bottom.kind != "skirt" and bottom.length > 0.9
    loose = 0.006 + (min(bottom.ease + bottom.flare, 0.035) if covered else 0.0)
    wide = (ANKLE + (KNEE - ANKLE) * person.boots) * scale + loose
    return cuff(top, leg.ankle, (wide, ANKLE * scale + loose), Solid(person.shoes), depth)


def _arm(person: Person, arm: Arm, depth: float) -> list[Tube]:
    body = person.body
    scale = body.height * (0.35 + 0.65 * body.girth)
    skin = Solid(person.skin)
    hand_end = between(arm.elbow, arm.wrist, 1 + HAND_LENGTH / FORE_ARM)
    wrist = WRIST * scale
    tubes = [capsule(arm.wrist, hand_end, (wrist, wrist * 0.9), skin, depth)]
    bare = (SHOULDER * scale, ELBOW * scale, wrist)
    if person.top.sleeve_length < 1:
        tubes += _two_bones(arm.shoulder, arm.elbow, arm.wrist, bare, skin, depth + 0.1)
    return tubes + _sleeve(person, arm, bare, depth + 0.2)


def _sleeve(person: Person, arm: Arm, bare: tuple[float, float, float], depth: float) -> list[Tube]:
    top = person.top
    ease = 0.75 * top.ease + 0.003
    shoulder, elbow, wrist = bare[0] + 0.5 * ease, bare[1] + ease, bare[2] + ease
    if top.sleeve_length < 1:
        hem = between(
            arm.shoulder, arm.elbow, top.sleeve_length * (UPPER_ARM + FORE_ARM) / UPPER_ARM
        )
        return [cuff(arm.shoulder, hem, (shoulder, elbow + 0.012), top.sleeves, depth)]
    return [
        cuff(arm.elbow, arm.wrist, (elbow, wrist + 0.003), top.sleeves, depth),
        _joined(capsule(arm.shoulder, arm.elbow, (shoulder, elbow), top.sleeves, depth + 0.01)),
    ]
