"""Who is seen where: the layout-independent part of planning a synthetic dataset."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.errors import UsageError
from bench_core.synthetic.people import ANY_SIDE
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.scales import Sizes

HIGHEST_IDENTITY = 9999
SPLITS = TRAIN, VAL, TEST = ("train", "val", "test")
LEAST_SHARE = 0.7
"""In plans without real counts, the fewest images of a person and camera against the mean."""


@dataclass(frozen=True)
class PlannedPerson:
    """One identity of the dataset.

    Attributes:
        identity: Its number in the dataset.
        split: "train", "val", "test"; "unlisted", in the folders but in no split file; or "by
            trial", where each trial splits the people anew.
        images: Number of images (> 0) by camera; a camera that does not see the person is absent.
        feminine: Whose build, hair and clothes it has; None leaves it to chance.
        view: One of `bench_core.synthetic.people.VIEWS`: from where the cameras see it.
    """

    identity: int
    split: str
    images: Mapping[int, int]
    feminine: bool | None = None
    view: str = ANY_SIDE


@dataclass(frozen=True)
class PresenceGroup:
    """People of one split who are seen by the same cameras, and how often.

    Attributes:
        split: As in `PlannedPerson`.
        num_people: Number of people.
        totals: Number of images of all of them together, by camera.
        minima: Fewest images of one of them, by camera.
    """

    split: str
    num_people: int
    totals: Mapping[int, int]
    minima: Mapping[int, int]


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Divide `total` in proportion to `weights`, in whole numbers (largest remainders).

    Args:
        total: What to divide; >= 0.
        weights: Positive weights.

    Returns:
        As many numbers >= 0 as weights, which add up to `total`.
    """
    unit = total / math.fsum(weights)
    shares = [weight * unit for weight in weights]
    parts = [math.floor(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda place: parts[place] - shares[place])
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts


def scatter(total: int, num_people: int, minimum: int, rng: Randomness) -> NDArray[np.int64]:
    """Divide `total` images at random among people; the fewest that one gets are `minimum`.

    One person alone gets them all.

    Args:
        total: Number of images, at least `num_people * minimum`.
        num_people: Number of people, at least 1.
        minimum: Fewest images of one person; at least one has just these.
        rng: Source of randomness.

    Returns:
        Array (num_people,) that adds up to `total`.
    """
    if num_people == 1:
        return np.array([total])
    surplus = total - num_people * minimum
    others = rng.deal(surplus, num_people - 1)
    return minimum + np.insert(others, rng.below(num_people), 0)


Numbering: TypeAlias = Callable[[Sequence[PresenceGroup], Randomness], Sequence[int]]
"""Draws the identity numbers of the people of groups, one group after another."""


def numbered_in_order(groups: Sequence[PresenceGroup], _: Randomness) -> Sequence[int]:
    """Number the people of groups from 1."""
    return range(1, count_people(groups) + 1)


def plan_groups(
    groups: Sequence[PresenceGroup],
    sizes: Sizes,
    seed: int,
    numbering: Numbering = numbered_in_order,
) -> list[PlannedPerson]:
    """Plan a dataset whose people come in groups that the same cameras see.

    Args:
        groups: The groups of the real dataset; of a plan without `real_counts` their proportions
            alone matter.
        sizes: The sizes.
        seed: Seed of the dataset; >= 0.
        numbering: Draws the identity numbers.

    Returns:
        The people, by ascending identity.

    Raises:
        UsageError: An identity number would have more than the four digits of a folder's name.
    """
    rng = Randomness(seed, 0)
    planned = groups if sizes.real_counts else _scaled_groups(groups, sizes)
    numbers = numbering(planned, rng)
    if max(numbers, default=0) > HIGHEST_IDENTITY:
        raise UsageError(
            f"{len(numbers)} identities do not fit into four-digit folder names: ask for fewer"
        )
    rest = iter(numbers)
    people = [
        person
        for group in planned
        for person in people_of_group(group, list(islice(rest, group.num_people)), rng)
    ]
    return sorted(people, key=lambda person: person.identity)


def seen_by_all(cameras: Iterable[int]) -> list[PresenceGroup]:
    """Return groups in which every camera sees everyone of each split.

    Args:
        cameras: Numbers of the cameras.
    """
    once = dict.fromkeys(cameras, 1)
    return [PresenceGroup(split, 1, totals=once, minima=once) for split in SPLITS]


def count_people(groups: Sequence[PresenceGroup]) -> int:
    """Return the number of people of groups."""
    return sum(group.num_people for group in groups)


def _scaled_groups(groups: Sequence[PresenceGroup], sizes: Sizes) -> list[PresenceGroup]:
    """Return groups in the proportions of the given ones, with the people and images of `sizes`."""
    wanted = (sizes.train_identities, sizes.val_identities, sizes.test_identities)
    return [
        _scaled_group(group, people, sizes.images_per_camera)
        for split, total in zip(SPLITS, wanted, strict=True)
        for group, people in _scaled_split(groups, split, total)
        if people
    ]


def _scaled_split(
    groups: Sequence[PresenceGroup], split: str, total: int
) -> list[tuple[PresenceGroup, int]]:
    ours = [group for group in groups if group.split == split]
    parts = apportion(total, [group.num_people for group in ours]) if ours else []
    return list(zip(ours, parts, strict=True))


def _scaled_group(group: PresenceGroup, num_people: int, mean: float) -> PresenceGroup:
    least = max(1, math.floor(mean * LEAST_SHARE))
    total = max(round(num_people * mean), num_people * least)
    return PresenceGroup(
        group.split,
        num_people,
        dict.fromkeys(group.totals, total),
        dict.fromkeys(group.totals, least),
    )


def people_of_group(
    group: PresenceGroup, identities: Sequence[int], rng: Randomness
) -> list[PlannedPerson]:
    """Plan the people of a group.

    Args:
        group: Who is seen where.
        identities: `group.num_people` identity numbers.
        rng: Source of randomness.

    Returns:
        One plan for each identity, in the order given.
    """
    counts = {
        camera: scatter(total, group.num_people, group.minima[camera], rng)
        for camera, total in group.totals.items()
    }
    return [
        PlannedPerson(identity, group.split, {camera: int(n[row]) for camera, n in counts.items()})
        for row, identity in enumerate(identities)
    ]


def count_images(people: Sequence[PlannedPerson]) -> int:
    """Return the number of images of a plan."""
    return sum(sum(person.images.values()) for person in people)
