"""Who is seen how often in RegDB, and the ten random splits of its people."""

from __future__ import annotations

import math
from itertools import cycle, islice

from bench_core import UsageError
from bench_core.synthetic import (
    BACK,
    FRONT,
    People,
    PlannedPerson,
    Randomness,
    Sizes,
    apportion,
)
from bench_regdb.layout import CAMERA_MODALITY, NUM_TRIALS, Role

TRIAL_STREAM = 1
BY_TRIAL = "by trial"
"""Split of everyone: each trial trains on other people."""

# Of the 412 people, as their file names tell: whether female, from where seen, how many.
_REAL_VIEWS = (
    (False, BACK, 147),
    (True, BACK, 109),
    (False, FRONT, 107),
    (True, FRONT, 49),
)

REGDB_SCALES = {
    "tiny": Sizes(
        train_identities=12,
        test_identities=8,
        images_per_camera=4,
        image_heights=(128, 128),
    ),
    "demo": Sizes(
        train_identities=40,
        test_identities=40,
        images_per_camera=10,
        image_heights=(128, 128),
    ),
    "full": Sizes(
        train_identities=206,
        test_identities=206,
        images_per_camera=10,
        image_heights=(128, 128),
        real_counts=True,
    ),
}


def plan_regdb(sizes: Sizes, seed: int) -> list[PlannedPerson]:
    """Plan a dataset in the make-up of RegDB; renders and writes nothing.

    Everyone has equally many visible and thermal images, taken in pairs, and is seen either from
    the front or from the back.

    Args:
        sizes: The sizes.
        seed: Seed of the dataset; >= 0.

    Returns:
        The people, numbered from 1.

    Raises:
        UsageError: The number of images is not whole.
    """
    if sizes.images_per_camera != int(sizes.images_per_camera):
        raise UsageError(
            f"--images-per-camera is {sizes.images_per_camera}: everyone in RegDB has the same "
            "number, so it must be a whole one"
        )
    rng = Randomness(seed, 0)
    num_people = sizes.train_identities + sizes.test_identities
    parts = apportion(num_people, [num for _, _, num in _REAL_VIEWS])
    kinds = [row[:2] for row, part in zip(_REAL_VIEWS, parts, strict=True) for _ in range(part)]
    images = dict.fromkeys(CAMERA_MODALITY, int(sizes.images_per_camera))
    return [
        PlannedPerson(identity, BY_TRIAL, images, feminine=kinds[place][0], view=kinds[place][1])
        for identity, place in enumerate(rng.permutation(num_people), start=1)
    ]


def draw_trials(people: People, sizes: Sizes, seed: int) -> list[dict[Role, tuple[int, ...]]]:
    """Split the people at random, `NUM_TRIALS` times.

    Args:
        people: The plan.
        sizes: The sizes that it was made with.
        seed: Seed of the dataset.

    Returns:
        For each trial the identities of each half, in the order of their labels from 0; all of
        them different where there are so many.
    """
    rng = Randomness(seed, TRIAL_STREAM)
    cut = sizes.train_identities
    possible = min(NUM_TRIALS, math.comb(len(people), cut))
    trials: dict[frozenset[int], dict[Role, tuple[int, ...]]] = {}
    while len(trials) < possible:
        order = [people[place].identity for place in rng.permutation(len(people))]
        trials.setdefault(
            frozenset(order[:cut]), {"train": tuple(order[:cut]), "test": tuple(order[cut:])}
        )
    return [*trials.values(), *islice(cycle(trials.values()), NUM_TRIALS - possible)]
