"""Where distances come from: values to count by, and how exact ones are computed.

The unit of a source's values is its own: any increasing function of the distance, which may
differ from query to query. Letters in shapes: Q queries, U columns, C columns of a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.engine.arrays import GIVEN, Pairs, Table
from bench_core.evaluation.engine.rows import find_not_finite
from bench_core.evaluation.engine.threads import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"


class DistanceSource(Protocol):
    """Distances between the queries and the columns of a pool."""

    pairs: Pairs
    """How exact values are computed."""

    def tables(
        self, matches: Matches, columns: slice, num_values: int
    ) -> Iterator[tuple[slice, Table]]:
        """Compute values to count by.

        Args:
            matches: A batch of queries, with the exact values of their matches.
            columns: Neighbouring columns.
            num_values: About how many to compute at once.

        Yields:
            Neighbouring queries of the batch, and a table that holds their values. It is good
            until the next one is asked for.
        """
        ...


class GivenDistances:
    """A matrix of distances that the caller has.

    Args:
        distances: Float (Q', U'), finite.
        rows: Its row of each query (Q,).
        columns: Its column of each column of the pool (U,).

    Raises:
        DataError: A distance is NaN or infinite.
    """

    def __init__(self, distances: FloatArray, rows: IntArray, columns: IntArray) -> None:
        self._distances = as_read_only(distances)
        _check_finite(self._distances)
        none = np.empty((0, 0))
        self.pairs = Pairs(
            kind=GIVEN,
            features=self._distances[np.newaxis],
            query_rows=rows,
            column_rows=columns,
            query_inverse=none,
            column_inverse=none,
        )

    def tables(
        self,
        matches: Matches,
        columns: slice,
        num_values: int,  # noqa: ARG002  # nothing is computed
    ) -> Iterator[tuple[slice, Table]]:
        """Name the distances; they are exact."""
        num_queries = len(matches.queries)
        table = Table(
            values=self._distances[np.newaxis],
            rows=self.pairs.query_rows[matches.queries],
            columns=self.pairs.column_rows[columns],
            lanes=np.empty(0, np.float32),
            unit=1.0,
            squares=np.zeros((1, num_queries)),
            column_squares=np.empty((1, 0)),
            errors=np.zeros(num_queries),
            rounding=(0.0, 0.0),
        )
        yield slice(0, num_queries), table


def as_read_only(values: FloatArray) -> FloatArray:
    """Return a plain, contiguous, read-only view, so that kernels are compiled for one type.

    Only an array of other strides, or of another type than float32 and float64, is copied.
    """
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    view: FloatArray = np.ascontiguousarray(values, dtype=dtype).view(np.ndarray)[...]
    view.setflags(write=False)
    return view


def _check_finite(distances: FloatArray) -> None:
    found = in_threads(lambda start, stop: find_not_finite(distances, start, stop), len(distances))
    row = next((row for row in found if row >= 0), -1)
    if row >= 0:
        column = int(np.flatnonzero(~np.isfinite(distances[row]))[0])
        raise DataError(
            f"the distance of query {row} to gallery image {column} is "
            f"{distances[row, column]}; only finite distances can be ranked"
        )
