"""The protocols of LLCM: queries, galleries and training rows of a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError, UsageError
from bench_core.datasets import Trial
from bench_llcm.gallery import check_counts, draw_gallery, group_by_folder
from bench_llcm.layout import FOLDERS, TRAINING_SPLIT, test_list
from bench_llcm.splits import own_splits

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bench_core import ProtocolSpec
    from bench_core.datasets import Convention, Splits


class LlcmProtocol:
    """One direction of search in LLCM, by the id of its spec.

    Queries are all test images of one modality, in every trial; the gallery of a trial is one
    image of each test identity and camera, drawn from the other modality.
    """

    def __init__(self, spec: ProtocolSpec) -> None:
        self.spec = spec

    def training_split(self, trial: int) -> str:
        """Return "train": one training serves every trial."""
        self._check_trial(trial)
        return TRAINING_SPLIT

    def training_rows(self, images: pd.DataFrame, splits: Splits, split: str) -> NDArray[np.int64]:
        """Return the row positions of the images of the training identities.

        Raises:
            UsageError: There is no such split.
            DataError: The lists or the table have no training identities.
        """
        _check_split(split)
        return _rows_of(images, own_splits(splits).train, "training")

    def test_rows(self, images: pd.DataFrame, splits: Splits, split: str) -> NDArray[np.int64]:
        """Return the row positions of all images of the test identities.

        One feature table of these rows serves both directions.

        Raises:
            UsageError: There is no such split.
            DataError: The table lacks a test identity.
        """
        _check_split(split)
        return _rows_of(images, own_splits(splits).test, "test")

    def trial(
        self, images: pd.DataFrame, splits: Splits, convention: Convention, trial: int
    ) -> Trial:
        """Draw the queries and the gallery of a trial.

        Args:
            images: Columns identity, camera, modality and index.
            splits: Of this dataset's reader.
            convention: "official": the draw of the authors' code.
            trial: From 0.

        Returns:
            Both in order of identity and camera; queries of one of these in order of index.

        Raises:
            UsageError: The protocol does not define the convention or has no such trial.
            DataError: Images are missing, or of a camera that LLCM does not have.
        """
        self._check_trial(trial)
        if convention not in self.spec.conventions:
            raise UsageError(
                f"{self.spec.id} does not define the convention '{convention}' (the draw of the "
                f"dataset's authors is the only one); use {' or '.join(self.spec.conventions)}"
            )
        own = own_splits(splits)
        queries, gallery = (
            group_by_folder(images, own.test, modality)
            for modality in (self.spec.query_modality, self.spec.gallery_modality)
        )
        check_counts(queries, own.test, own.counted.get(self.spec.query_modality))
        check_counts(gallery, own.test, own.counted.get(self.spec.gallery_modality))
        return Trial(
            query=np.concatenate(list(queries.values())), gallery=draw_gallery(gallery, trial)
        )

    def assumptions(self, splits: Splits) -> tuple[str, ...]:
        """Return what nothing at hand tells: whether all images of a modality are there."""
        counted = own_splits(splits).counted
        return tuple(
            f"neither {test_list(modality)} nor the images are at hand: the features are taken to "
            f"cover all {modality} images of the test identities, whose number decides the draw"
            for modality in FOLDERS
            if modality not in counted
        )

    def _check_trial(self, trial: int) -> None:
        if not 0 <= trial < self.spec.num_trials:
            raise UsageError(
                f"{self.spec.id} has trials 0 to {self.spec.num_trials - 1}, not {trial}"
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
