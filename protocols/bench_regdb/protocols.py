"""The protocols of RegDB: queries, gallery and training rows of a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench_core import DataError, UsageError
from bench_core.datasets import Trial
from bench_regdb.layout import TRAINING_SPLITS, list_name, subset_name
from bench_regdb.splits import own_splits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core import ProtocolSpec
    from bench_core.datasets import Convention, Splits
    from bench_regdb.layout import Role

_IMAGE = ["identity", "camera", "modality", "index"]
"""The columns by which an image is found in a table: features have no paths."""


class RegdbProtocol:
    """One direction of search in RegDB, by the id of its spec.

    Every trial has people of its own to train on, and tests on all the others: queries are all
    test images of one modality, the gallery all those of the other. Nothing is drawn.
    """

    def __init__(self, spec: ProtocolSpec) -> None:
        self.spec = spec

    def training_split(self, trial: int) -> str:
        """Return "trial-1" for trial 0, and so on: each trial needs a model of its own."""
        self._check_trial(trial)
        return TRAINING_SPLITS[trial]

    def training_rows(self, images: pd.DataFrame, splits: Splits, split: str) -> NDArray[np.int64]:
        """Return the row positions of the training images of a split, ascending.

        Raises:
            UsageError: There is no such split.
            DataError: The table lacks an image.
        """
        return _rows_of_split(images, splits, "train", split)

    def test_rows(self, images: pd.DataFrame, splits: Splits, split: str) -> NDArray[np.int64]:
        """Return the row positions of the test images of the trial of a split, ascending.

        Raises:
            UsageError: There is no such split.
            DataError: The table lacks an image.
        """
        return _rows_of_split(images, splits, "test", split)

    def trial(
        self, images: pd.DataFrame, splits: Splits, convention: Convention, trial: int
    ) -> Trial:
        """Return the queries and the gallery of a trial, both in the order of their list.

        Args:
            images: Columns identity, camera, modality and index.
            splits: Of this dataset's reader.
            convention: "official": nothing is drawn, so there is no other.
            trial: From 0.

        Raises:
            UsageError: The protocol does not define the convention or has no such trial.
            DataError: The table lacks an image.
        """
        self._check_trial(trial)
        if convention not in self.spec.conventions:
            raise UsageError(
                f"{self.spec.id} does not define the convention '{convention}' (its gallery is "
                f"not drawn); use {' or '.join(self.spec.conventions)}"
            )
        own = own_splits(splits)
        query, gallery = (
            _rows_of(
                images,
                own.images.iloc[own.rows["test", modality, trial + 1]],
                list_name("test", modality, trial + 1),
            )
            for modality in (self.spec.query_modality, self.spec.gallery_modality)
        )
        return Trial(query=query, gallery=gallery)

    def _check_trial(self, trial: int) -> None:
        if not 0 <= trial < self.spec.num_trials:
            raise UsageError(
                f"{self.spec.id} has trials 0 to {self.spec.num_trials - 1}, not {trial}"
            )


def _rows_of_split(
    images: pd.DataFrame, splits: Splits, role: Role, split: str
) -> NDArray[np.int64]:
    if split not in TRAINING_SPLITS:
        raise UsageError(f"unknown training split '{split}' (known: {', '.join(TRAINING_SPLITS)})")
    own, number = own_splits(splits), TRAINING_SPLITS.index(split) + 1
    wanted = own.images.iloc[own.both_modalities(role, number)]
    return np.sort(_rows_of(images, wanted, subset_name(role, number)))


def _rows_of(images: pd.DataFrame, wanted: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """Return where the wanted images are in a table, in their order."""
    present = pd.MultiIndex.from_frame(images[_IMAGE])
    rows = present.get_indexer(pd.MultiIndex.from_frame(wanted[_IMAGE])).astype(np.int64)
    missing = np.flatnonzero(rows < 0)
    if missing.size:
        first = wanted.iloc[missing[0]]
        raise DataError(
            f"{missing.size} of the {len(wanted)} images of {name} are missing, the first is "
            f"identity {first['identity']}, camera {first['camera']} ({first['modality']}), index "
            f"{first['index']}"
        )
    return rows
