"""The scores of each query, in a file beside the record: what a paired comparison needs.

The file is an .npz that holds the arrays of a `QueryTable` (see there) under these names:
`identity`, `camera`, `index`, `group` int64 (R,), `valid` bool (R,), `group_trials` int64 (K,);
`rank-1`, `rank-5`, `rank-10`, `rank-20` uint16 (R,), the number of the group's trials with a match
at that rank or before; `AP` and `INP` float32 (R,), means over the group's trials.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias
from zipfile import BadZipFile

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.query_table import SUMMARY_RANKS, QueryImages, QueryTable
from bench_core.results.store import query_scores_path, read_query_scores

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bench_core.contracts.result import ResultRecord

Scores: TypeAlias = "NDArray[np.uint16 | np.float32]"

_RANKS = tuple(f"rank-{rank}" for rank in SUMMARY_RANKS)
_PRECISIONS = ("AP", "INP")


def encode_query_table(table: QueryTable) -> bytes:
    """Return the content of the file; the same table gives the same bytes."""
    labels = {
        "identity": table.images.identity,
        "camera": table.images.camera,
        "index": table.images.index,
        "group": table.group,
        "valid": table.valid,
        "group_trials": table.group_trials,
    }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **labels, **_compact_scores(table))
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
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _decode(arrays)
    except (BadZipFile, EOFError, KeyError, ValueError) as error:
        raise DataError(
            f"{query_scores_path(path)} does not hold the scores of queries: {error}; run it again"
        ) from error


def _compact_scores(table: QueryTable) -> dict[str, Scores]:
    trials = table.group_trials[table.group]
    num_ranks = len(_RANKS)
    hits = np.rint(table.scores[:, :num_ranks].T * trials).astype(np.uint16)
    precisions = table.scores[:, num_ranks:].T.astype(np.float32)
    return dict(zip((*_RANKS, *_PRECISIONS), (*hits, *precisions), strict=True))


def _decode(arrays: Mapping[str, NDArray[np.int64]]) -> QueryTable:
    group, group_trials = arrays["group"], arrays["group_trials"]
    hits = [arrays[name] / group_trials[group] for name in _RANKS]
    precisions = [arrays[name].astype(np.float64) for name in _PRECISIONS]
    return QueryTable(
        images=QueryImages(
            identity=arrays["identity"], camera=arrays["camera"], index=arrays["index"]
        ),
        group=group,
        valid=arrays["valid"].astype(np.bool_),
        scores=np.stack([*hits, *precisions], axis=1),
        group_trials=group_trials,
    )
