"""Who is seen where in LLCM: the real counts, and smaller plans of the same make-up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench_core.synthetic import (
    SMALL_SCALES,
    People,
    PlannedPerson,
    PresenceGroup,
    Randomness,
    Sizes,
    count_people,
    plan_groups,
)
from bench_llcm.synthetic.groups import real_groups

TRAIN, TEST = "train", "test"
LABEL_STREAM = 1
UNUSED_SHARE = 88 / 1064
"""Numbers that nobody has, for each person: the real ones are 0 to 1151 for 1,064 people."""

LLCM_SCALES = {
    **SMALL_SCALES,
    "full": Sizes(
        train_identities=713,
        test_identities=351,
        images_per_camera=14,
        image_heights=(120, 400),
        real_counts=True,
    ),
}


def plan_llcm(sizes: Sizes, seed: int) -> list[PlannedPerson]:
    """Plan a dataset in the make-up of LLCM; renders and writes nothing.

    As in the real dataset, most people are seen by one camera in visible light and two in
    infrared; identity numbers begin at 0 and have gaps; training and test people are interleaved.

    Args:
        sizes: The sizes; with `real_counts` the plan has the real counts of every split, modality
            and camera.
        seed: Seed of the dataset; >= 0.

    Returns:
        The people, by ascending identity.

    Raises:
        UsageError: There are more people than four-digit folder names.
    """
    return plan_groups(real_groups(), sizes, seed, _identity_numbers)


def label_order(people: People, seed: int) -> list[PlannedPerson]:
    """Return the training people in the order of their class labels: a random one.

    Args:
        people: The plan.
        seed: Seed of the dataset.
    """
    train = [person for person in people if person.split == TRAIN]
    order = Randomness(seed, LABEL_STREAM).permutation(len(train))
    return [train[place] for place in order]


def _identity_numbers(groups: Sequence[PresenceGroup], rng: Randomness) -> list[int]:
    """Draw identity numbers in random order: 0, the last, and others between with gaps."""
    num_people = count_people(groups)
    last = num_people + math.ceil(num_people * UNUSED_SHARE) - 1
    between = [place + 1 for place in rng.permutation(last - 1)[: num_people - 2]]
    numbers = [0, last, *between]
    return [numbers[place] for place in rng.permutation(len(numbers))]
