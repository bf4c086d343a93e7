"""The two gallery draws of SYSU-MM01: the authors' fixed permutation, and the agw draw."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_sysu.folders import Folders
    from bench_sysu.layout import GallerySetting
    from bench_sysu.splits import ImageCounts, Permutations


def official_gallery(
    folders: Folders, permutations: Permutations, setting: GallerySetting, trial: int
) -> NDArray[np.int64]:
    """Draw the gallery of the authors' MATLAB evaluation.

    The gallery is the head of row `trial` of the permutation of every folder, in order of camera,
    then identity, then permutation. Where a folder has fewer images than shots (never in
    SYSU-MM01 itself) all of them are taken.

    Args:
        folders: The test images, in order of camera and identity; each folder must have as many as
            its permutation.
        permutations: Of `rand_perm_cam.mat`, counted from 1.
        setting: Gallery cameras and shots.
        trial: From 0.

    Returns:
        Row positions in gallery order, int64 (G,).
    """
    return np.concatenate(
        [
            rows[permutations[camera, identity][trial, : setting.shots] - 1]
            for (camera, identity), rows in folders.items()
            if camera in setting.cameras
        ]
    )


def agw_gallery(folders: Folders, setting: GallerySetting, trial: int) -> NDArray[np.int64]:
    """Draw the single-shot gallery of the AGW code and most later papers.

    Python's generator is seeded with the trial; then, identities ascending and cameras ascending
    within each, one image is chosen from every folder. The draw therefore depends on the mode.

    Args:
        folders: The test images.
        setting: Gallery cameras; the draw is defined for one shot of visible cameras only.
        trial: From 0.

    Returns:
        Row positions in gallery order (identity, then camera), int64 (G,).
    """
    generator = random.Random(trial)
    drawn = [
        generator.choice(folders[camera, identity].tolist())
        for identity, camera in sorted((identity, camera) for camera, identity in folders)
        if camera in setting.cameras
    ]
    return np.array(drawn, dtype=np.int64)


def check_counts(
    folders: Folders,
    expected: ImageCounts,
    identities: tuple[int, ...],
    cameras: tuple[int, ...],
) -> None:
    """Check that every folder has as many images as the dataset.

    Raises:
        DataError: A folder has more or fewer; the message names camera, identity and counts.
    """
    for camera in cameras:
        for identity in identities:
            found = len(folders.get((camera, identity), ()))
            wanted = expected.images.get((camera, identity), 0)
            if found != wanted:
                raise DataError(
                    f"camera {camera}, identity {identity}: found {found} images, but "
                    f"{expected.source} {wanted}; the images are incomplete or the "
                    "file belongs to another copy of the dataset"
                )
