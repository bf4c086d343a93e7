"""The split files of SYSU-MM01: who trains, who is tested, and the official gallery draw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError
from bench_core.datasets import list_people, load_matlab_variable
from bench_sysu.id_files import read_identities
from bench_sysu.layout import CAMERA_MODALITY, NUM_TRIALS, SPLIT_FOLDER, camera_folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PERMUTATION_FILE = "rand_perm_cam.mat"
PERMUTATION_SOURCE = "https://github.com/wuancong/SYSU-MM01, folder evaluation/data_split"

Permutations = Mapping[tuple[int, int], "NDArray[np.int64]"]


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """How many images the dataset has, and who says so.

    Attributes:
        images: By (camera, identity); folders without images may be left out.
        source: For messages, such as "rand_perm_cam.mat permutes".
    """

    images: Mapping[tuple[int, int], int]
    source: str


@dataclass(frozen=True, kw_only=True, eq=False)
class SysuSplits:
    """The split files of one copy of SYSU-MM01.

    Attributes:
        folder: Where they lie.
        train: Training identities, ascending; empty where the folder has no such file.
        val: Validation identities, ascending; empty where the folder has no such file.
        test: Test identities, ascending.
        permutations: For (camera, identity) with n images, int64 (trials, n): row t is the
            permutation of 1..n whose head is the gallery of trial t. None without the file.
        counted: Images in the folders beside the split files; None where they were not counted.
    """

    folder: Path
    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    permutations: Permutations | None
    counted: ImageCounts | None = None

    def image_counts(self) -> ImageCounts | None:
        """Return how many images each camera has of each identity; None where nothing tells."""
        if self.permutations is None:
            return self.counted
        images = {folder: rows.shape[1] for folder, rows in self.permutations.items()}
        return ImageCounts(images, f"{PERMUTATION_FILE} permutes")

    def digest(self) -> str:
        """Return a SHA-256 (hex) of the identities and the permutations, not of the files."""
        lists = {"train": self.train, "val": self.val, "test": self.test}
        content = hashlib.sha256(json.dumps(lists, sort_keys=True).encode())
        for (camera, identity), permutation in sorted((self.permutations or {}).items()):
            content.update(f"\n{camera} {identity} {permutation.shape}".encode())
            content.update(permutation.astype("<i8").tobytes())
        return content.hexdigest()

    def official_permutations(self) -> Permutations:
        """Return the permutations of the official draw.

        Raises:
            DataError: `rand_perm_cam.mat` is not there.
        """
        if self.permutations is None:
            raise DataError(
                f"convention 'official' needs {self.folder / PERMUTATION_FILE}: the authors "
                f"publish it at {PERMUTATION_SOURCE}; put it there (exp/ of the dataset)"
            )
        return self.permutations


def read_dataset_splits(root: Path) -> SysuSplits:
    """Read the split files of a dataset root, all three identity lists included.

    Raises:
        DataError: An identity list or a split file is missing or malformed.
    """
    return _read(root / SPLIT_FOLDER, required=("train", "val", "test"))


def read_split_folder(directory: Path) -> SysuSplits:
    """Read all three identity lists and the permutations, if any, from a folder or its `exp`.

    Raises:
        DataError: An identity list is missing, or a split file is malformed.
    """
    inside = directory / SPLIT_FOLDER
    folder = inside if inside.is_dir() else directory
    return _read(folder, required=("train", "val", "test"))


def read_scoring_splits(directory: Path) -> SysuSplits:
    """Read what scoring needs from a plain folder (or a dataset root with its `exp` folder).

    Raises:
        DataError: There is no list of test identities, or a split file is malformed.
    """
    inside = directory / SPLIT_FOLDER
    if not inside.is_dir():
        return _read(directory, required=("test",))
    splits = _read(inside, required=("test",))
    if splits.permutations is None:
        return replace(splits, counted=_count_images(directory))
    return splits


def _count_images(root: Path) -> ImageCounts | None:
    """Count the images of each identity and camera; None where a camera has no folder."""
    folders = {camera: root / camera_folder(camera) for camera in CAMERA_MODALITY}
    if not all(folder.is_dir() for folder in folders.values()):
        return None
    images = {
        (camera, identity): len(names)
        for camera, folder in folders.items()
        for identity, names in list_people(folder).items()
    }
    return ImageCounts(images, f"{root} has")


def _read(folder: Path, required: tuple[str, ...]) -> SysuSplits:
    lists = {name: read_identities(folder, f"{name}_id") for name in ("train", "val", "test")}
    for name in required:
        if lists[name] is None:
            raise DataError(
                f"{folder} has neither {name}_id.txt nor {name}_id.mat, which lie in the folder "
                "exp of SYSU-MM01"
            )
    identities = {name: found or () for name, found in lists.items()}
    _check_disjoint(folder, identities)
    path = folder / PERMUTATION_FILE
    permutations = _read_permutations(path) if path.exists() else None
    return SysuSplits(
        folder=folder,
        train=identities["train"],
        val=identities["val"],
        test=identities["test"],
        permutations=permutations,
    )


def _check_disjoint(folder: Path, identities: Mapping[str, tuple[int, ...]]) -> None:
    owner: dict[int, str] = {}
    for split, members in identities.items():
        for identity in members:
            if identity in owner:
                raise DataError(
                    f"{folder}: identity {identity} is listed in {owner[identity]}_id and in "
                    f"{split}_id; an identity belongs to one split"
                )
            owner[identity] = split


def _read_permutations(path: Path) -> Permutations:
    cameras = _cells(path, load_matlab_variable(path, "rand_perm_cam"))
    if len(cameras) != len(CAMERA_MODALITY):
        raise DataError(
            f"{path}: 'rand_perm_cam' has {len(cameras)} cells, expected one for each of the "
            f"{len(CAMERA_MODALITY)} cameras"
        )
    return {
        (camera, identity): _permutation(path, camera, identity, matrix)
        for camera, cell in enumerate(cameras, start=1)
        for identity, matrix in enumerate(_cells(path, cell), start=1)
        if np.asarray(matrix).size
    }


def _cells(path: Path, value: object) -> list[object]:
    if not isinstance(value, np.ndarray) or value.dtype != object:
        raise DataError(f"{path}: 'rand_perm_cam' is not a cell of cameras of cells of identities")
    return list(value.ravel())


def _permutation(path: Path, camera: int, identity: int, matrix: object) -> NDArray[np.int64]:
    values = np.asarray(matrix)
    fits = values.ndim == 2 and values.dtype.kind in "iuf" and len(values) >= NUM_TRIALS
    if not fits or not np.array_equal(
        np.sort(values, axis=1), np.broadcast_to(np.arange(1, values.shape[1] + 1), values.shape)
    ):
        raise DataError(
            f"{path}: camera {camera}, identity {identity} is not {NUM_TRIALS} rows that each "
            "permute 1 to n"
        )
    return values.astype(np.int64)
