"""SYSU-MM01 as other repositories keep it, and back: planned, and written by the harness."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, cast

import numpy as np

from bench_core import INFRARED, VISIBLE, DataError, UsageError
from bench_core.datasets import ArrayRows, ExportPlan, ImportPlan, PlacedFile
from bench_sysu.layout import CAMERA_MODALITY, FOLDERS, SPLIT_FOLDER, camera_folder
from bench_sysu.splits import PERMUTATION_FILE, PERMUTATION_SOURCE, read_split_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from bench_core import Modality
    from bench_core.datasets import Dataset, ImportSource
    from bench_sysu.splits import Permutations, SysuSplits

ID_FILES = ("train", "val", "test", "available")
"""How the names of the identity lists begin; the last has all people of the others."""
MARKET_FOLDERS: Mapping[Modality, str] = {VISIBLE: "rgb_modify", INFRARED: "ir_modify"}
MARKET_TRAINING = "bounding_box_train"
MARKET_QUERY = "query"
MARKET_TEST = "bounding_box_test"
MARKET_QUERIES = 4
"""Images of a person and modality that `query` of a Market-style copy holds; no script uses it."""
MARKET_NAME = re.compile(r"([0-9]{4})_c([1-6])_(.+\.jpg)")
ONE_CAMERA: Mapping[Modality, int] = {VISIBLE: 1, INFRARED: 3}
"""Where the images of a modality lie when nothing tells their cameras."""


def array_rows(dataset: Dataset) -> ExportPlan:
    """Plan the arrays of AGW's `pre_process_sysu.py`.

    Rows: training and validation people by ascending identity, within each by camera, then by
    name. Labels count the people in this order from 0. (The script enumerates a Python set, whose
    order is the same for the people of SYSU-MM01.)

    Raises:
        DataError: A person has no image of one modality, on which the script fails.
    """
    splits = cast("SysuSplits", dataset.splits)
    people = sorted({*splits.train, *splits.val})
    images = _by_person(dataset.images, people)
    _check_both_modalities(images, people)
    return ExportPlan(
        arrays={
            modality: _rows(images[images["modality"] == modality], people)
            for modality in (VISIBLE, INFRARED)
        }
    )


def market_copy(dataset: Dataset) -> ExportPlan:
    """Plan the folders of `prepare_sysu.py` of the ADCA family.

    `query` has the first four images of each test person, by camera and name; the script takes
    them in the order in which the file system lists them. No script of the family uses it.

    Raises:
        DataError: An image is no .jpg, which these scripts do not see.
    """
    splits = cast("SysuSplits", dataset.splits)
    training = _by_person(dataset.images, [*splits.train, *splits.val])
    tested = _by_person(dataset.images, splits.test)
    number = tested.groupby(["modality", "identity"]).cumcount()
    parts = {
        MARKET_TRAINING: training,
        MARKET_QUERY: tested[number < MARKET_QUERIES],
        MARKET_TEST: tested[number >= MARKET_QUERIES],
    }
    return ExportPlan(
        files=[
            PlacedFile(dataset.root / path, _market_place(part, path, identity, camera))
            for part, images in parts.items()
            for path, identity, camera in zip(
                *(images[column] for column in ("path", "identity", "camera")), strict=True
            )
        ],
        folders=[f"{folder}/{part}" for folder in MARKET_FOLDERS.values() for part in parts],
    )


def own_tree(dataset: Dataset) -> ExportPlan:
    """Plan a tree of nothing but what the splits list, which scripts without filters read.

    Such scripts take every file of a folder for an image, whatever its name, and read identities
    from the first line of exp/train_id.txt, val_id.txt and test_id.txt. MATLAB files of identities
    go along where the root has them.
    """
    splits = cast("SysuSplits", dataset.splits)
    places = [*dataset.images["path"], *(f"{SPLIT_FOLDER}/{name}_id.mat" for name in ID_FILES)]
    files = [PlacedFile(dataset.root / place, place) for place in places]
    return ExportPlan(
        files=[*(file for file in files if file.source.exists()), *_permutation_file(splits)],
        texts=_split_texts(splits),
        folders=[camera_folder(camera) for camera in CAMERA_MODALITY],
    )


def tree_of_arrays(source: ImportSource) -> ImportPlan:
    """Plan a root of arrays of AGW: training images alone, as PNG files.

    Identities are those of `train_id` and `val_id`, ascending, as labels count. Cameras follow
    from `rand_perm_cam.mat`, which has the number of images of every person and camera, since rows
    stand in order of cameras; without it only `one_camera` is left.

    Raises:
        DataError: Split files are missing or of other people, rows do not stand by ascending label,
            or counts differ from those of the permutation file.
        UsageError: The cameras are not known and `one_camera` was not asked for, or the reverse.
    """
    splits = read_split_folder(source.splits)
    people = sorted({*splits.train, *splits.val})
    _check_labels(source, people)
    if (splits.permutations is None) != source.one_camera:
        raise UsageError(_camera_advice(source))
    pictures = {modality: _places(source, splits, people, modality) for modality in source.labels}
    cameras = ", ".join(
        f"{camera_folder(ONE_CAMERA[modality])} {modality}" for modality in pictures
    )
    return ImportPlan(
        pictures=pictures,
        files=_permutation_file(splits),
        texts=_split_texts(splits),
        folders=FOLDERS,
        doubts=[
            "file names count the images of a person and camera from 0001, whatever they were",
            *([f"cameras are not known: all images lie in {cameras}"] if source.one_camera else []),
        ],
    )


def tree_of_market_copy(source: ImportSource) -> ImportPlan:
    """Plan a root of a Market-style copy: the same files under their own names.

    Raises:
        DataError: Folders or split files are missing, a name has another form, a person is in the
            wrong folder, or two files have one place.
        UsageError: `one_camera` was asked for: names tell cameras.
    """
    if source.one_camera:
        raise UsageError("--one-camera: the names of a Market-style copy tell the cameras")
    splits = read_split_folder(source.splits)
    files = list(_files_of_market_copy(source.folder, splits))
    twice = [place for place, count in Counter(file.place for file in files).items() if count > 1]
    if twice:
        raise DataError(
            f"{source.folder}: {len(twice)} images are there twice, such as that of {twice[0]}; "
            f"{MARKET_QUERY} and {MARKET_TEST} share none in a copy of SYSU-MM01"
        )
    return ImportPlan(
        files=[*files, *_permutation_file(splits)], texts=_split_texts(splits), folders=FOLDERS
    )


def _rows(images: pd.DataFrame, people: Sequence[int]) -> ArrayRows:
    labels = np.searchsorted(people, images["identity"])
    return ArrayRows(tuple(images["path"]), tuple(labels.tolist()))


def _by_person(images: pd.DataFrame, identities: Sequence[int]) -> pd.DataFrame:
    """Return the images of some people by ascending identity, camera and name."""
    chosen = images[images["identity"].isin(identities)]
    return chosen.sort_values(["identity", "camera", "path"], kind="stable")


def _check_both_modalities(images: pd.DataFrame, people: Sequence[int]) -> None:
    for modality in (VISIBLE, INFRARED):
        missing = sorted(set(people) - set(images["identity"][images["modality"] == modality]))
        if missing:
            raise DataError(
                f"identity {missing[0]} has no {modality} training image, as {len(missing)} people "
                "have none; labels count people who have both"
            )


def _market_place(part: str, path: str, identity: int, camera: int) -> str:
    name = path.rpartition("/")[2]
    if not name.endswith(".jpg"):
        raise DataError(
            f"{path} is no .jpg file, and scripts for Market-style copies see no other; convert it"
        )
    return f"{MARKET_FOLDERS[CAMERA_MODALITY[camera]]}/{part}/{identity:04d}_c{camera}_{name}"


def _permutation_file(splits: SysuSplits) -> list[PlacedFile]:
    source = splits.folder / PERMUTATION_FILE
    return (
        []
        if splits.permutations is None
        else [PlacedFile(source, f"{SPLIT_FOLDER}/{PERMUTATION_FILE}")]
    )


def _split_texts(splits: SysuSplits) -> dict[str, str]:
    listed = sorted({*splits.train, *splits.val, *splits.test})
    members = zip(ID_FILES, (splits.train, splits.val, splits.test, listed), strict=True)
    return {
        f"{SPLIT_FOLDER}/{name}_id.txt": ",".join(map(str, identities)) + "\n"
        for name, identities in members
    }


def _check_labels(source: ImportSource, people: Sequence[int]) -> None:
    for modality, labels in source.labels.items():
        num_people = len(np.unique(labels))
        if num_people != len(people):
            raise DataError(
                f"{source.folder}: the {modality} labels are of {num_people} people, but "
                f"{source.splits} lists {len(people)} for training and validation; one of them "
                "belongs to another dataset"
            )
        falls = np.flatnonzero(np.diff(labels) < 0)
        if falls.size:
            row = int(falls[0]) + 1
            raise DataError(
                f"{source.folder}: row {row} of the {modality} arrays has label {labels[row]} "
                f"after {labels[row - 1]}; AGW's script writes people by ascending identity and "
                "counts them in this order, so these are permuted or labelled by another script, "
                "and nothing tells who is who"
            )


def _camera_advice(source: ImportSource) -> str:
    if source.one_camera:
        return (
            f"--one-camera: {PERMUTATION_FILE} in {source.splits} tells the cameras; leave it out"
        )
    return (
        f"nothing tells the camera of each row: put {PERMUTATION_FILE} ({PERMUTATION_SOURCE}) "
        f"beside the id files in {source.splits}, or give --one-camera to have one camera for each "
        "modality"
    )


def _places(
    source: ImportSource, splits: SysuSplits, people: Sequence[int], modality: Modality
) -> list[str]:
    """Return the place of each row: its camera by the counts of the permutation file."""
    counts = np.bincount(source.labels[modality], minlength=len(people))
    places = []
    for identity, num_rows in zip(people, counts.tolist(), strict=True):
        by_camera = (
            {ONE_CAMERA[modality]: num_rows}
            if splits.permutations is None
            else _permuted(splits.permutations, identity, modality)
        )
        if sum(by_camera.values()) != num_rows:
            raise DataError(
                f"{source.folder}: label {people.index(identity)} has {num_rows} {modality} rows, "
                f"but {PERMUTATION_FILE} has {sum(by_camera.values())} images of identity "
                f"{identity}, whose label this is; the arrays are permuted, incomplete or of "
                "another dataset"
            )
        places += [
            f"{camera_folder(camera)}/{identity:04d}/{number:04d}.png"
            for camera, count in by_camera.items()
            for number in range(1, count + 1)
        ]
    return places


def _permuted(permutations: Permutations, identity: int, modality: Modality) -> dict[int, int]:
    """Return how many images of a person each camera of a modality has."""
    return {
        camera: permutations[camera, identity].shape[1]
        for camera, of in CAMERA_MODALITY.items()
        if of == modality and (camera, identity) in permutations
    }


def _files_of_market_copy(folder: Path, splits: SysuSplits) -> Iterator[PlacedFile]:
    people = {
        MARKET_TRAINING: {*splits.train, *splits.val},
        MARKET_QUERY: set(splits.test),
        MARKET_TEST: set(splits.test),
    }
    for modality, name in MARKET_FOLDERS.items():
        for part, expected in people.items():
            inner = folder / name / part
            if not inner.is_dir():
                raise DataError(f"{folder} is no Market-style copy of SYSU-MM01: no folder {inner}")
            for file in sorted(path for path in inner.iterdir() if path.name[0] != "."):
                yield PlacedFile(file, _own_place(file, modality, expected, splits))


def _own_place(file: Path, modality: Modality, expected: set[int], splits: SysuSplits) -> str:
    match = MARKET_NAME.fullmatch(file.name)
    if match is None:
        raise DataError(f"{file} is not named IDENTITY_cCAMERA_NAME.jpg, as 0001_c3_0001.jpg")
    identity, camera = int(match[1]), int(match[2])
    if CAMERA_MODALITY[camera] != modality:
        raise DataError(
            f"{file} is of camera {camera}, which is {CAMERA_MODALITY[camera]}, in the folder of "
            f"{modality} images"
        )
    if identity not in expected:
        raise DataError(
            f"{file} is of identity {identity}, whom {splits.folder} does not list for "
            f"{file.parent.name}"
        )
    return f"{camera_folder(camera)}/{identity:04d}/{match[3]}"
