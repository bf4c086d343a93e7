"""What `bench_core.synthetic` offers to who writes a layout."""

from __future__ import annotations

import inspect
from types import ModuleType

import bench_core.synthetic

DOOR = """
    BACK Camera FRONT Lamp Layout Light Mount People PlannedPerson PresenceGroup Randomness
    SMALL_SCALES Sizes THERMAL apportion count_people direction_to generate matlab_file plan_groups
"""
"""A name that goes or comes is a change for everyone who writes a layout."""


def test_the_door_offers_what_is_listed_here() -> None:
    offered = {
        name: value
        for name, value in vars(bench_core.synthetic).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert sorted(offered) == sorted(DOOR.split())
    for value in offered.values():
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip()
