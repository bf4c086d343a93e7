"""Who is seen where in SYSU-MM01: the real counts, and smaller plans of the same make-up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench_core.synthetic import (
    People,
    PlannedPerson,
    PresenceGroup,
    Randomness,
    Sizes,
    count_people,
    plan_groups,
)
from bench_sysu.layout import CAMERA_MODALITY

UNLISTED = "unlisted"
PARTIAL_CAMERAS = (1, 2, 6)
"""Cameras whose cells in `rand_perm_cam.mat` end early: people with high numbers skip them."""

SYSU_SCALES = {
    "tiny": Sizes(
        train_identities=12,
        val_identities=4,
        test_identities=8,
        images_per_camera=2,
        image_heights=(72, 128),
    ),
    "demo": Sizes(
        train_identities=80,
        val_identities=8,
        test_identities=32,
        images_per_camera=6,
        image_heights=(96, 208),
    ),
    "full": Sizes(
        train_identities=296,
        val_identities=99,
        test_identities=96,
        images_per_camera=20,
        image_heights=(120, 400),
        real_counts=True,
    ),
}

# One row for each set of cameras that people of a split are seen by: number of people, and for
# cameras 1 to 6 all their images together and the fewest images of one person. Counted in the
# published split files; they add up to 45,863 images of 491 identities in splits and 22 in none.
_REAL_GROUPS = (
    ("train", 180, (4343, 5247, 3621, 3642, 3632, 3600), (2, 7, 20, 20, 20, 20)),
    ("train", 92, (0, 0, 1861, 960, 931, 0), (0, 0, 20, 8, 9, 0)),
    ("train", 11, (289, 338, 220, 0, 220, 220), (17, 26, 20, 0, 20, 20)),
    ("train", 5, (0, 0, 107, 110, 106, 100), (0, 0, 20, 20, 20, 20)),
    ("train", 3, (89, 113, 0, 69, 60, 60), (15, 34, 0, 20, 20, 20)),
    ("train", 2, (0, 0, 40, 20, 0, 0), (0, 0, 20, 10, 0, 0)),
    ("train", 2, (0, 0, 60, 0, 20, 0), (0, 0, 20, 0, 10, 0)),
    ("train", 1, (0, 55, 20, 20, 20, 20), (0, 55, 20, 20, 20, 20)),
    ("val", 96, (0, 0, 1920, 960, 984, 0), (0, 0, 20, 10, 10, 0)),
    ("val", 3, (0, 0, 60, 30, 0, 0), (0, 0, 20, 10, 0, 0)),
    ("test", 53, (1312, 1471, 1068, 1070, 1062, 1060), (13, 18, 20, 20, 20, 20)),
    ("test", 37, (0, 0, 755, 767, 755, 740), (0, 0, 20, 20, 20, 20)),
    ("test", 2, (33, 67, 0, 41, 41, 40), (13, 27, 0, 20, 20, 20)),
    ("test", 1, (29, 27, 20, 0, 20, 20), (29, 27, 20, 0, 20, 20)),
    ("test", 1, (0, 0, 20, 20, 0, 20), (0, 0, 20, 20, 0, 20)),
    ("test", 1, (0, 0, 20, 0, 20, 20), (0, 0, 20, 0, 20, 20)),
    ("test", 1, (0, 0, 0, 20, 20, 20), (0, 0, 0, 20, 20, 20)),
    (UNLISTED, 10, (0, 0, 0, 155, 192, 0), (0, 0, 0, 10, 10, 0)),
    (UNLISTED, 6, (128, 157, 0, 126, 120, 0), (16, 11, 0, 20, 20, 0)),
    (UNLISTED, 2, (43, 53, 0, 0, 0, 0), (18, 24, 0, 0, 0, 0)),
    (UNLISTED, 2, (0, 0, 0, 0, 0, 40), (0, 0, 0, 0, 0, 20)),
    (UNLISTED, 1, (23, 0, 0, 20, 21, 0), (23, 0, 0, 20, 21, 0)),
    (UNLISTED, 1, (0, 0, 20, 0, 0, 20), (0, 0, 20, 0, 0, 20)),
)


def plan_sysu(sizes: Sizes, seed: int) -> list[PlannedPerson]:
    """Plan a dataset in the make-up of SYSU-MM01; renders and writes nothing.

    As in the real dataset, validation people are seen only by cameras 3, 4 and 5, not every
    camera sees every person, identity numbers have gaps, and people whom cameras 1, 2 and 6 do
    not see have the high numbers. Every test person has a visible match for an infrared query.

    Args:
        sizes: The sizes; with `real_counts` the plan has the real counts of every split and
            camera, and 22 people that no split file lists.
        seed: Seed of the dataset; >= 0.

    Returns:
        The people, by ascending identity.

    Raises:
        UsageError: There are more people than four-digit folder names.
    """
    return plan_groups(_real_groups(), sizes, seed, _identity_numbers)


def cell_lengths(people: People) -> dict[int, int]:
    """Return the number of identities in each camera's cell of `rand_perm_cam.mat`.

    Args:
        people: The plan.

    Returns:
        By camera: one number for cameras 1, 2 and 6, a larger one for the others.
    """
    highest = {
        camera: max((p.identity for p in people if camera in p.images), default=0)
        for camera in CAMERA_MODALITY
    }
    partial = max(highest[camera] for camera in PARTIAL_CAMERAS)
    longest = max(highest.values())
    return {camera: partial if camera in PARTIAL_CAMERAS else longest for camera in highest}


def _real_groups() -> list[PresenceGroup]:
    return [
        PresenceGroup(split, people, _by_camera(totals), _by_camera(minima))
        for split, people, totals, minima in _REAL_GROUPS
    ]


def _by_camera(numbers: Sequence[int]) -> dict[int, int]:
    return {camera: number for camera, number in enumerate(numbers, start=1) if number}


def _identity_numbers(groups: Sequence[PresenceGroup], rng: Randomness) -> list[int]:
    """Draw identity numbers without replacement, low or high ones as the group requires."""
    low = count_people([group for group in groups if _has_low_numbers(group)])
    high = count_people(groups) - low
    # The real numbers end at 333 and 533, so one in 22 and one in 39 is not used.
    low_end = low + math.ceil(low / 22)
    high_end = low_end + high + math.ceil(high / 39)
    low_numbers = iter(_numbers_with_gaps(1, low_end, rng))
    high_numbers = iter(_numbers_with_gaps(low_end + 1, high_end, rng))
    return [
        next(low_numbers if _has_low_numbers(group) else high_numbers)
        for group in groups
        for _ in range(group.num_people)
    ]


def _numbers_with_gaps(first: int, last: int, rng: Randomness) -> list[int]:
    """Shuffle the numbers from `first` to `last`, with `last` in front so that it is used."""
    if last < first:
        return []
    return [last, *(first + place for place in rng.permutation(last - first))]


def _has_low_numbers(group: PresenceGroup) -> bool:
    return group.split == UNLISTED or any(camera in group.totals for camera in PARTIAL_CAMERAS)
