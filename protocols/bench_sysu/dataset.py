"""Reads the folder tree of SYSU-MM01 into an image table."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pandas as pd

from bench_core import IMAGE_COLUMNS, DataError, Dataset
from bench_sysu.layout import CAMERA_MODALITY
from bench_sysu.splits import SysuSplits, read_dataset_splits, read_scoring_splits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
SYNTHETIC_MARKER = "synthetic.json"

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
        try:
            rows = sorted(_image_rows(root, {*splits.train, *splits.val, *splits.test}))
        except OSError as error:
            raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
        if not rows:
            raise DataError(f"{root} has no image of an identity that its exp/ lists")
        return Dataset(
            id="sysu-mm01",
            root=root,
            images=pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)),
            splits=splits,
            synthetic=(root / SYNTHETIC_MARKER).exists(),
        )

    def read_splits(self, directory: Path) -> SysuSplits:
        """Read `test_id` (.txt or .mat) and `rand_perm_cam.mat`, where there is one.

        Raises:
            DataError: The test identities are missing, or a file is malformed.
        """
        return read_scoring_splits(directory)


def _check_folders(root: Path) -> None:
    expected = [*(f"cam{camera}" for camera in CAMERA_MODALITY), "exp"]
    missing = [name for name in expected if not (root / name).is_dir()]
    if len(missing) == len(expected):
        raise DataError(f"{root} is not SYSU-MM01: expected the folders cam1 ... cam6 and exp/")
    if missing:
        raise DataError(f"{root} is not a complete SYSU-MM01: no folder {', '.join(missing)}")


def _image_rows(root: Path, identities: set[int]) -> Iterator[Row]:
    for camera, modality in CAMERA_MODALITY.items():
        for name in _names(root / f"cam{camera}"):
            if re.fullmatch("[0-9]{4}", name) and int(name) in identities:
                folder = f"cam{camera}/{name}"
                for index, file in enumerate(_image_names(root / folder)):
                    yield f"{folder}/{file}", int(name), camera, modality, index


def _image_names(folder: Path) -> list[str]:
    names = _names(folder) if folder.is_dir() else []
    # "._0001.jpg" and the like are leftovers of desktop file managers, not images.
    return sorted(
        name for name in names if name.lower().endswith(IMAGE_SUFFIXES) and name[0] != "."
    )


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]
