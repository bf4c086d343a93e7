"""Features whose files do not say which images they are of: a query and a gallery, as given.

Without the place of an image among the files of its camera and identity no gallery can be drawn, so
that what is in the file is scored as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import Modality
from bench_core.contracts.protocol import Trial
from bench_core.features.arrays import read_arrays
from bench_core.features.table import (
    DEFAULT_METRIC,
    FeatureTable,
    FloatArray,
    check_features,
    check_metric,
    features_with_columns,
    notes_of,
    text_of,
)
from bench_core.system.files import write_atomically
from bench_core.system.foreign_files import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

Role: TypeAlias = Literal["query", "gallery"]
ROLES: tuple[Role, ...] = get_args(Role)
GIVEN_COLUMNS = ("identity", "camera", "role")


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenFeatures:
    """Features of the query and of the gallery of one trial, checked when they are made.

    Attributes:
        features: float32 or float64 (N, V, D): V views of D dimensions, all finite.
        table: N rows with the columns identity, camera and role ("query" or "gallery").
        metric: The distance of two images is the sum over views of this metric.
        source: The file or folder that they were read from; None for those that were computed.
        notes: What was taken for granted when they were read, one line each.

    Raises:
        DataError: Shapes do not fit, a feature is not finite, a role is unknown or has no image.
    """

    features: FloatArray
    table: pd.DataFrame
    metric: Metric
    source: Path | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_features(self.features, len(self.table), self.metric)
        roles = set(self.table["role"])
        for role in ROLES:
            if role not in roles:
                raise DataError(f"there is no {role} image")
        if unknown := roles - set(ROLES):
            raise DataError(
                f"unknown role {quoted(min(map(str, unknown)))} (known: query, gallery)"
            )

    def rows(self, role: Role) -> NDArray[np.int64]:
        """Return the row positions of the query or of the gallery."""
        return role_rows(self.table, role)

    def as_table(self, modalities: Mapping[Role, Modality]) -> tuple[FeatureTable, Trial]:
        """Return the features as a table, and its trial.

        Args:
            modalities: Those of the query and of the gallery under the protocol.

        Returns:
            The features; the index of an image is only its place among the rows of its camera,
            identity and role. And the rows that query and those that form the gallery.
        """
        table, trial = images_of_roles(self.table, modalities)
        features = FeatureTable(
            features=self.features,
            table=table,
            metric=self.metric,
            source=self.source,
            notes=self.notes,
        )
        return features, trial


def role_rows(table: pd.DataFrame, role: Role) -> NDArray[np.int64]:
    """Return the row positions of the query or of the gallery in a table with roles."""
    return np.flatnonzero(table["role"] == role).astype(np.int64)


def images_of_roles(
    table: pd.DataFrame, modalities: Mapping[Role, Modality]
) -> tuple[pd.DataFrame, Trial]:
    """Make an image table of what is known of images as given.

    Args:
        table: N rows with the columns identity, camera and role.
        modalities: Those of the query and of the gallery under the protocol.

    Returns:
        N rows with the columns identity, camera, modality and index, which is only the place of an
        image among the rows of its camera, identity and role. And the rows that query and those
        that form the gallery.
    """
    places = table.groupby(list(GIVEN_COLUMNS), sort=False).cumcount()
    images = pd.DataFrame(
        {
            "identity": table["identity"],
            "camera": table["camera"],
            "modality": table["role"].map(dict(modalities)).astype(object),
            "index": places,
        }
    )
    # Where query and gallery are of one modality, an image may be in both.
    both = images.duplicated().to_numpy()
    images.loc[both, "index"] += int(places.max()) + 1
    return images, Trial(query=role_rows(table, "query"), gallery=role_rows(table, "gallery"))


def read_given_features(path: Path, metric: Metric | None = None) -> GivenFeatures:
    """Read a file that `write_given_features` wrote; nothing in it is unpickled.

    Args:
        path: An .npz with `features`, `identity`, `camera`, `role` str (N,) and, optionally,
            `metric` and `notes`.
        metric: Metric of a file that names none.

    Raises:
        DataError: The file is unreadable, or an array is missing or not what it must be.
        UsageError: The file names another metric.
    """
    arrays = read_arrays(path, ("features", *GIVEN_COLUMNS, "metric", "notes"))
    try:
        given = _build(path, arrays, metric or DEFAULT_METRIC)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    check_metric(path, given.metric, metric)
    return given


def write_given_features(path: Path, given: GivenFeatures) -> None:
    """Write features as given, as `read_given_features` reads them, whole or not at all.

    Raises:
        BenchError: The file cannot be written.
    """
    arrays: dict[str, Any] = {
        "features": given.features,
        "identity": given.table["identity"].to_numpy(dtype=np.int64),
        "camera": given.table["camera"].to_numpy(dtype=np.int64),
        "role": given.table["role"].to_numpy(dtype=np.str_),
        "metric": np.array(given.metric),
    }
    if given.notes:
        arrays["notes"] = np.array(given.notes)
    write_atomically(path, lambda file: np.savez(file, **arrays))


def _build(path: Path, arrays: Mapping[str, NDArray[Any]], default: Metric) -> GivenFeatures:
    features, table = features_with_columns(arrays, GIVEN_COLUMNS)
    named: Any = text_of(arrays, "metric")
    return GivenFeatures(
        features=features,
        table=table,
        metric=default if named is None else named,
        source=path,
        notes=notes_of(arrays),
    )
