"""LLCM as other repositories keep it, and back: planned, and written by the harness."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError, UsageError
from bench_core.datasets import ArrayRows, ExportPlan, ImportPlan, read_image_list
from bench_llcm.layout import (
    CAMERAS,
    FOLDERS,
    INDEX_FOLDER,
    TEST_LIST,
    camera_folder,
    training_list,
)
from bench_llcm.splits import read_split_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_core import Modality
    from bench_core.datasets import Dataset, ImportSource, ListedImage


def array_rows(dataset: Dataset) -> ExportPlan:
    """Plan the arrays that DNS writes into the root of LLCM, under the names of AGW.

    Rows stand in the order of `train_vis.txt` and `train_nir.txt`; labels are those of the lists,
    numbered anew from 0 in their ascending order.
    """
    lists = _training_lists(dataset.root / INDEX_FOLDER)
    labels = _labels(lists)
    return ExportPlan(
        arrays={
            modality: ArrayRows(tuple(image.path for image in listed), labels[modality])
            for modality, listed in lists.items()
        }
    )


def tree_of_arrays(source: ImportSource) -> ImportPlan:
    """Plan a root of arrays of DNS: training images alone, as PNG files.

    The lists say the name of each row, and so identity and camera; both become those of PNG files.

    Raises:
        DataError: A list is missing or malformed, or rows and labels are not those of the lists.
        UsageError: `one_camera` was asked for: names tell cameras.
    """
    if source.one_camera:
        raise UsageError("--one-camera: the lists of LLCM tell the cameras")
    inside = source.splits / INDEX_FOLDER
    folder = inside if inside.is_dir() else source.splits
    splits = read_split_folder(folder)
    lists = _training_lists(folder)
    expected = _labels(lists)
    for modality in lists:
        _check_labels(source, modality, expected[modality], folder)
    test = ",".join(f"{identity:04d}" for identity in splits.test)
    return ImportPlan(
        pictures={
            modality: [_as_png(image.path) for image in listed]
            for modality, listed in lists.items()
        },
        texts={
            f"{INDEX_FOLDER}/{TEST_LIST}": test,
            **{
                f"{INDEX_FOLDER}/{training_list(modality)}": _list_of_pngs(listed)
                for modality, listed in lists.items()
            },
        },
        folders=[
            *FOLDERS.values(),
            *(
                camera_folder(modality, camera)
                for modality in FOLDERS
                for camera in CAMERAS[modality]
            ),
        ],
        doubts=["files end in .png where the lists of the dataset say .jpg"],
    )


def _training_lists(folder: Path) -> dict[Modality, tuple[ListedImage, ...]]:
    return {
        modality: read_image_list(folder / training_list(modality), folder.parent)
        for modality in FOLDERS
    }


def _labels(
    lists: Mapping[Modality, Sequence[ListedImage]],
) -> dict[Modality, tuple[int, ...]]:
    """Number the labels of the lists from 0; both have the same, as reading the splits checks."""
    known = sorted({image.label for listed in lists.values() for image in listed})
    ranks = {label: rank for rank, label in enumerate(known)}
    return {
        modality: tuple(ranks[image.label] for image in listed)
        for modality, listed in lists.items()
    }


def _check_labels(
    source: ImportSource, modality: Modality, expected: Sequence[int], folder: Path
) -> None:
    name, labels = training_list(modality), source.labels[modality]
    if len(labels) != len(expected):
        raise DataError(
            f"{source.folder}: the {modality} arrays have {len(labels)} rows, but {folder / name} "
            f"has {len(expected)} images; one of them belongs to another dataset"
        )
    wrong = np.flatnonzero(labels != np.asarray(expected))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"{source.folder}: row {row} of the {modality} arrays has label {labels[row]}, but "
            f"line {row + 1} of {folder / name} is of label {expected[row]} when they are counted "
            "from 0; the rows are permuted, or of another list"
        )


def _as_png(path: str) -> str:
    return PurePosixPath(path).with_suffix(".png").as_posix()


def _list_of_pngs(images: Sequence[ListedImage]) -> str:
    return "".join(f"{_as_png(image.path)} {image.label}\n" for image in images)
