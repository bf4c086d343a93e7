"""Synthetic people in the tree of SYSU-MM01, with split files and gallery permutations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench_core.synthetic import (
    Layout,
    People,
    PlannedPerson,
    Randomness,
    Sizes,
    matlab_file,
)
from bench_sysu.layout import CAMERA_MODALITY, NUM_TRIALS, SPLIT_FOLDER, camera_folder
from bench_sysu.splits import PERMUTATION_FILE
from bench_sysu.synthetic.cameras import SYSU_CAMERAS
from bench_sysu.synthetic.plan import SYSU_SCALES, UNLISTED, cell_lengths, plan_sysu

PERMUTATION_STREAM = 1


def image_paths(person: PlannedPerson, camera: int, index: int) -> tuple[str, ...]:
    """Return the one path `camC/IIII/NNNN.jpg`; files are numbered from 0001, `index` from 0."""
    return (f"{camera_folder(camera)}/{person.identity:04d}/{index + 1:04d}.jpg",)


def split_files(people: People, _: Sizes, seed: int) -> dict[str, str | bytes]:
    """Return the id files as text and as MATLAB files, and the permutations.

    Args:
        people: The plan.
        seed: Seed of the dataset, for the permutations.
    """
    splits = {
        name: [person.identity for person in people if person.split == name]
        for name in ("train", "val", "test")
    }
    splits["available"] = [person.identity for person in people if person.split != UNLISTED]
    files: dict[str, str | bytes] = {}
    for name, identities in splits.items():
        files[f"{name}_id.txt"] = ",".join(map(str, identities)) + "\n"
        files[f"{name}_id.mat"] = matlab_file({"id": np.asarray([identities], dtype=np.uint16)})
    files[PERMUTATION_FILE] = permutation_file(gallery_permutations(people, seed))
    return {f"{SPLIT_FOLDER}/{name}": content for name, content in files.items()}


def gallery_permutations(people: People, seed: int) -> list[list[NDArray[np.uint8]]]:
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
        for camera in CAMERA_MODALITY
    ]


def permutation_file(cameras: Sequence[Sequence[NDArray[np.uint8]]]) -> bytes:
    """Return the content of `rand_perm_cam.mat`: a cell of cameras, each a cell by identity.

    Args:
        cameras: What `gallery_permutations` returns.
    """
    cells = _column_cell([_column_cell(identities) for identities in cameras])
    return matlab_file({"rand_perm_cam": cells})


def _permutations(num_images: int, rng: Randomness) -> NDArray[np.uint8]:
    return (rng.permutations(NUM_TRIALS, num_images) + 1).astype(np.uint8)


def _column_cell(items: Sequence[NDArray[Any]]) -> NDArray[np.object_]:
    cell = np.empty((len(items), 1), dtype=object)
    for row, item in enumerate(items):
        cell[row, 0] = item
    return cell


LAYOUT = Layout(
    cameras=SYSU_CAMERAS,
    scales=SYSU_SCALES,
    plan=plan_sysu,
    image_paths=image_paths,
    split_files=split_files,
)
