"""The scores of each query, in a file beside the record: what a paired comparison needs.

The file is an .npz that holds the arrays of a `QueryTable` (see there) under these names:
`identity`, `camera`, `index`, `group` int64 (R,), `valid` bool (R,), `group_trials` int64 (K,);
`rank-1`, `rank-5`, `rank-10`, `rank-20` uint16 (R,), the number of the group's trials with a match
at that rank or before; `AP` and `INP` float32 (R,), means over the group's trials.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.contracts.metrics import METRICS, SUMMARY_RANKS
from bench_core.evaluation.query_table import QueryImages, QueryTable
from bench_core.results.store import query_scores_path, read_query_scores

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from bench_core.contracts.result import ResultRecord
    from bench_core.contracts.scores import Scores

CompactScores: TypeAlias = "NDArray[np.uint16 | np.float32]"

_RANKS = tuple(f"rank-{rank}" for rank in SUMMARY_RANKS)
_PRECISIONS = ("AP", "INP")
_ROWS: Mapping[str, DTypeLike] = {
    **dict.fromkeys(("identity", "camera", "index", "group"), np.int64),
    "valid": np.bool_,
    **dict.fromkeys(_RANKS, np.uint16),
    **dict.fromkeys(_PRECISIONS, np.float32),
}
"""The arrays with an entry for each query."""
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER_LENGTH = struct.Struct("<H")
MEAN_TOLERANCE = 1e-6
"""Largest difference between the means of a record and those of the queries, which float32 rounded.
"""


def encode_query_table(table: QueryTable) -> bytes:
    """Return the content of the file; the same table gives the same bytes."""
    arrays: dict[str, Any] = {
        "identity": table.images.identity,
        "camera": table.images.camera,
        "index": table.images.index,
        "group": table.group,
        "valid": table.valid,
        "group_trials": table.group_trials,
        **_compact_scores(table),
    }
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def load_query_table(path: Path, record: ResultRecord) -> QueryTable:
    """Read the scores of the queries of a stored record.

    Args:
        path: The record's file.
        record: What it holds.

    Returns:
        The table; average precision and inverse negative penalty were rounded to float32.

    Raises:
        DataError: The file beside the record is missing, was changed, or is not of this form.
    """
    content = read_query_scores(path, record)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _decode(
                {name: _array(archive.read(f"{name}.npy")) for name in (*_ROWS, "group_trials")}
            )
    # A malformed archive surfaces in zipfile, zlib or numpy as nearly any exception.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise DataError(
            f"{query_scores_path(path)} does not hold the scores of queries: {reason}; run it again"
        ) from error


def check_scores(path: Path, record: ResultRecord) -> None:
    """Hold the scores of a stored record to those of its queries.

    Args:
        path: The record's file.
        record: What it holds.

    Raises:
        DataError: A mean or a number of queries is another than the queries give, or the file
            beside the record is missing, was changed, or is not of its form.
    """
    table = load_query_table(path, record)
    expected, found = _figures_of_queries(table, record.scores), _figures(record.scores)
    for name, value in expected.items():
        if (
            not abs(found[name] - value) <= MEAN_TOLERANCE
        ):  # of a camera that has no query: not a number
            raise DataError(
                f"{path} was edited or merged: its {name} is {found[name]}, but the queries in "
                f"{query_scores_path(path).name} give {round(value, 6)}; restore both files, or "
                "run it again"
            )


def _figures(scores: Scores) -> dict[str, float]:
    """Return what a record says of its queries, by name."""
    return {
        "queries": scores.queries,
        "valid_queries": scores.valid_queries,
        "trials": len(scores.trials),
        **_named("mean", scores.mean.by_name()),
        **{
            name: value
            for camera, part in scores.by_query_camera.items()
            for name, value in _named(f"mean of camera {camera}", part.mean.by_name()).items()
        },
    }


def _figures_of_queries(table: QueryTable, scores: Scores) -> dict[str, float]:
    """Compute the same figures from the queries."""
    groups = len(table.group_trials)
    figures: dict[str, float] = {
        "queries": int(np.bincount(table.group, minlength=groups).min()),
        "valid_queries": int(np.bincount(table.group[table.valid], minlength=groups).min()),
        "trials": int(table.group_trials.sum()),
        **_named("mean", means_of_queries(table, table.valid)),
    }
    for camera in scores.by_query_camera:
        rows = table.valid & (table.images.camera == int(camera))
        figures |= _named(f"mean of camera {camera}", means_of_queries(table, rows))
    return figures


def _named(part: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"{part} {metric}": value for metric, value in metrics.items()}


def means_of_queries(table: QueryTable, rows: NDArray[np.bool_]) -> dict[str, float]:
    """Average as trials are averaged: over the chosen queries of each, then over trials.

    Args:
        table: Scores of queries.
        rows: bool (R,), which of them count; not a number without any.

    Returns:
        By metric, in [0, 1].
    """
    groups = np.unique(table.group[rows])
    if not groups.size:
        return dict.fromkeys(METRICS, math.nan)
    of_groups = [table.scores[rows & (table.group == group)].mean(0) for group in groups]
    shares = table.group_trials[groups] / table.group_trials[groups].sum()
    means = (shares[:, None] * np.stack(of_groups)).sum(0)
    return dict(zip(METRICS, means.tolist(), strict=True))


def _compact_scores(table: QueryTable) -> dict[str, CompactScores]:
    trials = table.group_trials[table.group]
    num_ranks = len(_RANKS)
    hits = np.rint(table.scores[:, :num_ranks].T * trials).astype(np.uint16)
    precisions = table.scores[:, num_ranks:].T.astype(np.float32)
    return dict(zip((*_RANKS, *_PRECISIONS), (*hits, *precisions), strict=True))


def _decode(arrays: Mapping[str, NDArray[Any]]) -> QueryTable:
    _check_arrays(arrays)
    group, group_trials = arrays["group"], arrays["group_trials"]
    hits = [arrays[name] / group_trials[group] for name in _RANKS]
    precisions = [arrays[name].astype(np.float64) for name in _PRECISIONS]
    return QueryTable(
        images=QueryImages(
            identity=arrays["identity"], camera=arrays["camera"], index=arrays["index"]
        ),
        group=group,
        valid=arrays["valid"],
        scores=np.stack([*hits, *precisions], axis=1),
        group_trials=group_trials,
    )


def _array(file: bytes) -> NDArray[Any]:
    """Read a file that `numpy.save` wrote, as `numpy.load` does but its header from memory."""
    (length,) = _HEADER_LENGTH.unpack_from(file, len(_NPY_MAGIC))
    start = len(_NPY_MAGIC) + _HEADER_LENGTH.size
    if not file.startswith(_NPY_MAGIC):
        raise ValueError("a member is no .npy of version 1.0")
    shape, dtype = _layout(file[start - _HEADER_LENGTH.size : start + length])
    array: NDArray[Any] = np.frombuffer(file, dtype, offset=start + length).reshape(shape)
    return array


@lru_cache(maxsize=256)
def _layout(header: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of a header; numpy evaluates it as Python, which takes its time.

    The records of a folder have the same few headers again and again.
    """
    shape, _, dtype = np.lib.format.read_array_header_1_0(io.BytesIO(header))
    return shape, dtype


def _check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError, which names the array, where one is not what this program writes."""
    num_rows, trials = len(arrays["group"]), arrays["group_trials"]
    for name, kind in {**_ROWS, "group_trials": np.int64}.items():
        array = arrays[name]
        if array.dtype != kind or array.ndim != 1:
            raise ValueError(f"'{name}' is {array.dtype} of shape {array.shape}")
        if name in _ROWS and len(array) != num_rows:
            raise ValueError(f"'{name}' has {len(array)} rows for {num_rows} queries")
    groups = np.unique(arrays["group"][arrays["valid"]])
    if not np.array_equal(groups, np.arange(len(trials))) or not len(trials):
        raise ValueError("'group' does not number the groups of 'group_trials'")
    if trials.min() < 1 or not np.isin(arrays["group"], groups).all():
        raise ValueError("'group_trials' is no number of trials")
    for name in _PRECISIONS:
        if not ((arrays[name] >= 0) & (arrays[name] <= 1)).all():
            raise ValueError(f"'{name}' is not in [0, 1]")
