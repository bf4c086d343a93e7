"""The protocols of LLCM: queries, galleries and training rows of a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError, UsageError
from bench_core.datasets import Trial
from bench_llcm.gallery import check_counts, draw_gallery, group_by_folder
from bench_llcm.layout import FOLDERS, TRAINING_SPLIT, test_list

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bench_core import ProtocolSpec
    from bench_core.datasets import Convention
    from bench_llcm.splits import LlcmSplits


class LlcmProtocol:
    """One direction of search in LLCM, by the id of its spec, bound to the lists of a copy.

    Queries are all test images of one modality, in every trial; the gallery of a trial is one
    image of each test identity and camera, drawn from the other modality.
    """

    def __init__(self, spec: ProtocolSpec, splits: LlcmSplits) -> None:
        self.spec = spec
        self._splits = splits

    def training_split(self, trial: int) -> str:
        """Return "train": one training serves every trial."""
        self.spec.check_trial(trial)
        return TRAINING_SPLIT

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of the images of the training identities.

        Raises:
            UsageError: There is no such split.
            DataError: The lists or the table have no training identities.
        """
        _check_split(split)
        return _rows_of(images, self._splits.train, "training")

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of all images of the test identities.

        One feature table of these rows serves both directions.

        Raises:
            UsageError: There is no such split.
            DataError: The table lacks a test identity.
        """
        _check_split(split)
        return _rows_of(images, self._splits.test, "test")

    def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
        """Draw the queries and the gallery of a trial.

        Args:
            images: Columns identity, camera, modality and index.
            convention: "official": the draw of the authors' code.
            trial: From 0.

        Returns:
            Both in order of identity and camera; queries of one of these in order of index.

        Raises:
            UsageError: The protocol does not define the convention or has no such trial.
            DataError: Images are missing, or of a camera that LLCM does not have.
        """
        self.spec.check_trial(trial)
        self.spec.check_convention(convention)
        files = self._splits
        queries, gallery = (
            group_by_folder(images, files.test, modality)
            for modality in (self.spec.query_modality, self.spec.gallery_modality)
        )
        check_counts(queries, files.test, files.counted.get(self.spec.query_modality))
        check_counts(gallery, files.test, files.counted.get(self.spec.gallery_modality))
        return Trial(
            query=np.concatenate(list(queries.values())), gallery=draw_gallery(gallery, trial)
        )

    def assumptions(self) -> tuple[str, ...]:
        """Return what nothing at hand tells: whether all images of a modality are there."""
        counted = self._splits.counted
        return tuple(
            f"neither {test_list(modality)} nor the images are at hand: the features are taken to "
            f"cover all {modality} images of the test identities, whose number decides the draw"
            for modality in FOLDERS
            if modality not in counted
        )


def _check_split(split: str) -> None:
    if split != TRAINING_SPLIT:
        raise UsageError(f"unknown training split '{split}' (known: {TRAINING_SPLIT})")


def _rows_of(images: pd.DataFrame, identities: tuple[int, ...], role: str) -> NDArray[np.int64]:
    missing = sorted(set(identities) - set(images["identity"]))
    if missing or not identities:
        raise DataError(
            f"{len(missing)} of {len(identities)} {role} identities have no image, such as "
            f"identity {missing[0] if missing else 'none'}; the images are incomplete or the "
            "lists belong to another dataset"
        )
    return np.flatnonzero(images["identity"].isin(identities)).astype(np.int64)
