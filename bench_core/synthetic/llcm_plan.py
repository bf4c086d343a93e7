"""Who is seen where in LLCM: the real counts, and smaller plans of the same make-up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

from bench_core.contracts.errors import UsageError
from bench_core.synthetic.llcm_cameras import INFRARED_OFFSET, LLCM_CAMERAS
from bench_core.synthetic.llcm_groups import real_groups
from bench_core.synthetic.plan import (
    HIGHEST_IDENTITY,
    PlannedPerson,
    people_of_group,
    scaled_groups,
)
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.scales import DEMO, FULL, TINY, Sizes

TRAIN, TEST = "train", "test"
LABEL_STREAM = 1
UNUSED_SHARE = 88 / 1064
"""Numbers that nobody has, for each person: the real ones are 0 to 1151 for 1,064 people."""

VISIBLE_CAMERAS = tuple(number for number in LLCM_CAMERAS if number < INFRARED_OFFSET)
INFRARED_CAMERAS = tuple(number for number in LLCM_CAMERAS if number > INFRARED_OFFSET)

LLCM_SCALES = {
    TINY: Sizes(
        train_identities=12,
        val_identities=0,
        test_identities=8,
        images_per_camera=4,
        image_heights=(72, 128),
    ),
    DEMO: Sizes(
        train_identities=80,
        val_identities=0,
        test_identities=40,
        images_per_camera=8,
        image_heights=(96, 208),
    ),
    FULL: Sizes(
        train_identities=713,
        val_identities=0,
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
    rng = Randomness(seed, 0)
    real = real_groups()
    groups = real if sizes.real_counts else scaled_groups(real, sizes)
    numbers = iter(_identity_numbers(sum(group.num_people for group in groups), rng))
    people = [
        person
        for group in groups
        for person in people_of_group(group, list(islice(numbers, group.num_people)), rng)
    ]
    return sorted(people, key=lambda person: person.identity)


def label_order(people: Sequence[PlannedPerson], seed: int) -> list[PlannedPerson]:
    """Return the training people in the order of their class labels: a random one.

    Args:
        people: The plan.
        seed: Seed of the dataset.
    """
    train = [person for person in people if person.split == TRAIN]
    order = Randomness(seed, LABEL_STREAM).permutation(len(train))
    return [train[place] for place in order]


def _identity_numbers(num_people: int, rng: Randomness) -> list[int]:
    """Draw identity numbers in random order: 0, the last, and others between with gaps."""
    last = num_people + math.ceil(num_people * UNUSED_SHARE) - 1
    if last > HIGHEST_IDENTITY:
        raise UsageError(
            f"{num_people} identities do not fit into four-digit folder names: ask for fewer"
        )
    between = [place + 1 for place in rng.permutation(last - 1)[: num_people - 2]]
    numbers = [0, last, *between]
    return [numbers[place] for place in rng.permutation(len(numbers))]
