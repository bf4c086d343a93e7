"""What a dataset's plugin says of a format: which image goes where, and nothing is written yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.images import Modality


@dataclass(frozen=True)
class PlacedFile:
    """A file that is copied as it is.

    Attributes:
        source: The file.
        place: Where its copy lies, relative to the new folder, with forward slashes.
    """

    source: Path
    place: str


@dataclass(frozen=True)
class ArrayRows:
    """The images of one modality in the order of the rows of an array.

    Attributes:
        paths: Relative to the root of the dataset; one a row.
        labels: Training label of each, from 0 to the number of people less 1.
    """

    paths: tuple[str, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class TreePlan:
    """A folder that is to be made.

    Attributes:
        files: What is copied.
        texts: Content of small files, by their places.
        folders: Folders that must be there, with or without files.
    """

    files: Sequence[PlacedFile] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ExportPlan(TreePlan):
    """A dataset in the format of somebody else.

    Attributes:
        arrays: The rows of each modality; empty where the format has no arrays.
    """

    arrays: Mapping[Modality, ArrayRows] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ImportSource:
    """What somebody else's format gives.

    Attributes:
        folder: The folder that is imported.
        splits: Folder of the split files.
        labels: Label of each row of the arrays, int64 (N,), by modality; both cover 0 to n - 1.
            Empty where the format has no arrays.
        one_camera: Whether all images of a modality may be said to be of one camera.
    """

    folder: Path
    splits: Path
    labels: Mapping[Modality, NDArray[np.int64]] = field(default_factory=dict)
    one_camera: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportPlan(TreePlan):
    """A root of a dataset that is made of somebody else's format.

    Attributes:
        pictures: For each modality, the place of the PNG image that each row of the arrays becomes.
        doubts: What was not known and how the root has it, one sentence each without a full stop.
    """

    pictures: Mapping[Modality, Sequence[str]] = field(default_factory=dict)
    doubts: Sequence[str] = ()
