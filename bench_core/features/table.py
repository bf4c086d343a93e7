"""The feature table: one row of features an image, in memory and as an .npz file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import Metric
from bench_core.features.arrays import INTEGER_COLUMNS, read_arrays
from bench_core.system.files import write_atomically
from bench_core.system.foreign_files import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FEATURE_COLUMNS = ("identity", "camera", "modality", "index")
METRICS: tuple[Metric, ...] = get_args(Metric)
DEFAULT_METRIC: Metric = "euclidean"
"""Metric of a feature file that names none: that of the official SYSU-MM01 evaluation."""

_OPTIONAL = ("metric", "training_split", "notes", "degradation")
_LONGEST_NOTE = 400
_ROWS_PER_CHECK = 4096
_LARGEST_INTEGER = 2**63 - 1
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTable:
    """Features of N images, checked when it is made.

    Attributes:
        features: float32 or float64 (N, V, D): V views of D dimensions, all finite. They may be
            mapped from a file, so that whoever needs all of them takes some rows at a time.
        table: N rows with the columns identity, camera, modality and index (see
            `bench_core.contracts.images`); no two rows are the same image.
        metric: The distance of two images is the sum over views of this metric.
        training_split: Name of the split that the model was trained on, where it is known: the
            features are scored on no trial of another.
        source: The file or folder that they were read from; None for those that were computed.
        notes: What was taken for granted when they were read, such as the order of rows, one line
            each; whoever scores them says so.
        degradation: What decides how the images were degraded (`DegradationSpec.label`), where
            they were: the features are scored under no protocol that degrades them otherwise.

    Raises:
        DataError: Shapes do not fit, a feature is not finite, a modality is unknown or an image
            occurs twice.
    """

    features: FloatArray
    table: pd.DataFrame
    metric: Metric
    training_split: str | None = None
    source: Path | None = None
    notes: tuple[str, ...] = ()
    degradation: str | None = None

    def __post_init__(self) -> None:
        check_features(self.features, len(self.table), self.metric)
        _check_images(self.table)


def read_features(path: Path, metric: Metric | None = None) -> FeatureTable:
    """Read a feature file; nothing in it is unpickled.

    Args:
        path: An .npz with `features` float (N, D) or (N, V, D), `identity`, `camera` and `index`
            int (N,), `modality` str (N,) and, optionally, `metric`, `training_split`, `notes` and
            `degradation`.
        metric: Metric of a file that names none.

    Returns:
        The features with their images; float32 or float64 ones of 256 MiB and more stay in the
        file, if it is not compressed, and must not change there. Half precision is widened to
        float32; without any `metric` they are euclidean.

    Raises:
        DataError: The file is unreadable, or an array is missing or not what it must be.
        UsageError: The file names another metric.
    """
    arrays = read_arrays(path, ("features", *FEATURE_COLUMNS, *_OPTIONAL))
    try:
        table = _build_table(path, arrays, metric or DEFAULT_METRIC)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    check_metric(path, table.metric, metric)
    return table


def check_metric(path: Path, found: Metric, wanted: Metric | None) -> None:
    """Refuse a metric that contradicts the one that a file names.

    Raises:
        UsageError: It is another.
    """
    if wanted not in (None, found):
        raise UsageError(
            f"--metric {wanted} contradicts {path}, whose features are {found}; leave the option "
            "out"
        )


def write_features(path: Path, table: FeatureTable) -> None:
    """Write a feature file as `read_features` reads it, whole or not at all.

    Raises:
        BenchError: The file cannot be written.
    """
    arrays: dict[str, Any] = {
        "features": table.features,
        "modality": table.table["modality"].to_numpy(dtype=np.str_),
        "metric": np.array(table.metric),
        **{name: table.table[name].to_numpy(dtype=np.int64) for name in INTEGER_COLUMNS},
    }
    if table.training_split is not None:
        arrays["training_split"] = np.array(table.training_split)
    if table.degradation is not None:
        arrays["degradation"] = np.array(table.degradation)
    if table.notes:
        arrays["notes"] = np.array(table.notes)
    write_atomically(path, lambda file: np.savez(file, **arrays))


def _build_table(path: Path, arrays: Mapping[str, NDArray[Any]], default: Metric) -> FeatureTable:
    features, table = features_with_columns(arrays, FEATURE_COLUMNS)
    metric: Any = text_of(arrays, "metric")
    split = text_of(arrays, "training_split")
    return FeatureTable(
        features=features,
        table=table,
        metric=default if metric is None else metric,
        training_split=split,
        source=path,
        notes=notes_of(arrays),
        degradation=text_of(arrays, "degradation"),
    )


def features_with_columns(
    arrays: Mapping[str, NDArray[Any]], names: Sequence[str]
) -> tuple[FloatArray, pd.DataFrame]:
    """Return features (N, V, D) and what is known of each row, by name.

    Raises:
        DataError: An array is missing or not what it must be.
    """
    missing = [name for name in ("features", *names) if name not in arrays]
    if missing:
        raise DataError(
            f"no array {', '.join(missing)}; needed are {', '.join(('features', *names))}, with a "
            "row for each image: docs/features.md says what they hold"
        )
    features = as_views(arrays["features"])
    return features, pd.DataFrame(
        {name: column(arrays[name], name, len(features)) for name in names}
    )


def text_of(arrays: Mapping[str, NDArray[Any]], name: str) -> str | None:
    """Return the one text of an array without dimensions; None where there is no such array."""
    values = arrays.get(name)
    if values is None:
        return None
    if values.shape or values.dtype.kind != "U":
        raise DataError(
            f"'{name}' must be one text, such as numpy.array('...'), not {values.dtype} of shape "
            f"{values.shape}"
        )
    return str(_decoded(values, name)[()])


def notes_of(arrays: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """Return the notes of a feature file; none where it has none.

    Raises:
        DataError: They are no lines that can be printed.
    """
    if "notes" not in arrays:
        return ()
    notes = tuple(map(str, column(arrays["notes"], "notes", len(arrays["notes"]))))
    if not all(note.isprintable() and 0 < len(note) <= _LONGEST_NOTE for note in notes):
        raise DataError(f"'notes' must be printable lines of at most {_LONGEST_NOTE} characters")
    return notes


def as_views(features: NDArray[Any]) -> FloatArray:
    """Return features as (N, V, D), in float32 or float64.

    Args:
        features: Float (N, D) or (N, V, D); half precision is widened.

    Raises:
        DataError: They are not floating-point, of another shape, or empty.
    """
    if features.dtype.kind != "f":
        raise DataError(f"'features' must be floating-point, not {features.dtype}")
    if features.ndim == 2:
        features = features[:, np.newaxis]
    _check_shape(features)
    # Numbers beyond float64 become infinite, which is refused.
    with np.errstate(over="ignore"):
        return features.astype(
            np.float64 if features.dtype.itemsize >= 8 else np.float32, copy=False
        )


def column(values: NDArray[Any], name: str, rows: int) -> NDArray[Any]:
    """Return a column of the image table: int64, or text as Python objects.

    Args:
        values: The array.
        name: Its name, which decides what it must be.
        rows: How many values it must have.

    Raises:
        DataError: It is something else.
    """
    kinds, expected = ("iu", "integers") if name in INTEGER_COLUMNS else ("U", "text")
    if values.dtype.kind not in kinds:
        raise DataError(f"'{name}' must be {expected}, not {values.dtype}")
    if values.shape != (rows,):
        raise DataError(f"'{name}' has shape {values.shape}, but 'features' has {rows} rows")
    if kinds == "U":
        return _decoded(values, name)
    if values.max() > _LARGEST_INTEGER:
        raise DataError(f"'{name}' holds {values.max()}, which is beyond 64 bits with a sign")
    return values.astype(np.int64)


def _decoded(values: NDArray[Any], name: str) -> NDArray[np.object_]:
    """Turn text into Python's, which numpy does whether or not it is made of characters."""
    native = values.astype(values.dtype.newbyteorder("="))
    codes = np.frombuffer(native.tobytes(), np.uint32)
    if codes.size and codes.max() > sys.maxunicode:
        raise DataError(f"'{name}' holds what is no text; write the file again")
    return native.astype(object)


def check_features(features: FloatArray, num_images: int, metric: str) -> None:
    """Check what no features may be.

    Raises:
        DataError: They are no (N, V, D) of N images, or not finite, or the metric is unknown.
    """
    _check_shape(features)
    if len(features) != num_images:
        raise DataError(f"'features' has {len(features)} rows for {num_images} images")
    _check_finite(features)
    if metric not in METRICS:
        raise DataError(f"unknown metric {quoted(metric)} (known: {', '.join(METRICS)})")


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
            f"row {row} has the modality {quoted(table['modality'].iloc[row])} "
            f"(known: {', '.join(MODALITIES)})"
        )
    duplicate = table.duplicated(list(FEATURE_COLUMNS)).to_numpy()
    if duplicate.any():
        row = int(np.argmax(duplicate))
        image = ", ".join(f"{name} {table[name].iloc[row]}" for name in FEATURE_COLUMNS)
        raise DataError(f"{duplicate.sum()} rows repeat an image, the first is row {row}: {image}")
