"""Reads the folder tree of LLCM into an image table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from bench_core import IMAGE_COLUMNS, DataError
from bench_core.datasets import Dataset, check_images_exist, is_imported, is_synthetic, list_people
from bench_llcm.gallery import check_people
from bench_llcm.layout import (
    CAMERAS,
    DATASET_ID,
    FOLDERS,
    INDEX_FOLDER,
    camera_folder,
    training_list,
)
from bench_llcm.splits import (
    Image,
    LlcmSplits,
    read_dataset_splits,
    read_scoring_splits,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray


class LlcmReader:
    """Reads vis, nir, test_vis, test_nir and idx of an LLCM root."""

    def read(self, root: Path) -> Dataset:
        """Read the training images that idx/ lists, and all test images.

        Test images are those in test_vis/camN and test_nir/camN of the identities that idx/ lists.
        Their copies in vis/ and nir/, and images of anybody else, are left out of the table. A root
        that was imported from training arrays may have no test image at all.

        Args:
            root: Folder with vis, nir, test_vis, test_nir and idx.

        Returns:
            The dataset; `index` of an image is its place among the sorted names of its person,
            camera and modality.

        Raises:
            DataError: `root` is not LLCM, a list is wrong, or images are not there.
        """
        _check_folders(root)
        splits = read_dataset_splits(root)
        _check_training_images(root, splits)
        tested = list(_test_images(root, splits.test))
        images = _image_table([*splits.training, *tested])
        if tested or not is_imported(root):
            for modality in FOLDERS:
                check_people(images, splits.test, modality)
        return Dataset(
            id=DATASET_ID,
            root=root,
            images=images,
            splits=splits,
            synthetic=is_synthetic(root),
            findings=tuple(_doubtful_names(tested)),
        )

    def read_splits(self, directory: Path) -> LlcmSplits:
        """Read `test_id.txt` and, where they are, the lists of training images.

        Raises:
            DataError: The test identities are missing, or a list is malformed.
        """
        return read_scoring_splits(directory)

    def subsets(self, dataset: Dataset) -> Mapping[str, NDArray[np.int64]]:
        """Return the rows of all images, of those that train and of those that test."""
        splits = cast("LlcmSplits", dataset.splits)
        tested = dataset.images["identity"].isin(splits.test).to_numpy()
        return {
            "all": np.arange(len(tested)),
            "training": np.flatnonzero(~tested),
            "test": np.flatnonzero(tested),
        }


def _check_folders(root: Path) -> None:
    main = [*FOLDERS.values(), INDEX_FOLDER]
    test = [camera_folder(modality, camera) for modality in FOLDERS for camera in CAMERAS[modality]]
    missing = [name for name in (*main, *test) if not (root / name).is_dir()]
    if len(missing) == len(main) + len(test):
        raise DataError(
            f"{root} is not LLCM: expected the folders vis, nir, test_vis, test_nir and idx"
        )
    if missing:
        raise DataError(f"{root} is not a complete LLCM: no folder {', '.join(missing)}")


def _check_training_images(root: Path, splits: LlcmSplits) -> None:
    for modality in FOLDERS:
        paths = [image.path for image in splits.training if image.modality == modality]
        check_images_exist(root, paths, splits.folder / training_list(modality))


def _test_images(root: Path, identities: tuple[int, ...]) -> Iterator[Image]:
    for modality, cameras in CAMERAS.items():
        for camera in cameras:
            folder = camera_folder(modality, camera)
            people = list_people(root / folder)
            for identity in people.keys() & set(identities):
                for name in people[identity]:
                    yield Image(f"{folder}/{identity:04d}/{name}", identity, camera, modality)


def _doubtful_names(images: list[Image]) -> Iterator[str]:
    """Say which test images have names that contradict their folders, by which all code goes."""
    elsewhere, unknown = [], []
    for image in images:
        name = image.path.rpartition("/")[2]
        match = re.fullmatch(r"([0-9]{4})_c([0-9]{2})_.+?(?:_(vis|nir))?\.[A-Za-z]+", name)
        if match is None:
            unknown.append(image.path)
        elif (int(match[1]), int(match[2])) != (image.identity, image.camera) or (
            match[3] not in (None, FOLDERS[image.modality])
        ):
            elsewhere.append(image.path)
    if elsewhere:
        yield (
            f"{len(elsewhere)} test images are of another person, camera or modality by their "
            f"names than by their folders, such as {elsewhere[0]}"
        )
    if unknown:
        yield (
            f"{len(unknown)} test images are not named NNNN_cCC_..., and galleries are drawn in "
            f"order of names, such as {unknown[0]}"
        )


def _image_table(images: list[Image]) -> pd.DataFrame:
    table = pd.DataFrame(sorted(images), columns=list(Image._fields))
    table["index"] = table.groupby(["identity", "camera", "modality"]).cumcount()
    return table[list(IMAGE_COLUMNS)]
