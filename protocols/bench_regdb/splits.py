"""The lists of RegDB: which images train and which test in each of the ten trials."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from bench_core import IMAGE_COLUMNS, DataError, Modality
from bench_core.datasets import check_same_people, people_by_label, read_image_list
from bench_regdb.layout import (
    CAMERA_MODALITY,
    FOLDERS,
    MODALITIES,
    NUM_TRIALS,
    ROLES,
    Role,
    list_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from bench_core.datasets import ListedImage

TRIALS = range(1, NUM_TRIALS + 1)
MANY_SPLITS = 10_000
"""Where so many splits are possible, ten random ones are different: RegDB has 10^122."""

ListKey: TypeAlias = tuple[Role, Modality, int]
"""Role, modality and number of the trial, from 1."""
Lists: TypeAlias = Mapping[ListKey, "tuple[ListedImage, ...]"]

LIST_KEYS: tuple[ListKey, ...] = tuple(
    (role, modality, number) for number in TRIALS for role in ROLES for modality in MODALITIES
)
"""All lists, trial by trial."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RegdbSplits:
    """The lists of one copy of RegDB.

    Attributes:
        folder: Where they lie.
        images: Image table of all images that a list names (see `bench_core.IMAGE_COLUMNS`),
            sorted by path.
        rows: For each list, the row positions of its images in `images`, in its order, int64.
    """

    folder: Path
    images: pd.DataFrame
    rows: Mapping[ListKey, NDArray[np.int64]]

    def both_modalities(self, role: Role, number: int) -> NDArray[np.int64]:
        """Return the rows of the images that train, or test, in a trial (from 1), ascending."""
        return np.sort(
            np.concatenate([self.rows[role, modality, number] for modality in MODALITIES])
        )

    def digest(self) -> str:
        """Return a SHA-256 (hex) of the paths in the lists and of their order."""
        paths = self.images["path"].to_numpy()
        lists = {list_name(*key): paths[rows].tolist() for key, rows in self.rows.items()}
        return hashlib.sha256(json.dumps(lists, sort_keys=True).encode()).hexdigest()


def read_lists(folder: Path) -> RegdbSplits:
    """Read the forty lists of a folder and check them against each other.

    Args:
        folder: Holds train_visible_N.txt, train_thermal_N.txt, test_visible_N.txt and
            test_thermal_N.txt for N from 1 to 10; their paths are relative to its parent.

    Raises:
        DataError: A list is missing or malformed, the lists of a trial name different people for
            one label, a person trains and tests in one trial, or two trials are one split.
    """
    _check_files(folder)
    lists = {key: read_image_list(folder / list_name(*key), folder.parent) for key in LIST_KEYS}
    _check_trials(folder, lists)
    images = _image_table(lists)
    position = pd.Index(images["path"])
    rows = {
        key: position.get_indexer([image.path for image in listed]).astype(np.int64)
        for key, listed in lists.items()
    }
    return RegdbSplits(folder=folder, images=images, rows=rows)


def _check_files(folder: Path) -> None:
    files = [folder / list_name(*key) for key in LIST_KEYS]
    missing = [file for file in files if not file.exists()]
    if missing:
        raise DataError(
            f"{missing[0]} is missing ({len(missing)} of {len(files)} lists are): RegDB "
            f"has {NUM_TRIALS} trials with four lists each, in its folder idx; restore them from "
            "the dataset's archive"
        )


def _check_trials(folder: Path, lists: Lists) -> None:
    tested: dict[int, frozenset[str]] = {}
    people: set[str] = set()
    for number in TRIALS:
        train, test = (_people_of_trial(folder, lists, role, number) for role in ROLES)
        shared = sorted(train & test)
        if shared:
            raise DataError(
                f"{folder}: trial {number} trains on {len(shared)} of the people it tests on, such "
                f"as '{shared[0]}', who is listed in {list_name('train', 'visible', number)} and "
                f"in {list_name('test', 'visible', number)}"
            )
        tested[number] = frozenset(test)
        people |= train | test
    _check_different(folder, tested, len(people))


def _check_different(folder: Path, tested: Mapping[int, frozenset[str]], num_people: int) -> None:
    """Check that no trial repeats another one, but for what few people give by chance."""
    first: dict[frozenset[str], int] = {}
    again = [number for number, test in tested.items() if first.setdefault(test, number) != number]
    possible = min(math.comb(num_people, len(test)) for test in tested.values())
    if again and (possible >= MANY_SPLITS or len(first) == 1):
        raise DataError(
            f"{folder}: the lists of {len(again)} trials repeat those of another, such as trial "
            f"{again[0]} those of trial {first[tested[again[0]]]}; the mean over {NUM_TRIALS} "
            "trials is one over different splits: restore the lists from the dataset's archive"
        )


def _people_of_trial(folder: Path, lists: Lists, role: Role, number: int) -> set[str]:
    """Return the people who train, or test, in a trial; both modalities must show the same."""
    visible, thermal = (
        (file, people_by_label(file, lists[role, modality, number], FOLDERS[modality]))
        for modality, file in (
            (modality, folder / list_name(role, modality, number)) for modality in MODALITIES
        )
    )
    check_same_people(visible, thermal)
    return set(visible[1].values())


def _image_table(lists: Lists) -> pd.DataFrame:
    paths = sorted({image.path for listed in lists.values() for image in listed})
    parts = [path.split("/") for path in paths]
    identities = _identities(person for _, person, _ in parts)
    cameras = {FOLDERS[modality]: camera for camera, modality in CAMERA_MODALITY.items()}
    images = pd.DataFrame(
        {
            "path": paths,
            "identity": [identities[person] for _, person, _ in parts],
            "camera": [cameras[folder] for folder, _, _ in parts],
        }
    )
    images["modality"] = images["camera"].map(dict(CAMERA_MODALITY))
    images["index"] = images.groupby(["identity", "camera"]).cumcount()
    return images[list(IMAGE_COLUMNS)]


def _identities(people: Iterable[str]) -> dict[str, int]:
    """Number the people: by the number that is their folder's name, as in RegDB itself.

    Where a name is no number, or two are the same number, by their place (from 1) among the sorted
    names of all.
    """
    names = sorted(set(people))
    numbers = [int(name) for name in names if re.fullmatch("[0-9]{1,9}", name)]
    numbered = len(set(numbers)) == len(names)
    return dict(zip(names, numbers if numbered else range(1, len(names) + 1), strict=True))
