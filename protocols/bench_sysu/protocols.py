"""The protocols of SYSU-MM01: queries, galleries and training rows of a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError, UsageError
from bench_core.datasets import Trial
from bench_sysu.folders import group_by_folder
from bench_sysu.gallery import agw_gallery, check_counts, official_gallery
from bench_sysu.layout import (
    GALLERY_SETTINGS,
    TRAINING_SPLIT,
    VALIDATION_GALLERY_CAMERAS,
    VALIDATION_QUERY_CAMERAS,
    VALIDATION_SPLIT,
)
from bench_sysu.splits import PERMUTATION_FILE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bench_core import ProtocolSpec
    from bench_core.datasets import Convention
    from bench_sysu.folders import Folders
    from bench_sysu.splits import SysuSplits


class SysuProtocol:
    """A protocol of SYSU-MM01, by the id of its spec, bound to the split files of a copy.

    Queries are all images of the test identities in the query cameras, in every trial; the
    gallery of a trial is drawn from the gallery cameras. An analysis within one modality takes
    both from the same cameras: what keeps a query from itself is that its camera is excluded.
    """

    def __init__(self, spec: ProtocolSpec, splits: SysuSplits) -> None:
        self.spec = spec
        self._splits = splits
        self._setting = GALLERY_SETTINGS[spec.id]

    def training_split(self, trial: int) -> str:
        """Return "train+val": one training serves every trial."""
        self.spec.check_trial(trial)
        return TRAINING_SPLIT

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of the images of the identities that a split trains on.

        Those of "train+val" are the training and validation identities, those of "train" the
        training ones. All six cameras train: 1, 2, 4, 5 visible and 3, 6 infrared.

        Raises:
            UsageError: There is no such split.
            DataError: The split files or the table have no training identities.
        """
        _check_split(split)
        files = self._splits
        held_out = split == VALIDATION_SPLIT
        identities = files.train if held_out else (*files.train, *files.val)
        return self._rows_of(images, identities, "training")

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of all images of the test identities, in all six cameras.

        One feature table of these rows serves all protocols.

        Raises:
            UsageError: There is no such split.
            DataError: The table has no image of a test identity.
        """
        _check_split(split)
        return self._rows_of(images, self._splits.test, "test")

    def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
        """Draw the queries and the gallery of a trial.

        Args:
            images: Columns identity, camera, modality and index.
            convention: "official" or, for one shot of visible cameras, "agw".
            trial: From 0.

        Returns:
            Queries in order of camera, identity and index; the gallery in the order of its draw.

        Raises:
            UsageError: The protocol does not define the convention or has no such trial.
            DataError: Images are missing, or do not fit the permutation file.
        """
        self.spec.check_trial(trial)
        self.spec.check_convention(convention)
        folders = group_by_folder(images, self._splits.test)
        _check_cameras(folders, self._cameras, f"{self.spec.id} needs test images")
        query = _rows_in(folders, self._setting.query_cameras)
        gallery = self._gallery(folders, convention, trial)
        return Trial(query=query, gallery=gallery)

    def assumptions(self) -> tuple[str, ...]:
        """Return what nothing at hand tells: whether all images are there."""
        assumption = (
            f"neither {PERMUTATION_FILE} nor the images are at hand: the features are taken to "
            "cover all images of the test identities, whose number decides the draw"
        )
        return () if self._splits.image_counts() else (assumption,)

    def validation_trial(self, images: pd.DataFrame) -> Trial:
        """Return the one trial by which models are selected, under every protocol of the dataset.

        Queries are all images of the validation identities in camera 3, the gallery all of theirs
        in cameras 4 and 5. The harness defines this trial; the dataset's authors define none.

        Returns:
            Both in order of camera, identity and index.

        Raises:
            DataError: There are no validation identities, or no images of theirs in a camera.
        """
        folders = group_by_folder(images, self._splits.val, "validation")
        cameras = (*VALIDATION_QUERY_CAMERAS, *VALIDATION_GALLERY_CAMERAS)
        _check_cameras(folders, cameras, "selection needs validation images")
        return Trial(
            query=_rows_in(folders, VALIDATION_QUERY_CAMERAS),
            gallery=_rows_in(folders, VALIDATION_GALLERY_CAMERAS),
        )

    def _gallery(self, folders: Folders, convention: Convention, trial: int) -> NDArray[np.int64]:
        splits = self._splits
        if convention == "official":
            splits.official_permutations()
        if counts := splits.image_counts():
            check_counts(folders, counts, splits.test, self._cameras)
        if convention == "agw":
            return agw_gallery(folders, self._setting, trial)
        return official_gallery(folders, splits.official_permutations(), self._setting, trial)

    @property
    def _cameras(self) -> tuple[int, ...]:
        return tuple(sorted({*self._setting.cameras, *self._setting.query_cameras}))

    def _rows_of(
        self, images: pd.DataFrame, identities: tuple[int, ...], role: str
    ) -> NDArray[np.int64]:
        found = set(images["identity"].unique().tolist())
        missing = [identity for identity in identities if identity not in found]
        if missing:
            raise DataError(
                f"{len(missing)} {role} identities that {self._splits.folder} lists have no image, "
                f"the first is {missing[0]}; restore their folders"
            )
        return np.flatnonzero(images["identity"].isin(identities)).astype(np.int64)


def _rows_in(folders: Folders, cameras: tuple[int, ...]) -> NDArray[np.int64]:
    return np.concatenate([rows for (camera, _), rows in folders.items() if camera in cameras])


def _check_cameras(folders: Folders, cameras: tuple[int, ...], need: str) -> None:
    found = {camera for camera, _ in folders}
    missing = [camera for camera in cameras if camera not in found]
    if missing:
        raise DataError(
            f"{need} of cameras {', '.join(map(str, cameras))}; there is none of camera "
            f"{missing[0]}"
        )


def _check_split(split: str) -> None:
    known = (TRAINING_SPLIT, VALIDATION_SPLIT)
    if split not in known:
        raise UsageError(f"unknown training split '{split}' (known: {', '.join(known)})")
