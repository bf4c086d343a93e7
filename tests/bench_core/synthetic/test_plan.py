"""Dividing people and images into whole numbers, and plans of the same make-up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core import UsageError
from bench_core.synthetic.plan import (
    PresenceGroup,
    apportion,
    count_images,
    people_of_group,
    plan_groups,
    scatter,
    seen_by_all,
)
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.scales import SMALL_SCALES, Sizes


@given(st.integers(0, 500), st.lists(st.floats(0.1, 100), min_size=1, max_size=12))
def test_shares_add_up_and_miss_their_proportion_by_less_than_one(
    total: int, weights: list[float]
) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    exact = [total * weight / sum(weights) for weight in weights]
    assert all(abs(part - share) < 1 for part, share in zip(parts, exact, strict=True))


def test_the_largest_remainders_get_what_is_left() -> None:
    assert apportion(10, [53, 37, 10]) == [5, 4, 1]


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 300), st.integers(0, 2**31))
def test_scattered_images_add_up_and_reach_the_minimum(
    num_people: int, minimum: int, surplus: int, seed: int
) -> None:
    total = num_people * minimum + surplus
    counts = scatter(total, num_people, minimum, Randomness(seed))
    assert counts.sum() == total
    assert counts.min() == (total if num_people == 1 else minimum)


def test_a_group_lists_only_the_cameras_that_see_it() -> None:
    group = PresenceGroup("val", 2, {3: 40, 5: 25}, {3: 20, 5: 10})
    people = people_of_group(group, [7, 9], Randomness(0))
    assert [person.identity for person in people] == [7, 9]
    assert all(set(person.images) == {3, 5} for person in people)
    assert [person.images[3] for person in people] == [20, 20]
    assert sum(person.images[5] for person in people) == 25


def test_without_a_plan_every_camera_sees_everyone() -> None:
    sizes = Sizes(
        train_identities=5,
        test_identities=3,
        images_per_camera=6,
        image_heights=(72, 128),
        val_identities=2,
    )
    people = plan_groups(seen_by_all([1, 4]), sizes, 7)
    assert [person.identity for person in people] == list(range(1, 11))
    assert [person.split for person in people] == ["train"] * 5 + ["val"] * 2 + ["test"] * 3
    assert all(set(person.images) == {1, 4} for person in people)
    assert count_images(people) == 2 * 10 * 6
    assert min(min(person.images.values()) for person in people) == 4
    assert people == plan_groups(seen_by_all([1, 4]), sizes, 7)
    assert people != plan_groups(seen_by_all([1, 4]), sizes, 8)


def test_more_people_than_numbers_of_four_digits_are_refused() -> None:
    sizes = replace(SMALL_SCALES["tiny"], train_identities=9_999)
    with pytest.raises(UsageError, match=r"10007 identities do not fit .* ask for fewer"):
        plan_groups(seen_by_all([1]), sizes, 0)
