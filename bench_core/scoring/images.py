"""Which images were scored, and whether they are those of a dataset that is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError
from bench_core.features.table import FEATURE_COLUMNS
from bench_core.scoring.score import split_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.contracts.dataset import Dataset
    from bench_core.contracts.protocol import Convention, Trial
    from bench_core.scoring.feature_files import OpenedFeatures

_WITHOUT_INDEX = [name for name in FEATURE_COLUMNS if name != "index"]


def scored_images(opened: OpenedFeatures, convention: Convention) -> pd.DataFrame:
    """Return the images that are a query or a gallery image in any trial, each once.

    Args:
        opened: The features.
        convention: How galleries are drawn.

    Returns:
        Columns identity, camera, modality and index; other images of the features are left out.

    Raises:
        DataError: A trial cannot be drawn.
    """
    parts = []
    for table, trial in _trials(opened, convention):
        rows = np.union1d(trial.query, trial.gallery)
        parts.append(table[list(FEATURE_COLUMNS)].iloc[rows])
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)


def check_images(opened: OpenedFeatures, convention: Convention, dataset: Dataset) -> None:
    """Refuse features that are not of the images of a dataset, by all that they say of theirs.

    Each trial must draw the same images from the features as from the dataset, in one order. Of
    features as given, a dataset must have as many images of each identity and camera.

    Args:
        opened: The features.
        convention: How galleries are drawn.
        dataset: The dataset, whose split files the protocol is bound to.

    Raises:
        DataError: They are of other images, or a trial cannot be drawn.
    """
    for number, (table, trial) in enumerate(_trials(opened, convention), start=1):
        if opened.is_given:
            problem = too_many(table, trial, dataset.images)
        else:
            theirs = opened.protocol.trial(dataset.images, convention, number - 1)
            problem = _difference(table, trial, dataset.images, theirs)
        if problem:
            names = ", ".join(str(path) for path in opened.files[:2])
            raise DataError(
                f"{names}: the features are not of the images of {dataset.root}: trial {number} "
                f"{problem}; name the root that they were extracted from, or --splits"
            )


def _trials(opened: OpenedFeatures, convention: Convention) -> Iterator[tuple[pd.DataFrame, Trial]]:
    """Yield the images of the features of each trial, and the trial."""
    protocol = opened.protocol
    for number in range(protocol.spec.num_trials) if opened.trials is None else opened.trials:
        table = opened.features[split_for(number, opened.features, protocol)].table
        yield table, protocol.trial(table, convention, number)


def _difference(table: pd.DataFrame, own: Trial, images: pd.DataFrame, theirs: Trial) -> str:
    """Say where two trials are not of the same images; nothing where they are."""
    for role, rows, other in (
        ("query", own.query, theirs.query),
        ("gallery", own.gallery, theirs.gallery),
    ):
        found, expected = _names(table, rows), _names(images, other)
        if len(found) != len(expected):
            return f"has {len(found)} {role} images, and {len(expected)} there"
        if different := [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]:
            (identity, camera, modality, index), *_ = different[0]
            return (
                f"has another {role} image, such as {modality} image {index} of identity "
                f"{identity} in camera {camera}"
            )
    return ""


def _names(table: pd.DataFrame, rows: NDArray[np.int64]) -> list[tuple[object, ...]]:
    chosen = table.iloc[rows]
    return list(zip(*(chosen[name].tolist() for name in FEATURE_COLUMNS), strict=True))


def too_many(table: pd.DataFrame, trial: Trial, images: pd.DataFrame) -> str:
    """Say of whom more images are given than there are.

    Args:
        table: Columns identity, camera and modality.
        trial: The rows that query and those that form the gallery, as given.
        images: Those of the dataset, with the same columns.

    Returns:
        What a trial "has", for a message; nothing where there are enough.
    """
    there = images.groupby(_WITHOUT_INDEX).size()
    for role, rows in (("query", trial.query), ("gallery", trial.gallery)):
        given = table.iloc[rows].groupby(_WITHOUT_INDEX).size()
        known = there.reindex(given.index, fill_value=0)
        if len(wrong := given[given > known]):
            identity, camera, modality = wrong.index[0]
            return (
                f"has {wrong.iloc[0]} {modality} {role} images of identity {identity} in camera "
                f"{camera}, of which there are {known[wrong.index[0]]}"
            )
    return ""
