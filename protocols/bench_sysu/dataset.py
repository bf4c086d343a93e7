"""Reads the folder tree of SYSU-MM01 into an image table."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from bench_core import IMAGE_COLUMNS, INFRARED, DataError
from bench_core.datasets import Dataset, is_synthetic, list_people
from bench_sysu.layout import CAMERA_MODALITY, FOLDERS, camera_folder
from bench_sysu.splits import SysuSplits, read_dataset_splits, read_scoring_splits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

Row = tuple[str, int, int, str, int]


class SysuMM01Reader:
    """Reads cam1 ... cam6 and exp/ of a SYSU-MM01 root."""

    def read(self, root: Path) -> Dataset:
        """Read the images of all train, val and test identities, and the split files.

        Images of identities that no split lists are left out of the table. A camera folder of
        an identity may be missing: not everybody passed every camera.

        Args:
            root: Folder with cam1 ... cam6 (each NNNN/*.jpg) and exp/.

        Returns:
            The dataset; `index` of an image is its place among the sorted files of its folder.

        Raises:
            DataError: `root` is not SYSU-MM01; the message names what is missing or wrong.
        """
        _check_folders(root)
        splits = read_dataset_splits(root)
        rows = sorted(_image_rows(root, {*splits.train, *splits.val, *splits.test}))
        if not rows:
            raise DataError(f"{root} has no image of an identity that its exp/ lists")
        return Dataset(
            id="sysu-mm01",
            root=root,
            images=pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)),
            splits=splits,
            synthetic=is_synthetic(root),
        )

    def read_splits(self, directory: Path) -> SysuSplits:
        """Read `test_id` (.txt or .mat) and `rand_perm_cam.mat`, where there is one.

        Raises:
            DataError: The test identities are missing, or a file is malformed.
        """
        return read_scoring_splits(directory)

    def subsets(self, dataset: Dataset) -> Mapping[str, NDArray[np.int64]]:
        """Return the rows of training (validation people included), validation, query, gallery."""
        splits = cast("SysuSplits", dataset.splits)
        identity, infrared = dataset.images["identity"], dataset.images["modality"] == INFRARED
        tested = identity.isin(splits.test)
        members = {
            "training": identity.isin([*splits.train, *splits.val]),
            "validation": identity.isin(splits.val),
            "query": tested & infrared,
            "gallery": tested & ~infrared,
        }
        return {name: np.flatnonzero(rows).astype(np.int64) for name, rows in members.items()}


def _check_folders(root: Path) -> None:
    missing = [name for name in FOLDERS if not (root / name).is_dir()]
    if len(missing) == len(FOLDERS):
        raise DataError(f"{root} is not SYSU-MM01: expected the folders cam1 ... cam6 and exp/")
    if missing:
        raise DataError(f"{root} is not a complete SYSU-MM01: no folder {', '.join(missing)}")


def _image_rows(root: Path, identities: set[int]) -> Iterator[Row]:
    for camera, modality in CAMERA_MODALITY.items():
        people = list_people(root / camera_folder(camera))
        for identity in people.keys() & identities:
            for index, name in enumerate(people[identity]):
                path = f"{camera_folder(camera)}/{identity:04d}/{name}"
                yield path, identity, camera, modality, index
