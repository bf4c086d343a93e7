"""Reads the folder tree of RegDB into an image table."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from bench_core import DataError
from bench_core.datasets import Dataset, check_images_exist, is_synthetic
from bench_regdb.layout import DATASET_ID, FOLDERS, INDEX_FOLDER, NUM_TRIALS, ROLES, subset_name
from bench_regdb.splits import RegdbSplits, read_lists

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


class RegdbReader:
    """Reads Visible/, Thermal/ and idx/ of a RegDB root."""

    def read(self, root: Path) -> Dataset:
        """Read the images that the lists of idx/ name; other files are left out of the table.

        Args:
            root: Folder with Visible/ and Thermal/ (each PERSON/*.bmp) and idx/.

        Returns:
            The dataset; camera 1 is visible and camera 2 thermal.

        Raises:
            DataError: `root` is not RegDB, a list is missing or wrong, or an image is not there.
        """
        _check_folders(root)
        splits = read_lists(root / INDEX_FOLDER)
        check_images_exist(root, splits.images["path"], root / INDEX_FOLDER)
        return Dataset(
            id=DATASET_ID,
            root=root,
            images=splits.images,
            splits=splits,
            synthetic=is_synthetic(root),
        )

    def read_splits(self, directory: Path) -> RegdbSplits:
        """Read the lists from a plain folder, or from the idx/ of a dataset root.

        Raises:
            DataError: A list is missing or wrong.
        """
        inside = directory / INDEX_FOLDER
        return read_lists(inside if inside.is_dir() else directory)

    def subsets(self, dataset: Dataset) -> Mapping[str, NDArray[np.int64]]:
        """Return the rows of all images, and of those that train and test in each trial."""
        splits = cast("RegdbSplits", dataset.splits)
        return {
            "all": np.arange(len(splits.images)),
            **{
                subset_name(role, number): splits.both_modalities(role, number)
                for number in range(1, NUM_TRIALS + 1)
                for role in ROLES
            },
        }


def _check_folders(root: Path) -> None:
    expected = [*FOLDERS.values(), INDEX_FOLDER]
    missing = [name for name in expected if not (root / name).is_dir()]
    if len(missing) == len(expected):
        raise DataError(f"{root} is not RegDB: expected the folders Visible, Thermal and idx")
    if missing:
        raise DataError(f"{root} is not a complete RegDB: no folder {', '.join(missing)}")
