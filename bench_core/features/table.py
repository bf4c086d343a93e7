"""The feature table: one row of features an image, in memory and as an .npz file."""

from __future__ import annotations

import math
import struct
import sys
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import Metric
from bench_core.system.files import write_atomically
from bench_core.system.foreign_files import HEAD_BYTES, is_bomb, open_given, quoted, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FEATURE_COLUMNS = ("identity", "camera", "modality", "index")
METRICS: tuple[Metric, ...] = get_args(Metric)
DEFAULT_METRIC: Metric = "euclidean"
"""Metric of a feature file that names none: that of the official SYSU-MM01 evaluation."""

_INTEGER_COLUMNS = ("identity", "camera", "index")
_TEXT = ("modality", "metric", "training_split")
_ROWS_PER_CHECK = 4096
_LARGEST_INTEGER = 2**63 - 1
_MAPPED_BYTES = 2**28
"""Arrays of so many bytes stay in their file, where they are not packed."""
_BYTES_PER_CHECK = 2**22
_LOCAL_HEADER = struct.Struct("<26xHH")
"""What comes before the name of a member of a ZIP archive; it ends with the lengths of the name and
of what follows it."""
_MOST_NAMES = 5
_ARCHIVE = "a ZIP archive"
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Readers of the headers that arrays of numbers and text have, by version."""

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

    Raises:
        DataError: Shapes do not fit, a feature is not finite, a modality is unknown or an image
            occurs twice.
    """

    features: FloatArray
    table: pd.DataFrame
    metric: Metric
    training_split: str | None = None
    source: Path | None = None

    def __post_init__(self) -> None:
        _check_shape(self.features)
        if len(self.features) != len(self.table):
            raise DataError(
                f"'features' has {len(self.features)} rows for {len(self.table)} images"
            )
        _check_finite(self.features)
        _check_images(self.table)
        if self.metric not in METRICS:
            raise DataError(f"unknown metric {quoted(self.metric)} (known: {', '.join(METRICS)})")


def read_features(path: Path, metric: Metric | None = None) -> FeatureTable:
    """Read a feature file; nothing in it is unpickled.

    Args:
        path: An .npz with `features` float (N, D) or (N, V, D), `identity`, `camera` and `index`
            int (N,), `modality` str (N,) and, optionally, `metric` and `training_split`.
        metric: Metric of a file that names none.

    Returns:
        The features with their images; float32 or float64 ones of 256 MiB and more stay in the
        file, if it is not compressed, and must not change there. Half precision is widened to
        float32; without any `metric` they are euclidean.

    Raises:
        DataError: The file is unreadable, or an array is missing or not what it must be.
        UsageError: The file names another metric.
    """
    arrays = _read_arrays(path)
    try:
        table = _build_table(path, arrays, metric or DEFAULT_METRIC)
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
    arrays: dict[str, Any] = {
        "features": table.features,
        "modality": table.table["modality"].to_numpy(dtype=np.str_),
        "metric": np.array(table.metric),
        **{name: table.table[name].to_numpy(dtype=np.int64) for name in _INTEGER_COLUMNS},
    }
    if table.training_split is not None:
        arrays["training_split"] = np.array(table.training_split)
    write_atomically(path, lambda file: np.savez(file, **arrays))


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    with open_given(path) as file:
        try:
            kind = recognise(file.read(HEAD_BYTES))
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                return _named_arrays(archive)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        # A malformed archive surfaces in zipfile, zlib or numpy as nearly any exception.
        except Exception as error:
            reason = _shown(error) if kind is None else f"it is {kind}"
            if kind == _ARCHIVE:
                reason = f"the archive is cut short or damaged ({_shown(error)})"
            raise DataError(f"{path} is no .npz of plain arrays: {reason}") from error


def _named_arrays(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    """Read the arrays of a feature file that are there.

    Raises:
        DataError: There is none, or one is no array of numbers or text.
    """
    members = set(archive.namelist())
    wanted = ("features", *FEATURE_COLUMNS, "metric", "training_split")
    found = [name for name in wanted if f"{name}.npy" in members]
    if not found:
        raise DataError(f"no array {', '.join(wanted[:5])}{_describe_archive(members)}")
    return {name: _read_array(archive, name) for name in found}


def _describe_archive(members: set[str]) -> str:
    if any(name.rpartition("/")[2] == "data.pkl" for name in members):
        return (
            ": it is a PyTorch file (torch.save), which is never loaded because it could run code; "
            "where you trust it, load it yourself and save its arrays with numpy.savez"
        )
    shown = ", ".join(quoted(name) for name in sorted(members)[:_MOST_NAMES])
    return f"; it holds {shown}" if shown else "; it holds nothing"


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read one member, whose size must be what its header says before any memory is taken."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"'{name}' is packed as numpy.savez never does; write the file with it")
    if is_bomb(member.compress_size, member.file_size):
        raise DataError(
            f"'{name}' would unpack from {member.compress_size} to {member.file_size} bytes: no "
            "features do; write the file again"
        )
    with archive.open(member) as file:
        layout = _read_header(file, name)
        num_bytes = math.prod(layout.shape) * layout.dtype.itemsize
        if num_bytes != member.file_size - file.tell():
            raise DataError(
                f"'{name}' should take {num_bytes} bytes but takes {member.file_size - file.tell()}"
                "; the file is damaged: write or copy it again"
            )
    stored = member.compress_type == zipfile.ZIP_STORED
    if stored and num_bytes >= _MAPPED_BYTES and layout.is_plain:
        return _map_array(archive, member, layout)
    with archive.open(member) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _map_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, layout: _Layout) -> NDArray[Any]:
    """Map a large array that lies in the file as it is, so that memory need not hold it.

    It is read once, without being kept, to compare its checksum.
    """
    with archive.open(member) as file:
        while file.read(_BYTES_PER_CHECK):
            pass
    source: Any = archive.fp
    source.seek(member.header_offset)
    name, extra = _LOCAL_HEADER.unpack(source.read(_LOCAL_HEADER.size))
    first = member.header_offset + _LOCAL_HEADER.size + name + extra + layout.header_bytes
    mapped = np.memmap(source, layout.dtype, "r", first, layout.shape)
    return mapped.view(np.ndarray)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How an array lies in a file.

    Attributes:
        shape: Its shape.
        dtype: Its type.
        is_plain: Whether its numbers are floating-point, and lie as this processor has them.
        header_bytes: Where they start.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_plain: bool
    header_bytes: int


def _read_header(file: IO[bytes], name: str) -> _Layout:
    """Read shape and type of an array; numbers and text alone are let through."""
    try:
        version = np.lib.format.read_magic(file)
        read = _READERS[version]
        shape, is_transposed, dtype = read(file)
    # numpy evaluates the header as a literal, which fails in nearly any way.
    except Exception as error:
        raise DataError(f"'{name}' is no array as numpy.savez writes it") from error
    if dtype.hasobject:
        into = "str" if name in _TEXT else "int" if name in _INTEGER_COLUMNS else "'float32'"
        raise DataError(
            f"'{name}' is an array of Python objects, which are never loaded because they could "
            f"run code; save {name}.astype({into})"
        )
    if dtype.kind not in "biufcSU":
        raise DataError(f"'{name}' holds neither numbers nor text")
    return _Layout(
        shape=shape,
        dtype=dtype,
        is_plain=dtype.kind == "f" and dtype.isnative and not is_transposed,
        header_bytes=file.tell(),
    )


def _shown(error: Exception) -> str:
    return quoted((str(error) or type(error).__name__).splitlines()[0])


def _build_table(path: Path, arrays: Mapping[str, NDArray[Any]], default: Metric) -> FeatureTable:
    missing = [name for name in ("features", *FEATURE_COLUMNS) if name not in arrays]
    if missing:
        raise DataError(f"no array {', '.join(missing)}")
    features = _as_views(arrays["features"])
    columns = {name: _column(arrays[name], name, len(features)) for name in FEATURE_COLUMNS}
    metric: Any = _text(arrays, "metric")
    split = _text(arrays, "training_split")
    return FeatureTable(
        features=features,
        table=pd.DataFrame(columns),
        metric=default if metric is None else metric,
        training_split=split,
        source=path,
    )


def _text(arrays: Mapping[str, NDArray[Any]], name: str) -> str | None:
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


def _as_views(features: NDArray[Any]) -> FloatArray:
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


def _column(values: NDArray[Any], name: str, rows: int) -> NDArray[Any]:
    kinds, expected = ("iu", "integers") if name in _INTEGER_COLUMNS else ("U", "text")
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
