"""Figures: proportions, poses and views of a person, before they are drawn."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from bench_core.synthetic.figure import build_figure
from bench_core.synthetic.people import sample_person
from bench_core.synthetic.pose import Pose, pose_skeleton, sample_pose
from bench_core.synthetic.randomness import Randomness

STANDING = Pose(yaw=0.0, phase=0.0, swing=0.0, elbows=(0.1, 0.1), spread=0.0, lean=0.0, pitch=0.0)


@pytest.mark.parametrize("identity", range(12))
def test_a_standing_person_is_as_tall_as_their_body(identity: int) -> None:
    person = replace(sample_person(0, identity), hat="none", hair_style="bald")
    figure = build_figure(person, STANDING)
    assert figure.top - figure.bottom == pytest.approx(person.body.height, rel=0.03)
    assert figure.bottom == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("identity", range(12))
def test_joints_follow_each_other_downwards(identity: int) -> None:
    person = sample_person(0, identity)
    rng = Randomness(identity)
    skeleton = pose_skeleton(person, sample_pose(person, 0.2, rng))
    for leg in skeleton.legs:
        assert leg.hip.y > leg.knee.y > leg.ankle.y
    for arm in skeleton.arms:
        assert arm.shoulder.y > arm.elbow.y
        assert arm.shoulder.y > skeleton.legs[0].hip.y


def test_strides_alternate() -> None:
    walking = replace(STANDING, yaw=pi / 2, swing=0.4, phase=pi / 2)
    first, second = pose_skeleton(sample_person(0, 1), walking).legs
    opposite = pose_skeleton(sample_person(0, 1), replace(walking, phase=-pi / 2)).legs
    assert (first.ankle.x - second.ankle.x) * (opposite[0].ankle.x - opposite[1].ankle.x) < 0


def test_a_person_is_narrower_from_the_side() -> None:
    person = sample_person(0, 4)
    person = replace(person, bag=replace(person.bag, kind="none"), hat="none")
    front, side = (build_figure(person, replace(STANDING, yaw=yaw)) for yaw in (0, pi / 2))
    assert side.right - side.left < 0.85 * (front.right - front.left)


def test_a_backpack_is_hidden_from_the_front_and_drawn_last_from_the_back() -> None:
    person = sample_person(0, 4)
    person = replace(person, bag=replace(person.bag, kind="backpack"))
    bare = replace(person, bag=replace(person.bag, kind="none"))
    back_view = replace(STANDING, yaw=pi)
    added = set(map(id, build_figure(person, back_view).tubes))
    assert len(added) == len(build_figure(bare, back_view).tubes) + 2
    depths = [tube.depth for tube in build_figure(person, back_view).tubes]
    assert depths == sorted(depths)


@pytest.mark.parametrize("kind", ["backpack", "messenger", "tote", "handbag", "suitcase"])
def test_every_bag_shows_from_every_side(kind: str) -> None:
    person = sample_person(0, 4)
    carrying = replace(person, bag=replace(person.bag, kind=kind))
    empty = replace(person, bag=replace(person.bag, kind="none"))
    for yaw in np.linspace(0, 2 * pi, 8, endpoint=False):
        pose = replace(STANDING, yaw=float(yaw))
        assert len(build_figure(carrying, pose).tubes) > len(build_figure(empty, pose).tubes)
