"""Files of the LuckyDC and SIM line: features with the paths of their images.

`query-PREFIX.mat` and `gallery-PREFIX.mat` lie side by side, the one with all infrared and the
other with all visible images. Their keys: `feat` float (N, D), `ids` and `cam_ids`, which come back
as (1, N), and `img_path`, N texts that are filled up with blanks. So every gallery can be drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError
from bench_core.features.image_paths import (
    check_against_paths,
    parse_paths,
    place_among_sorted,
    tell_gaps,
)
from bench_core.features.matlab_arrays import (
    features_of,
    load_all,
    texts_of,
    whole_numbers_of,
)
from bench_core.features.table import DEFAULT_METRIC, FeatureTable, FloatArray
from bench_core.system.matlab_files import is_matlab, list_variables, read_head

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.images import Modality
    from bench_core.contracts.method import Metric

KEYS = ("feat", "ids", "cam_ids", "img_path")
"""The variables of such a file."""
_OTHER = {"query": "gallery", "gallery": "query"}
_MOST_NAMES = 5


def holds_path_features(names: Sequence[str]) -> bool:
    """Tell by the names of its variables whether a file is one of these."""
    return "feat" in names and bool({"ids", "cam_ids", "img_path"} & set(names))


def find_path_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are of this kind, sorted; they are known by content.

    Raises:
        DataError: The folder or a MATLAB file in it is unreadable.
    """
    try:
        found = sorted(path for path in folder.glob("*.mat") if path.is_file())
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    return [
        path
        for path in found
        if is_matlab(read_head(path)) and holds_path_features(list_variables(path))
    ]


def read_path_features(
    path: Path, cameras: Mapping[int, Modality], metric: Metric | None = None
) -> FeatureTable:
    """Read query and gallery with the paths of their images.

    Args:
        path: One of the two files, the other of which is read where it lies beside it, or a folder
            with one such file or two.
        cameras: Modality of each camera of the dataset.
        metric: Metric of the features; euclidean by default.

    Raises:
        DataError: A file is unreadable, lacks a variable, one is not what it must be, a path does
            not say which image it is of, or another one than the rest says, or the folder holds
            more files.
    """
    parts = [_read_file(file, cameras) for file in path_files(path)]
    (first, features, _), *others = parts
    for file, found, _ in others:
        if found.shape[2] != features.shape[2]:
            raise DataError(
                f"{file} has features of {found.shape[2]} dimensions, but {first.name} of "
                f"{features.shape[2]}"
            )
    images = pd.concat([table for *_, table in parts], ignore_index=True)
    try:
        images["index"] = place_among_sorted(images, "img_path")
        return FeatureTable(
            features=np.concatenate([found for _, found, _ in parts]),
            table=images.drop(columns="name"),
            metric=metric or DEFAULT_METRIC,
            source=path,
            notes=tell_gaps(images),
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def path_files(path: Path) -> list[Path]:
    """Return the files that belong together: query and gallery.

    Raises:
        DataError: A folder holds more of them.
    """
    if path.is_dir():
        found = find_path_files(path)
        if len(found) > 2:
            shown = ", ".join(file.name for file in found[:_MOST_NAMES])
            raise DataError(
                f"{path} holds {len(found)} files with features and paths, more than a query and a "
                f"gallery ({shown}): name the file of the one to read, the other is found beside it"
            )
        return found
    for role, other in _OTHER.items():
        companion = path.with_name(path.name.replace(role, other))
        if companion != path and companion.is_file():
            return sorted([path, companion])
    return [path]


def _read_file(
    path: Path, cameras: Mapping[int, Modality]
) -> tuple[Path, FloatArray, pd.DataFrame]:
    variables = load_all(path, KEYS)
    try:
        features = features_of(variables, "feat")
        images = parse_paths(texts_of(variables, "img_path", len(features)), "img_path", cameras)
        for column, name in (("identity", "ids"), ("camera", "cam_ids")):
            values = whole_numbers_of(variables, name, len(features))
            check_against_paths(images, values, column, name)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return path, features, images
