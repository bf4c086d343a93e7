"""Ranks queries from all their exact values, where too many are too close for counting.

Letters in shapes: R queries, U columns, G images of a trial's gallery, T trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench_core.evaluation.matches import Batch
    from bench_core.evaluation.pool import Audience, Fields, TrialPool
    from bench_core.evaluation.sources import DistanceSource

IntArray: TypeAlias = "NDArray[np.int64]"

_PLACE_BITS = 32


def rank_whole(
    source: DistanceSource,
    pool: TrialPool,
    fields: Fields,
    audiences: Sequence[Audience],
    batch: Batch,
    max_values: int,
) -> None:
    """Replace the counts of the queries that are marked `whole`.

    Args:
        source: Exact values.
        pool: The trials.
        fields: How counts are packed.
        audiences: Of the pool.
        batch: Its `words` and `nearer_identities` are written.
        max_values: Values that are held at once; bounds the memory.
    """
    marked = np.flatnonzero(batch.whole)
    size = max(1, max_values // len(pool.column_rows))
    for start in range(0, len(marked), size):
        rows = marked[start : start + size]
        values = source.whole(batch.rows[rows])
        allowed = np.stack([audiences[number].allowed for number in batch.audience[rows]])
        values[~allowed] = np.inf
        match = np.flatnonzero(np.isin(batch.row, rows))
        batch.words[match] = 0
        for trial in range(pool.num_trials):
            _rank_trial(pool, fields, batch, rows, match, values, trial)


def _rank_trial(
    pool: TrialPool,
    fields: Fields,
    batch: Batch,
    rows: IntArray,
    match: IntArray,
    values: NDArray[np.float64],
    trial: int,
) -> None:
    columns = np.flatnonzero(pool.positions[trial] >= 0)
    gallery = columns[np.argsort(pool.positions[trial, columns])]
    before = _places(values[:, gallery])
    match = match[((batch.trials[match] >> trial) & 1) == 1]
    row = np.searchsorted(rows, batch.row[match])
    place = before[row, pool.positions[trial, batch.columns[match]]]
    batch.words[match] += place[:, np.newaxis] * fields.units[trial]
    by_place = np.sort((row << _PLACE_BITS) + place)
    found, where = np.unique(by_place >> _PLACE_BITS, return_index=True)
    first = np.zeros(len(rows), dtype=np.int64)
    first[found] = by_place[where] & (2**_PLACE_BITS - 1)
    batch.nearer_identities[rows, trial] = _count_identities(
        before[:, pool.positions[trial, columns]], pool.column_identity[columns], first
    )


def _places(values: NDArray[np.float64]) -> IntArray:
    """Number the gallery images of each query by value, ties in gallery order, from 0."""
    order = np.argsort(values, axis=1, kind="stable")
    places = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(places, order, np.arange(values.shape[1])[np.newaxis], axis=1)
    return places


def _count_identities(places: IntArray, identity: IntArray, first: IntArray) -> IntArray:
    """Count identities with a place before `first`; the columns lie in order of identity."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(identity)) + 1])
    nearest = np.minimum.reduceat(places, starts, axis=1)
    counted: IntArray = np.count_nonzero(nearest < first[:, np.newaxis], axis=1)
    return counted
