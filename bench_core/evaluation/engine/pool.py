"""The trials of a protocol as one pool of queries and columns, so that they share their work.

A column is a gallery image of at least one trial. Columns lie in order of identity, so that the
possible matches of a query are neighbours.

Letters in shapes: Q queries, U columns, T trials, A audiences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
TrialRows: TypeAlias = "tuple[IntArray, IntArray]"
"""Rows of the query images and, in gallery order, of the gallery images of a trial."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialPool:
    """The union of the queries and galleries of all trials.

    Attributes:
        query_rows: int64 (Q,), row of each query in the caller's table, ascending.
        query_identity: int64 (Q,).
        query_camera: int64 (Q,).
        column_rows: int64 (U,), row of each column in the caller's table.
        column_identity: int64 (U,), ascending.
        column_camera: int64 (U,).
        positions: int32 (T, U), place of a column in the gallery of a trial; -1 where it is not
            in it.
        trial_queries: The queries of each trial, as numbers below Q.
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet.
        excluded_match_camera_pairs: (query camera, gallery camera) pairs in which images of one
            identity may not meet.
    """

    query_rows: IntArray
    query_identity: IntArray
    query_camera: IntArray
    column_rows: IntArray
    column_identity: IntArray
    column_camera: IntArray
    positions: NDArray[np.int32]
    trial_queries: tuple[IntArray, ...]
    excluded_camera_pairs: frozenset[tuple[int, int]]
    excluded_match_camera_pairs: frozenset[tuple[int, int]]

    @property
    def num_trials(self) -> int:
        """Number of trials T."""
        return len(self.positions)


def pool_trials(
    identity: NDArray[Any],
    camera: NDArray[Any],
    trials: Sequence[TrialRows],
    excluded_camera_pairs: Collection[tuple[int, int]],
    excluded_match_camera_pairs: Collection[tuple[int, int]] = (),
) -> TrialPool:
    """Join trials to a pool.

    Args:
        identity: Integers (N,), of all images.
        camera: Integers (N,).
        trials: Rows of queries and gallery of each trial; at least one trial.
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet.
        excluded_match_camera_pairs: (query camera, gallery camera) pairs in which images of one
            identity may not meet.

    Returns:
        The pool.

    Raises:
        DataError: A trial has no query or no gallery image.
        ValueError: A gallery holds an image twice, or there is no trial.

    Examples:
        >>> pool = pool_trials(
        ...     np.array([7, 8, 7]), np.array([3, 1, 1]),
        ...     [(np.array([0]), np.array([2, 1])), (np.array([0]), np.array([1]))], (),
        ... )
        >>> pool.column_rows.tolist(), pool.positions.tolist()
        ([2, 1], [[0, 1], [-1, 0]])
    """
    if not trials:
        raise ValueError("a pool needs at least one trial")
    for query, gallery in trials:
        if not len(query) or not len(gallery):
            raise DataError(
                f"nothing to score: {len(query)} query images and {len(gallery)} gallery images"
            )
    queries = np.unique(np.concatenate([query for query, _ in trials]))
    columns = np.unique(np.concatenate([gallery for _, gallery in trials]))
    columns = columns[np.argsort(identity[columns], kind="stable")]
    return TrialPool(
        query_rows=queries,
        query_identity=identity[queries].astype(np.int64),
        query_camera=camera[queries].astype(np.int64),
        column_rows=columns,
        column_identity=identity[columns].astype(np.int64),
        column_camera=camera[columns].astype(np.int64),
        positions=_positions(columns, [gallery for _, gallery in trials]),
        trial_queries=tuple(np.searchsorted(queries, query) for query, _ in trials),
        excluded_camera_pairs=frozenset(excluded_camera_pairs),
        excluded_match_camera_pairs=frozenset(excluded_match_camera_pairs),
    )


def _positions(columns: IntArray, galleries: Sequence[IntArray]) -> NDArray[np.int32]:
    sorter = np.argsort(columns)
    positions = np.full((len(galleries), len(columns)), -1, dtype=np.int32)
    for trial, gallery in enumerate(galleries):
        place = sorter[np.searchsorted(columns, gallery, sorter=sorter)]
        positions[trial, place] = np.arange(len(gallery))
        if np.count_nonzero(positions[trial] >= 0) != len(gallery):
            raise ValueError(f"the gallery of trial {trial} holds an image twice")
    return positions


@dataclass(frozen=True, eq=False)
class Audiences:
    """Who may see which columns: the queries of each camera are one audience.

    Attributes:
        number: int64 (Q,), audience of each query.
        allowed: bool (A, U), whether an audience may see a column of another identity.
        apart: (audience, camera of columns) pairs in which images of one identity may not meet.
    """

    number: IntArray
    allowed: NDArray[np.bool_]
    apart: tuple[tuple[int, int], ...]


def split_audiences(pool: TrialPool) -> Audiences:
    """Split the queries of a pool by the columns that they may not see."""
    cameras, number = np.unique(pool.query_camera, return_inverse=True)
    allowed = [
        ~_in_cameras(pool, camera, pool.excluded_camera_pairs) for camera in cameras.tolist()
    ]
    place = {camera: audience for audience, camera in enumerate(cameras.tolist())}
    pairs = sorted(pool.excluded_match_camera_pairs)
    return Audiences(
        number=number.astype(np.int64),
        allowed=np.stack(allowed),
        apart=tuple((place[own], other) for own, other in pairs if own in place),
    )


def _in_cameras(
    pool: TrialPool, camera: int, pairs: Collection[tuple[int, int]]
) -> NDArray[np.bool_]:
    """Return which columns are of a camera that pairs put together with a query's, bool (U,)."""
    return np.isin(pool.column_camera, [other for own, other in pairs if own == camera])
