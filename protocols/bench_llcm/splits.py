"""The lists of LLCM: which images train, and who is tested."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from bench_core import DataError
from bench_core.datasets import (
    check_same_people,
    list_people,
    people_by_label,
    read_identity_list,
    read_image_list,
)
from bench_llcm.layout import (
    CAMERAS,
    FOLDERS,
    INDEX_FOLDER,
    TEST_LIST,
    camera_folder,
    test_folder,
    test_list,
    training_list,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench_core import Modality
    from bench_core.datasets import ListedImage


class Image(NamedTuple):
    """An image as the table of a dataset has it, but for its index."""

    path: str
    identity: int
    camera: int
    modality: Modality


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """How many test images the dataset has of a modality, and who says so.

    Attributes:
        images: By (identity, camera); folders without images are left out.
        source: The list or the folder that they were counted in.
    """

    images: Mapping[tuple[int, int], int]
    source: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class LlcmSplits:
    """The lists of one copy of LLCM.

    Attributes:
        folder: Where they lie.
        training: The training images, sorted by path; empty where the folder has no such lists.
        test: Test identities, ascending.
        counted: Numbers of test images, of the modalities for which something tells them.
    """

    folder: Path
    training: tuple[Image, ...]
    test: tuple[int, ...]
    counted: Mapping[Modality, ImageCounts] = field(default_factory=dict)

    @property
    def train(self) -> tuple[int, ...]:
        """Training identities, ascending."""
        return tuple(sorted({image.identity for image in self.training}))

    def digest(self) -> str:
        """Return a SHA-256 (hex) of the training images' paths and the test identities."""
        content = {"training": [image.path for image in self.training], "test": self.test}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_dataset_splits(root: Path) -> LlcmSplits:
    """Read the lists of a dataset root, those of the training images included.

    Raises:
        DataError: A list is missing or malformed, the two training lists name different people,
            or somebody trains and is tested.
    """
    return read_split_folder(root / INDEX_FOLDER)


def read_split_folder(folder: Path) -> LlcmSplits:
    """Read the lists of a folder, those of the training images included.

    Raises:
        DataError: As `read_dataset_splits`.
    """
    return _build(folder, _read_training(folder))


def read_scoring_splits(directory: Path) -> LlcmSplits:
    """Read what scoring needs from a plain folder (or a dataset root with its `idx` folder).

    Raises:
        DataError: There is no list of test identities, or a list that is there is malformed.
    """
    inside = directory / INDEX_FOLDER
    folder = inside if inside.is_dir() else directory
    has_lists = any((folder / training_list(modality)).exists() for modality in FOLDERS)
    splits = _build(folder, _read_training(folder) if has_lists else ())
    counts = {modality: _count_test_images(directory, folder, modality) for modality in FOLDERS}
    known = {modality: found for modality, found in counts.items() if found is not None}
    return replace(splits, counted=known)


def _count_test_images(directory: Path, folder: Path, modality: Modality) -> ImageCounts | None:
    """Count the test images of a modality in their folders or, without them, in their list."""
    root, file = directory / test_folder(modality), folder / test_list(modality)
    if root.is_dir():
        images = {
            (identity, camera): len(names)
            for camera in CAMERAS[modality]
            for identity, names in list_people(directory / camera_folder(modality, camera)).items()
        }
        return ImageCounts(images, root)
    if not file.exists():
        return None
    listed = (_parse(file, image, modality) for image in read_image_list(file, folder.parent))
    return ImageCounts(Counter((image.identity, image.camera) for image in listed), file)


def _build(folder: Path, training: tuple[Image, ...]) -> LlcmSplits:
    if not (folder / TEST_LIST).exists():
        raise DataError(f"{folder} has no {TEST_LIST}, which lies in the folder idx of LLCM")
    splits = LlcmSplits(
        folder=folder, training=training, test=read_identity_list(folder / TEST_LIST)
    )
    shared = sorted(set(splits.train) & set(splits.test))
    if shared:
        raise DataError(
            f"{folder}: {len(shared)} identities of {TEST_LIST} have training images in "
            f"{training_list('visible')} and {training_list('infrared')}, such as "
            f"{shared[0]}; nobody may train and be tested"
        )
    return splits


def _read_training(folder: Path) -> tuple[Image, ...]:
    images: list[Image] = []
    people = []
    for modality in FOLDERS:
        file = folder / training_list(modality)
        listed = read_image_list(file, folder.parent)
        people.append((file, people_by_label(file, listed, FOLDERS[modality])))
        images += [_parse(file, image, modality) for image in listed]
    check_same_people(*people)
    return tuple(sorted(images))


def _parse(file: Path, image: ListedImage, modality: Modality) -> Image:
    """Read identity and camera from a path such as vis/0250/0250_c03_s200519_f13770_vis.jpg."""
    match = re.fullmatch(r"[a-z]+/([0-9]{4})/\1_c([0-9]{2})_.+", image.path)
    if not match:
        raise DataError(
            f"{file}:{image.line}: '{image.path}' is not {FOLDERS[modality]}/NNNN/NNNN_cCC_....jpg "
            "with the number of the person, twice, and of the camera"
        )
    identity, camera = map(int, match.groups())
    if camera not in CAMERAS[modality]:
        raise DataError(
            f"{file}:{image.line}: '{image.path}' is of camera {camera}, but the {modality} "
            f"cameras are {', '.join(map(str, CAMERAS[modality]))}"
        )
    return Image(image.path, identity, camera, modality)
