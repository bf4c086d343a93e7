"""Who is seen how often in RegDB, and the ten random splits of its people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from bench_core.contracts.errors import UsageError
from bench_core.synthetic.people import BACK, FRONT
from bench_core.synthetic.plan import PlannedPerson, apportion
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.regdb_cameras import THERMAL_CAMERA, VISIBLE_CAMERA
from bench_core.synthetic.scales import DEMO, FULL, TINY, Sizes

NUM_TRIALS = 10
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
    TINY: Sizes(
        train_identities=12,
        val_identities=0,
        test_identities=8,
        images_per_camera=4,
        image_heights=(128, 128),
    ),
    DEMO: Sizes(
        train_identities=40,
        val_identities=0,
        test_identities=40,
        images_per_camera=10,
        image_heights=(128, 128),
    ),
    FULL: Sizes(
        train_identities=206,
        val_identities=0,
        test_identities=206,
        images_per_camera=10,
        image_heights=(128, 128),
        real_counts=True,
    ),
}


@dataclass(frozen=True)
class TrialSplit:
    """One random split: the place of an identity in its half is its label.

    Attributes:
        train: Identities trained on, in the order of their labels from 0.
        test: The others, in the order of theirs.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]


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
    images = dict.fromkeys((VISIBLE_CAMERA, THERMAL_CAMERA), int(sizes.images_per_camera))
    return [
        PlannedPerson(identity, BY_TRIAL, images, feminine=kinds[place][0], view=kinds[place][1])
        for identity, place in enumerate(rng.permutation(num_people), start=1)
    ]


def draw_trials(people: Sequence[PlannedPerson], sizes: Sizes, seed: int) -> list[TrialSplit]:
    """Split the people at random, `NUM_TRIALS` times.

    Args:
        people: The plan.
        sizes: The sizes that it was made with.
        seed: Seed of the dataset.

    Returns:
        One split for each trial, all of them different where there are so many.
    """
    rng = Randomness(seed, TRIAL_STREAM)
    cut = sizes.train_identities
    possible = min(NUM_TRIALS, math.comb(len(people), cut))
    trials: dict[frozenset[int], TrialSplit] = {}
    while len(trials) < possible:
        order = [people[place].identity for place in rng.permutation(len(people))]
        trial = TrialSplit(train=tuple(order[:cut]), test=tuple(order[cut:]))
        trials.setdefault(frozenset(trial.train), trial)
    return [*trials.values(), *islice(cycle(trials.values()), NUM_TRIALS - possible)]
