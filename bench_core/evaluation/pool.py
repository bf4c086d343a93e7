"""The trials of a protocol as one pool of queries and columns, so that they share their work.

A column is a gallery image of at least one trial. Columns lie in order of identity, so that the
possible matches of a query are neighbours.

Letters in shapes: Q queries, U columns, T trials, W words.
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

_WORD_BITS = 63
MAX_TRIALS = _WORD_BITS
"""Trials that one pool can hold; each is a bit of an int64."""


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

    @property
    def num_trials(self) -> int:
        """Number of trials T."""
        return len(self.positions)


def pool_trials(
    identity: NDArray[Any],
    camera: NDArray[Any],
    trials: Sequence[TrialRows],
    excluded_camera_pairs: Collection[tuple[int, int]],
) -> TrialPool:
    """Join trials to a pool.

    Args:
        identity: Integers (N,), of all images.
        camera: Integers (N,).
        trials: Rows of queries and gallery of each trial; at most `MAX_TRIALS`.
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet.

    Returns:
        The pool.

    Raises:
        DataError: A trial has no query or no gallery image.
        ValueError: A gallery holds an image twice, or there are too many trials.

    Examples:
        >>> pool = pool_trials(
        ...     np.array([7, 8, 7]), np.array([3, 1, 1]),
        ...     [(np.array([0]), np.array([2, 1])), (np.array([0]), np.array([1]))], (),
        ... )
        >>> pool.column_rows.tolist(), pool.positions.tolist()
        ([2, 1], [[0, 1], [-1, 0]])
    """
    if not 0 < len(trials) <= MAX_TRIALS:
        raise ValueError(f"a pool holds 1 to {MAX_TRIALS} trials, not {len(trials)}")
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
class Fields:
    """One count for each trial, packed into W int64 words: adding words adds all counts.

    Attributes:
        width: Bits of a count.
        num_trials: Number of counts.
    """

    width: int
    num_trials: int

    @classmethod
    def for_pool(cls, pool: TrialPool) -> Fields:
        """Choose fields that hold any number of gallery images."""
        return cls(int(pool.positions.max() + 1).bit_length(), pool.num_trials)

    @property
    def num_words(self) -> int:
        """Number of words W."""
        return -(-self.num_trials // self._per_word)

    @property
    def units(self) -> IntArray:
        """What to add to the words to count one for a trial, int64 (T, W)."""
        units = np.zeros((self.num_trials, self.num_words), dtype=np.int64)
        for trial in range(self.num_trials):
            word, shift = self._place(trial)
            units[trial, word] = 1 << shift
        return units

    def pack(self, bits: IntArray) -> IntArray:
        """Turn sets of trials, bit t for trial t, (...) into words (..., W) that count one each."""
        member = (bits[..., np.newaxis] >> np.arange(self.num_trials)) & 1
        return member @ self.units

    def count(self, words: IntArray, trial: int) -> IntArray:
        """Read the counts of a trial from words (..., W)."""
        word, shift = self._place(trial)
        return (words[..., word] >> shift) & ((1 << self.width) - 1)

    @property
    def _per_word(self) -> int:
        return _WORD_BITS // self.width

    def _place(self, trial: int) -> tuple[int, int]:
        return trial // self._per_word, trial % self._per_word * self.width


@dataclass(frozen=True, eq=False)
class Audience:
    """The columns that some queries may see: all queries whose camera excludes the same cameras.

    Attributes:
        queries: The queries in order of identity.
        allowed: bool (U,).
        trials: int64 (U,), bit t set where the column is allowed and in the gallery of trial t.
        words: int64 (W, U), `trials` as packed counts.
    """

    queries: IntArray
    allowed: NDArray[np.bool_]
    trials: IntArray
    words: IntArray


def split_audiences(pool: TrialPool, fields: Fields) -> list[Audience]:
    """Split the queries of a pool by the cameras that they may not see."""
    excluded: dict[frozenset[int], list[int]] = {}
    for camera in np.unique(pool.query_camera).tolist():
        unseen = frozenset(other for own, other in pool.excluded_camera_pairs if own == camera)
        excluded.setdefault(unseen, []).append(camera)
    shifts = np.arange(pool.num_trials)[:, np.newaxis]
    trials = ((pool.positions >= 0).astype(np.int64) << shifts).sum(axis=0)
    return [
        _audience(pool, fields, trials, cameras, unseen) for unseen, cameras in excluded.items()
    ]


def _audience(
    pool: TrialPool,
    fields: Fields,
    trials: IntArray,
    cameras: Collection[int],
    unseen: Collection[int],
) -> Audience:
    queries = np.flatnonzero(np.isin(pool.query_camera, list(cameras)))
    allowed = ~np.isin(pool.column_camera, list(unseen))
    visible = np.where(allowed, trials, 0)
    return Audience(
        queries[np.argsort(pool.query_identity[queries], kind="stable")],
        allowed,
        visible,
        np.ascontiguousarray(fields.pack(visible).T),
    )
