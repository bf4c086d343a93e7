"""An `.npy` of features with a manifest beside it: a CSV or Parquet file with a row an image."""

from __future__ import annotations

import importlib.util
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError
from bench_core.features.arrays import Layout, read_header
from bench_core.features.image_paths import place_among_sorted
from bench_core.features.table import DEFAULT_METRIC, FEATURE_COLUMNS, FeatureTable, as_views
from bench_core.system.foreign_files import open_given, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

MAGIC = b"\x93NUMPY"
"""How an .npy begins."""
SUFFIXES = (".csv", ".parquet")
"""Of manifests, which have the name of the array otherwise."""
_WHOLE = ("identity", "camera")
_COLUMNS = (*FEATURE_COLUMNS, "path")
_WHOLE_NUMBER = r"-?[0-9]{1,18}"


def find_manifest(path: Path) -> Path:
    """Return the manifest beside an array.

    Raises:
        DataError: There is none, or there are two.
    """
    found = [path.with_suffix(suffix) for suffix in SUFFIXES if path.with_suffix(suffix).is_file()]
    if not found:
        raise DataError(
            f"{path} is a single array (.npy), and no manifest lies beside it: write "
            f"{path.with_suffix('.csv').name} with the columns identity, camera, modality and "
            "index (or path), a row for each row of the array; or save named arrays with "
            "numpy.savez"
        )
    if len(found) > 1:
        raise DataError(f"{found[0]} and {found[1].name} are both manifests; remove one")
    return found[0]


def is_beside_array(path: Path) -> bool:
    """Tell whether a file is named as the manifest of an array that lies beside it."""
    return path.suffix in SUFFIXES and path.with_suffix(".npy").is_file()


def read_array_with_manifest(path: Path, metric: Metric | None = None) -> FeatureTable:
    """Read an array and its manifest; the array stays in its file.

    Args:
        path: An .npy, float (N, D) or (N, V, D). Beside it lies a manifest of the same name but for
            the suffix, with a header, N rows in the order of the array and the columns identity,
            camera, modality and index, from 0; or, instead of index, path: then the index is the
            place among the sorted paths of the same identity, camera and modality.
        metric: Metric of the features; euclidean by default.

    Returns:
        The features; they are mapped from the file, where they are float32 or float64 as this
        processor has them, so that it must not change.

    Raises:
        DataError: A file is unreadable or not what it must be, or the numbers of rows differ.
    """
    manifest = find_manifest(path)
    try:
        features = as_views(_map_array(path))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    images = _read_manifest(manifest, len(features), path)
    try:
        return FeatureTable(
            features=features, table=images, metric=metric or DEFAULT_METRIC, source=path
        )
    except DataError as error:
        raise DataError(f"{path} with {manifest.name}: {error}") from error


def _map_array(path: Path) -> NDArray[Any]:
    with open_given(path) as file:
        layout = read_header(file, "features")
        num_bytes = math.prod(layout.shape) * layout.dtype.itemsize
        found = path.stat().st_size - layout.header_bytes
        if found != num_bytes:
            raise DataError(
                f"the array should take {num_bytes} bytes but takes {found}; the file is damaged: "
                "write or copy it again"
            )
        if layout.is_plain and num_bytes:
            return _mapped(file, layout)
        file.seek(0)
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return array


def _mapped(file: Any, layout: Layout) -> NDArray[Any]:
    mapped = np.memmap(file, layout.dtype, "r", layout.header_bytes, layout.shape)
    return mapped.view(np.ndarray)


def _read_manifest(manifest: Path, rows: int, array: Path) -> pd.DataFrame:
    read = _read_csv if manifest.suffix == ".csv" else _read_parquet
    table = read(manifest, rows)
    if len(table) != rows:
        raise DataError(
            f"{manifest} has {len(table)}{' or more' if len(table) == rows + 1 else ''} rows for "
            f"the {rows} rows of {array.name}: it must have one for each"
        )
    try:
        return _images(table)
    except DataError as error:
        raise DataError(f"{manifest}: {error}") from error


def _read_csv(manifest: Path, rows: int) -> pd.DataFrame:
    """Read the known columns as text, and one row more than there may be."""
    with open_given(manifest) as file:
        try:
            return pd.read_csv(
                file,
                dtype=object,
                keep_default_na=False,
                nrows=rows + 1,
                usecols=lambda name: name in _COLUMNS,
                encoding="utf-8-sig",
            )
        except OSError as error:
            raise DataError(f"cannot read {manifest}: {error.strerror or error}") from error
        # A malformed table surfaces as one of many exceptions of pandas and its parser.
        except Exception as error:
            raise _no_table(manifest, error) from error


def _read_parquet(manifest: Path, rows: int) -> pd.DataFrame:
    """Read the known columns as text, unless there are more rows than may be."""
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError(
            f"{manifest}: Parquet needs pyarrow; install it with pip install "
            "'vireid-bench[parquet]', or write a .csv"
        )
    import pyarrow.parquet

    with open_given(manifest) as file:
        try:
            table = pyarrow.parquet.ParquetFile(file)
            if table.metadata.num_rows > rows:
                return pd.DataFrame(index=range(table.metadata.num_rows))
            names = [name for name in table.schema_arrow.names if name in _COLUMNS]
            columns = {name: table.read([name]).column(name).to_pylist() for name in names}
            return pd.DataFrame({name: list(map(str, values)) for name, values in columns.items()})
        # As above, of pyarrow.
        except Exception as error:
            raise _no_table(manifest, error) from error


def _no_table(manifest: Path, error: Exception) -> DataError:
    reason = quoted((str(error) or type(error).__name__).splitlines()[0])
    kind = "CSV file in UTF-8" if manifest.suffix == ".csv" else "Parquet file"
    return DataError(f"{manifest} is no {kind} with a header, or it is damaged: {reason}")


def _images(table: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in ("identity", "camera", "modality") if name not in table]
    if "index" not in table and "path" not in table:
        missing.append("index (or path)")
    if missing:
        raise DataError(f"no column {', '.join(missing)}")
    images = pd.DataFrame({name: _whole_numbers(table, name) for name in _WHOLE})
    images["modality"] = table["modality"].astype(object)
    if "index" in table:
        images["index"] = _whole_numbers(table, "index")
        return images
    images["name"] = table["path"].str.replace("\\", "/", regex=False)
    images["index"] = place_among_sorted(images, "path")
    return images.drop(columns="name")


def _whole_numbers(table: pd.DataFrame, name: str) -> NDArray[np.int64]:
    texts = table[name].astype(str).str.strip()
    wrong = np.flatnonzero(~texts.str.fullmatch(_WHOLE_NUMBER).to_numpy(dtype=bool))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(f"row {row}: {name} is {quoted(texts.iloc[row])}, no whole number")
    return texts.to_numpy(dtype=object).astype(np.int64)
