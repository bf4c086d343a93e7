"""Pose: the joints of a walking or standing person, as a camera sees them.

Body coordinates are metres: x to the right of the image when the person faces the camera, y up from
the ground, z out of the chest. Image coordinates are metres: x right, y up; depth grows towards
the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench_core.synthetic.elementary import HALF_PI, PI, cosine, sine
from bench_core.synthetic.people import ANY_SIDE, BACK, FRONT, Body, Person
from bench_core.synthetic.randomness import Randomness

SHOULDER_HEIGHT = 0.797
ANKLE_HEIGHT = 0.047
KNEE_SHARE = 0.6
"""Height of the knee as a share of the hip's."""

UPPER_ARM = 0.168
FORE_ARM = 0.142
WALKING_SWING = 0.42
STANDING_SWING = 0.06

_DIRECTIONS = {
    ANY_SIDE: (0.38, 0.14, 0.34, 0.14),
    FRONT: (1.0, 0.0, 0.0, 0.0),
    BACK: (0.0, 0.0, 1.0, 0.0),
}
"""By view, the probabilities of facing the camera, the right, away and the left."""


@dataclass(frozen=True)
class Joint:
    """A point of the body in the image.

    Attributes:
        x: Metres to the right.
        y: Metres up.
        depth: Metres towards the camera, from the body's axis.
    """

    x: float
    y: float
    depth: float

    @property
    def point(self) -> tuple[float, float]:
        """Place in the image."""
        return self.x, self.y


@dataclass(frozen=True)
class Pose:
    """What changes from shot to shot.

    Attributes:
        yaw: Direction faced, in radians: 0 to the camera, pi / 2 to the right of the image.
        phase: Phase of the gait, in radians.
        swing: Amplitude of the thighs, in radians.
        elbows: Flexion of the left and the right elbow, in radians.
        spread: Additional distance of the arms from the trunk, in radians.
        lean: Sideways lean of the trunk, in metres at the shoulders.
        pitch: Angle at which the camera looks down, in radians.
    """

    yaw: float
    phase: float
    swing: float
    elbows: tuple[float, float]
    spread: float
    lean: float
    pitch: float

    def project(self, x: float, y: float, z: float) -> Joint:
        """Turn body coordinates into image coordinates."""
        turn, away = cosine(self.yaw), sine(self.yaw)
        depth = z * turn - x * away
        return Joint(x * turn + z * away, y * cosine(self.pitch) - depth * sine(self.pitch), depth)


@dataclass(frozen=True)
class Leg:
    """Joints of a leg."""

    hip: Joint
    knee: Joint
    ankle: Joint


@dataclass(frozen=True)
class Arm:
    """Joints of an arm."""

    shoulder: Joint
    elbow: Joint
    wrist: Joint


@dataclass(frozen=True)
class Skeleton:
    """The limbs of a pose; index 0 is the side with negative x."""

    pose: Pose
    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]


def sample_pose(person: Person, pitch: float, rng: Randomness) -> Pose:
    """Draw a pose: mostly walking, from the sides that the person is seen from.

    Args:
        person: Whose stride and view it is.
        pitch: Angle at which the camera looks down, in radians.
        rng: Source of randomness.

    Returns:
        The pose.
    """
    walking = rng.chance(0.75)
    swing = (WALKING_SWING if walking else STANDING_SWING) * rng.uniform(0.6, 1.1)
    elbows = (rng.uniform(0.1, 0.75), rng.uniform(0.1, 0.75))
    return Pose(
        yaw=_sample_yaw(person.view, rng),
        phase=rng.uniform(0, 2 * PI),
        swing=swing * person.stride,
        elbows=elbows,
        spread=rng.uniform(-0.03, 0.12),
        lean=rng.normal(0, 0.012),
        pitch=pitch,
    )


def pose_skeleton(person: Person, pose: Pose) -> Skeleton:
    """Place the joints of a person."""
    return Skeleton(
        pose,
        (_leg(person.body, pose, -1), _leg(person.body, pose, 1)),
        (_arm(person, pose, -1), _arm(person, pose, 1)),
    )


def _sample_yaw(view: str, rng: Randomness) -> float:
    """Prefer people who come, go or pass, over oblique views."""
    return rng.choose(_DIRECTIONS[view]) * HALF_PI + rng.normal(0, 0.32)


def _leg(body: Body, pose: Pose, side: int) -> Leg:
    hip_height = (body.legs + 0.025) * body.height
    knee_height = hip_height * KNEE_SHARE
    ankle_height = ANKLE_HEIGHT * body.height
    phase = pose.phase + (PI if side > 0 else 0)
    thigh = pose.swing * sine(phase)
    lifted = max(0.0, cosine(phase))
    shin = thigh - 0.06 - 1.5 * pose.swing * lifted * lifted
    x = side * 0.05 * body.hips * body.height
    hip = (x, hip_height, 0.0)
    knee = _swung(hip, hip_height - knee_height, thigh)
    ankle = _swung(knee, knee_height - ankle_height, shin)
    return Leg(pose.project(*hip), pose.project(*knee), pose.project(*ankle))


def _arm(person: Person, pose: Pose, side: int) -> Arm:
    body = person.body
    phase = pose.phase + (0 if side > 0 else PI)
    upper = 0.9 * pose.swing * sine(phase) - 0.05
    lower = upper + pose.elbows[0 if side < 0 else 1]
    spread = side * (person.arm_spread + pose.spread)
    x = side * 0.102 * body.shoulders * body.height + pose.lean
    shoulder = (x, SHOULDER_HEIGHT * body.height, 0.0)
    elbow = _swung(shoulder, UPPER_ARM * body.height, upper, spread)
    wrist = _swung(elbow, FORE_ARM * body.height, lower, spread * 0.3)
    return Arm(pose.project(*shoulder), pose.project(*elbow), pose.project(*wrist))


def _swung(
    start: tuple[float, float, float], length: float, forward: float, outward: float = 0.0
) -> tuple[float, float, float]:
    """Return the end of a bone that hangs from `start`, swung by two angles (radians)."""
    x, y, z = start
    down = length * cosine(forward)
    return x + down * sine(outward), y - down * cosine(outward), z + length * sine(forward)
