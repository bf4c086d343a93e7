"""The feature table: one row of features an image, in memory and as an .npz file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import Metric
from bench_core.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FEATURE_COLUMNS = ("identity", "camera", "modality", "index")
METRICS: tuple[Metric, ...] = get_args(Metric)
DEFAULT_METRIC: Metric = "euclidean"
"""Metric of a feature file that names none: that of the official SYSU-MM01 evaluation."""

_INTEGER_COLUMNS = ("identity", "camera", "index")
_ROWS_PER_CHECK = 4096

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTable:
    """Features of N images, checked when it is made.

    Attributes:
        features: float32 or float64 (N, V, D): V views of D dimensions, all finite.
        table: N rows with the columns identity, camera, modality and index (see
            `bench_core.contracts.images`); no two rows are the same image.
        metric: The distance of two images is the sum over views of this metric.
        training_split: Name of the split that the model was trained on, where it is known: the
            features are scored on no trial of another.

    Raises:
        DataError: Shapes do not fit, a feature is not finite, a modality is unknown or an image
            occurs twice.
    """

    features: FloatArray
    table: pd.DataFrame
    metric: Metric
    training_split: str | None = None

    def __post_init__(self) -> None:
        _check_shape(self.features)
        if len(self.features) != len(self.table):
            raise DataError(
                f"'features' has {len(self.features)} rows for {len(self.table)} images"
            )
        _check_finite(self.features)
        _check_images(self.table)
        if self.metric not in METRICS:
            raise DataError(f"unknown metric '{self.metric}' (known: {', '.join(METRICS)})")


def read_features(path: Path, metric: Metric | None = None) -> FeatureTable:
    """Read a feature file; nothing in it is unpickled.

    Args:
        path: An .npz with `features` float (N, D) or (N, V, D), `identity`, `camera` and `index`
            int (N,), `modality` str (N,) and, optionally, `metric` and `training_split`.
        metric: Metric of a file that names none.

    Returns:
        The features with their images. Half precision is widened to float32; without any
        `metric` they are euclidean.

    Raises:
        DataError: The file is unreadable, or an array is missing or not what it must be.
        UsageError: The file names another metric.
    """
    arrays = _read_arrays(path)
    try:
        table = _build_table(arrays, metric or DEFAULT_METRIC)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if metric not in (None, table.metric):
        raise UsageError(
            f"--metric {metric} contradicts {path}, whose features are {table.metric}; leave the "
            "option out"
        )
    return table


def write_features(path: Path, table: FeatureTable) -> None:
    """Write a feature file as `read_features` reads it, whole or not at all.

    Raises:
        BenchError: The file cannot be written.
    """
    arrays = {
        "features": table.features,
        "modality": table.table["modality"].to_numpy(dtype=np.str_),
        "metric": np.array(table.metric),
        **{name: table.table[name].to_numpy(dtype=np.int64) for name in _INTEGER_COLUMNS},
    }
    if table.training_split is not None:
        arrays["training_split"] = np.array(table.training_split)
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:
            return _named_arrays(np.load(file, allow_pickle=False))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    # A malformed archive surfaces in zipfile, zlib or numpy as nearly any exception.
    except Exception as error:
        raise DataError(f"{path} is no .npz of plain arrays: {_first_line(error)}") from error


def _named_arrays(archive: object) -> dict[str, NDArray[Any]]:
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise TypeError("it is a single array without a name")
    wanted = ("features", *FEATURE_COLUMNS, "metric", "training_split")
    with archive:
        return {name: archive[name] for name in wanted if name in archive}


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _build_table(arrays: Mapping[str, NDArray[Any]], default: Metric) -> FeatureTable:
    missing = [name for name in ("features", *FEATURE_COLUMNS) if name not in arrays]
    if missing:
        raise DataError(f"no array {', '.join(missing)}")
    features = _as_views(arrays["features"])
    columns = {name: _column(arrays[name], name, len(features)) for name in FEATURE_COLUMNS}
    metric: Any = str(arrays.get("metric", default))
    split = str(arrays["training_split"]) if "training_split" in arrays else None
    return FeatureTable(
        features=features, table=pd.DataFrame(columns), metric=metric, training_split=split
    )


def _as_views(features: NDArray[Any]) -> FloatArray:
    if features.dtype.kind != "f":
        raise DataError(f"'features' must be floating-point, not {features.dtype}")
    if features.ndim == 2:
        features = features[:, np.newaxis]
    _check_shape(features)
    return features.astype(np.float64 if features.dtype.itemsize >= 8 else np.float32, copy=False)


def _column(values: NDArray[Any], name: str, rows: int) -> NDArray[Any]:
    kinds, expected = ("iu", "integers") if name in _INTEGER_COLUMNS else ("U", "text")
    if values.dtype.kind not in kinds:
        raise DataError(f"'{name}' must be {expected}, not {values.dtype}")
    if values.shape != (rows,):
        raise DataError(f"'{name}' has shape {values.shape}, but 'features' has {rows} rows")
    return values.astype(np.int64 if kinds == "iu" else object)


def _check_shape(features: FloatArray) -> None:
    if features.ndim != 3 or 0 in features.shape:
        raise DataError(
            f"'features' must be (images, dimensions) or (images, views, dimensions) and not "
            f"empty, but has shape {features.shape}"
        )


def _check_finite(features: FloatArray) -> None:
    finite = np.concatenate(
        [
            np.isfinite(features[start : start + _ROWS_PER_CHECK]).all(axis=(1, 2))
            for start in range(0, len(features), _ROWS_PER_CHECK)
        ]
    )
    wrong = np.flatnonzero(~finite)
    if wrong.size:
        raise DataError(
            f"'features' has NaN or infinite values in {wrong.size} of {len(features)} rows, the "
            f"first is row {wrong[0]}; the model that made them has diverged"
        )


def _check_images(table: pd.DataFrame) -> None:
    missing = [name for name in FEATURE_COLUMNS if name not in table]
    if missing:
        raise DataError(f"the image table has no column {', '.join(missing)}")
    unknown = ~table["modality"].isin(MODALITIES).to_numpy()
    if unknown.any():
        row = int(np.argmax(unknown))
        raise DataError(
            f"row {row} has the modality '{table['modality'].iloc[row]}' "
            f"(known: {', '.join(MODALITIES)})"
        )
    duplicate = table.duplicated(list(FEATURE_COLUMNS)).to_numpy()
    if duplicate.any():
        row = int(np.argmax(duplicate))
        image = ", ".join(f"{name} {table[name].iloc[row]}" for name in FEATURE_COLUMNS)
        raise DataError(f"{duplicate.sum()} rows repeat an image, the first is row {row}: {image}")
