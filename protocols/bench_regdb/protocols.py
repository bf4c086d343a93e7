"""The protocols of RegDB: queries, gallery and training rows of a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench_core import DataError, UsageError
from bench_core.datasets import Trial
from bench_regdb.layout import TRAINING_SPLITS, list_name, subset_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core import ProtocolSpec
    from bench_core.datasets import Convention
    from bench_regdb.layout import Role
    from bench_regdb.splits import RegdbSplits

_IMAGE = ["identity", "camera", "modality", "index"]
"""The columns by which an image is found in a table: features have no paths."""


class RegdbProtocol:
    """One direction of search in RegDB, by the id of its spec, bound to the lists of a copy.

    Every trial has people of its own to train on, and tests on all the others: queries are all
    test images of one modality, the gallery all those of the other. Nothing is drawn.
    """

    def __init__(self, spec: ProtocolSpec, splits: RegdbSplits) -> None:
        self.spec = spec
        self._splits = splits

    def training_split(self, trial: int) -> str:
        """Return "trial-1" for trial 0, and so on: each trial needs a model of its own."""
        self.spec.check_trial(trial)
        return TRAINING_SPLITS[trial]

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of the training images of a split, ascending.

        Raises:
            UsageError: There is no such split.
            DataError: The table lacks an image.
        """
        return self._rows_of_split(images, "train", split)

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of the test images of the trial of a split, ascending.

        Raises:
            UsageError: There is no such split.
            DataError: The table lacks an image.
        """
        return self._rows_of_split(images, "test", split)

    def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
        """Return the queries and the gallery of a trial, both in the order of their list.

        Args:
            images: Columns identity, camera, modality and index.
            convention: "official": nothing is drawn, so there is no other.
            trial: From 0.

        Raises:
            UsageError: The protocol does not define the convention or has no such trial.
            DataError: The table lacks an image.
        """
        self.spec.check_trial(trial)
        self.spec.check_convention(convention)
        files = self._splits
        query, gallery = (
            _rows_of(
                images,
                files.images.iloc[files.rows["test", modality, trial + 1]],
                list_name("test", modality, trial + 1),
            )
            for modality in (self.spec.query_modality, self.spec.gallery_modality)
        )
        return Trial(query=query, gallery=gallery)

    def _rows_of_split(self, images: pd.DataFrame, role: Role, split: str) -> NDArray[np.int64]:
        if split not in TRAINING_SPLITS:
            known = ", ".join(TRAINING_SPLITS)
            raise UsageError(f"unknown training split '{split}' (known: {known})")
        number = TRAINING_SPLITS.index(split) + 1
        wanted = self._splits.images.iloc[self._splits.both_modalities(role, number)]
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
