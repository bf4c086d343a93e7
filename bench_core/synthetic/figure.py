"""A person in a pose, as body parts in the order of drawing."""

from __future__ import annotations

from dataclasses import dataclass

from bench_core.synthetic.bags import bag_tubes
from bench_core.synthetic.canvas import Tube
from bench_core.synthetic.heads import head_tubes
from bench_core.synthetic.limbs import arm_tubes, leg_tubes
from bench_core.synthetic.people import Person
from bench_core.synthetic.pose import Pose, pose_skeleton
from bench_core.synthetic.shapes import tube_bounds
from bench_core.synthetic.trunk import trunk_tubes


@dataclass(frozen=True)
class Figure:
    """A posed person.

    Attributes:
        tubes: Body parts, the farthest first.
        left: Least x, in metres.
        right: Greatest x.
        bottom: Least y.
        top: Greatest y.
    """

    tubes: tuple[Tube, ...]
    left: float
    right: float
    bottom: float
    top: float


def build_figure(person: Person, pose: Pose) -> Figure:
    """Dress and pose a person.

    Args:
        person: The identity.
        pose: The shot.

    Returns:
        The figure, standing near (0, 0), with its tight bounding box.
    """
    skeleton = pose_skeleton(person, pose)
    tubes = [
        *leg_tubes(person, skeleton),
        *trunk_tubes(person, pose),
        *arm_tubes(person, skeleton),
        *head_tubes(person, pose),
        *bag_tubes(person, skeleton),
    ]
    tubes.sort(key=lambda tube: tube.depth)
    corners = [tube_bounds(tube) for tube in tubes]
    return Figure(
        tuple(tubes),
        left=min(low[0] for low, _ in corners),
        right=max(high[0] for _, high in corners),
        bottom=min(low[1] for low, _ in corners),
        top=max(high[1] for _, high in corners),
    )
