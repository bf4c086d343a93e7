"""Files of the Person_reID_baseline_pytorch family: `pytorch_result.mat`, `tsne.mat` and HiCMD's.

Their keys, from https://github.com/layumi/Person_reID_baseline_pytorch, test.py: `gallery_f`,
`gallery_label`, `gallery_cam` and the same of the query; features are float (N, D), labels and
cameras come back as (1, N). They do not say which images they are of. HiCMD's add `gallery_path`
and `query_path`, which do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError
from bench_core.features.given import ROLES, GivenFeatures, Role
from bench_core.features.image_paths import check_against_paths, parse_paths, tell_gaps
from bench_core.features.matlab_arrays import (
    features_of,
    load_all,
    texts_of,
    whole_numbers_of,
)
from bench_core.features.table import DEFAULT_METRIC, FeatureTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bench_core.contracts.images import Modality
    from bench_core.contracts.method import Metric

KEYS = tuple(f"{role}_{part}" for role in ROLES for part in ("f", "label", "cam"))
"""The variables of such a file."""
PATH_KEYS = tuple(f"{role}_path" for role in ROLES)
"""The variables that HiCMD adds, and that are read."""
JUNK = -1
"""The label of detections that are nobody: scorers of this family leave them out."""


def read_given_matlab(path: Path, metric: Metric | None = None) -> GivenFeatures:
    """Read a query and a gallery that do not say which images they are of.

    Rows that are labelled as junk are left out, and a note says how many.

    Args:
        path: A MATLAB file with `KEYS`.
        metric: Metric of the features; euclidean by default.

    Raises:
        DataError: The file is unreadable, lacks a variable, or one is not what it must be.
    """
    variables = load_all(path, KEYS)
    try:
        given = _gather(variables, metric or DEFAULT_METRIC)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return replace(given, source=path)


def read_hicmd(
    path: Path, cameras: Mapping[int, Modality], metric: Metric | None = None
) -> FeatureTable:
    """Read a query and a gallery with the paths of their images.

    Args:
        path: A MATLAB file with `KEYS` and `PATH_KEYS`.
        cameras: Modality of each camera of the dataset.
        metric: Metric of the features; euclidean by default.

    Raises:
        DataError: The file is unreadable, lacks a variable, one is not what it must be, or a path
            does not say which image it is of, or another one than label and camera do.
    """
    variables = load_all(path, (*KEYS, *PATH_KEYS))
    try:
        return _gather_with_paths(path, variables, cameras, metric or DEFAULT_METRIC)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _gather(variables: dict[str, object], metric: Metric) -> GivenFeatures:
    parts = [_read_role(variables, role) for role in ROLES]
    features, table = _joined(variables), pd.concat(parts, ignore_index=True)
    junk = (table["identity"] == JUNK).to_numpy()
    notes = tuple(_tell_junk(table, junk)) if junk.any() else ()
    return GivenFeatures(
        features=features[~junk] if junk.any() else features,
        table=table[~junk].reset_index(drop=True),
        metric=metric,
        notes=notes,
    )


def _read_role(variables: dict[str, object], role: Role) -> pd.DataFrame:
    rows = len(features_of(variables, f"{role}_f"))
    return pd.DataFrame(
        {
            "identity": whole_numbers_of(variables, f"{role}_label", rows),
            "camera": whole_numbers_of(variables, f"{role}_cam", rows),
            "role": np.full(rows, role, dtype=object),
        }
    )


def _joined(variables: dict[str, object]) -> NDArray[np.floating]:
    query, gallery = (features_of(variables, f"{role}_f") for role in ROLES)
    if query.shape[2] != gallery.shape[2]:
        raise DataError(
            f"'query_f' has {query.shape[2]} dimensions, but 'gallery_f' has {gallery.shape[2]}"
        )
    return np.concatenate([query, gallery])


def _tell_junk(table: pd.DataFrame, junk: NDArray[np.bool_]) -> list[str]:
    counts = table.loc[junk, "role"].value_counts()
    shown = " and ".join(f"{counts[role]} {role}" for role in ROLES if role in counts)
    return [f"{shown} rows are labelled {JUNK}, which marks junk: they are left out"]


def _gather_with_paths(
    path: Path, variables: dict[str, object], cameras: Mapping[int, Modality], metric: Metric
) -> FeatureTable:
    features = _joined(variables)
    labels = pd.concat([_read_role(variables, role) for role in ROLES], ignore_index=True)
    paths = [
        text
        for role in ROLES
        for text in texts_of(variables, f"{role}_path", len(features_of(variables, f"{role}_f")))
    ]
    images = parse_paths(paths, "query_path and gallery_path", cameras)
    for column, part in (("identity", "label"), ("camera", "cam")):
        values = labels[column].to_numpy(dtype=np.int64)
        check_against_paths(images, values, column, f"query_{part} and gallery_{part}")
    return FeatureTable(
        features=features,
        table=images.drop(columns="name"),
        metric=metric,
        source=path,
        notes=tell_gaps(images),
    )
