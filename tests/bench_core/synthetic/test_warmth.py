"""Warmth: what a far-infrared camera tells of a person, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core import VISIBLE
from bench_core.synthetic.bands import THERMAL
from bench_core.synthetic.people import Person, sample_person
from bench_core.synthetic.scenes import build_scene

INDEPENDENT = 0.12
"""Greatest correlation of independent draws of this size."""


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [sample_person(0, identity) for identity in range(1000)]


def test_skin_is_warmer_than_all_that_covers_it(people: list[Person]) -> None:
    for person in people:
        covers = (
            person.top.fabric.base,
            person.top.inner,
            person.bottom.fabric.base,
            person.hair,
            person.hat_material,
            person.shoes,
            person.bag.material,
        )
        assert person.skin.thermal > max(cover.thermal for cover in covers)


def test_bags_are_cold_spots(people: list[Person]) -> None:
    for person in people:
        cloth = min(person.top.fabric.base.thermal, person.bottom.fabric.base.thermal)
        assert person.bag.material.thermal < cloth


def test_loose_cloth_is_cooler_than_tight_cloth(people: list[Person]) -> None:
    for ease, warmth in (
        ([p.top.ease for p in people], [p.top.fabric.base.thermal for p in people]),
        ([p.bottom.ease for p in people], [p.bottom.fabric.base.thermal for p in people]),
    ):
        assert np.corrcoef(ease, warmth)[0, 1] < -0.5


def test_warmth_tells_nothing_of_colour(people: list[Person]) -> None:
    fabrics = [person.top.fabric.base for person in people]
    for channel in range(3):
        colour = [fabric.colour[channel] for fabric in fabrics]
        assert abs(np.corrcoef(colour, [f.thermal for f in fabrics])[0, 1]) < INDEPENDENT


def test_prints_hardly_show(people: list[Person]) -> None:
    contrasts = [p.top.fabric.base.thermal - p.top.fabric.accent.thermal for p in people]
    assert np.abs(contrasts).max() < 0.05


@pytest.mark.parametrize("kind", ["room", "street"])
def test_places_are_cool_and_dim_in_detail(kind: str) -> None:
    thermal = build_scene(kind, 1, THERMAL, 0)[0] / 255
    visible = build_scene(kind, 1, VISIBLE, 0).mean(axis=0) / 255
    assert thermal.max() < 0.45, "cooler than skin"
    assert thermal.std() < 0.5 * visible.std()
    edges = [np.abs(np.diff(scene, axis=1)).mean() for scene in (thermal, visible)]
    assert edges[0] < 0.25 * edges[1]
