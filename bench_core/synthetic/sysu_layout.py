"""The tree of SYSU-MM01: six camera folders, split files and the official gallery permutations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic.cameras import Camera
from bench_core.synthetic.matlab import write_identities, write_permutations
from bench_core.synthetic.plan import PlannedPerson
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.scales import Sizes
from bench_core.synthetic.sysu_cameras import SYSU_CAMERAS
from bench_core.synthetic.sysu_plan import (
    NUM_CAMERAS,
    SYSU_SCALES,
    UNLISTED,
    cell_lengths,
    plan_sysu,
)
from bench_core.system.files import write_text

NUM_TRIALS = 10
PERMUTATION_STREAM = 1


def scales() -> Mapping[str, Sizes]:
    """Return the named sizes; "full" has 45,863 images."""
    return SYSU_SCALES


def cameras() -> Mapping[int, Camera]:
    """Return the six cameras; 3 and 6 are infrared, 2 and 3 hang in one room."""
    return SYSU_CAMERAS


def plan(sizes: Sizes, seed: int) -> Sequence[PlannedPerson]:
    """Decide who is seen where; see `plan_sysu`."""
    return plan_sysu(sizes, seed)


def image_paths(person: PlannedPerson, camera: int, index: int) -> tuple[PurePosixPath, ...]:
    """Return the one path `camC/IIII/NNNN.jpg`; files are numbered from 0001, `index` from 0."""
    return (PurePosixPath(f"cam{camera}") / f"{person.identity:04d}" / f"{index + 1:04d}.jpg",)


def write_splits(
    root: Path,
    people: Sequence[PlannedPerson],
    sizes: Sizes,  # noqa: ARG001 - as `Layout`
    seed: int,
) -> None:
    """Write `exp/`: the id files as text and as MATLAB files, and `rand_perm_cam.mat`.

    Args:
        root: Root folder of the dataset.
        people: The plan.
        sizes: The sizes that it was made with.
        seed: Seed of the dataset, for the permutations.

    Raises:
        BenchError: A file cannot be written.
    """
    splits = {
        name: [person.identity for person in people if person.split == name]
        for name in ("train", "val", "test")
    }
    splits["available"] = [person.identity for person in people if person.split != UNLISTED]
    for name, identities in splits.items():
        write_text(root / "exp" / f"{name}_id.txt", ",".join(map(str, identities)) + "\n")
        write_identities(root / "exp" / f"{name}_id.mat", identities)
    write_permutations(root / "exp" / "rand_perm_cam.mat", gallery_permutations(people, seed))


def gallery_permutations(
    people: Sequence[PlannedPerson], seed: int
) -> list[list[NDArray[np.uint8]]]:
    """Draw the image orders of the ten trials for every camera and identity.

    Args:
        people: The plan, with at most 255 images of a person and camera.
        seed: Seed of the dataset.

    Returns:
        For each camera from 1, for each identity from 1 to the camera's last, a matrix (10, n):
        every row a permutation of 1..n, n = 0 where the camera has no image of the identity.
    """
    rng = Randomness(seed, PERMUTATION_STREAM)
    counts = {person.identity: person.images for person in people}
    lengths = cell_lengths(people)
    return [
        [
            _permutations(counts.get(identity, {}).get(camera, 0), rng)
            for identity in range(1, lengths[camera] + 1)
        ]
        for camera in range(1, NUM_CAMERAS + 1)
    ]


def _permutations(num_images: int, rng: Randomness) -> NDArray[np.uint8]:
    return (rng.permutations(NUM_TRIALS, num_images) + 1).astype(np.uint8)
