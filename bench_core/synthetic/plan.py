"""Who is seen where: the layout-independent part of planning a synthetic dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PlannedPerson:
    """One identity of the dataset.

    Attributes:
        identity: Its number in the dataset.
        split: "train", "val", "test", or "unlisted": in the folders, but in no split file.
        images: Number of images (> 0) by camera; a camera that does not see the person is absent.
    """

    identity: int
    split: str
    images: Mapping[int, int]


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
    shares = np.asarray(weights, dtype=np.float64)
    shares *= total / shares.sum()
    parts = np.floor(shares).astype(np.int64)
    remainders = np.argsort(parts - shares, kind="stable")
    parts[remainders[: total - int(parts.sum())]] += 1
    return [int(part) for part in parts]


def scatter(
    total: int, num_people: int, minimum: int, rng: np.random.Generator
) -> NDArray[np.int64]:
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
    others = rng.multinomial(surplus, np.full(num_people - 1, 1 / (num_people - 1)))
    return minimum + np.insert(others, rng.integers(num_people), 0)


def people_of_group(
    group: PresenceGroup, identities: Sequence[int], rng: np.random.Generator
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
