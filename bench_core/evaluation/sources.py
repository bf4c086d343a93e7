"""Where distances come from: float32 values to sort by, and exact values where those are close.

The unit of a source's values is its own: any increasing function of the distance, which may
differ from query to query. Letters in shapes: Q queries, U columns, R and C some of them, P pairs.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.evaluation.threads import num_threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
Values: TypeAlias = "NDArray[np.float32]"
Exact: TypeAlias = "NDArray[np.float64]"

_ROWS_PER_CHECK = 256


class Block(Protocol):
    """Some neighbouring columns, made ready to be compared with queries."""

    one_thread: bool
    """Whether computing values keeps one thread busy only, so that several should do it."""

    def values(self, rows: IntArray) -> Values:
        """Compute float32 values, (R, C); not NaN."""
        ...


class DistanceSource(Protocol):
    """Distances between the queries and the columns of a pool."""

    num_close_allowed: int
    """Comparisons of one query that may be too close for float32 before it is ranked whole."""

    def block(self, columns: slice) -> Block:
        """Make neighbouring columns ready."""
        ...

    def window(
        self, rows: IntArray, columns: IntArray, exact: Exact, share: float = 1.0
    ) -> tuple[Values, Values]:
        """Bound the float32 values that pairs, and others at the same distance, may have.

        Args:
            rows: Query of each pair (P,).
            columns: Column of each pair (P,).
            exact: Value of each pair (P,), as `grids` or `exact` gives it.
            share: Part of the allowed error.

        Returns:
            Below the first, float32 (P,), and above the second, a float32 value belongs to
            another distance, certainly less or greater.
        """
        ...

    def tolerance(self, rows: IntArray, columns: IntArray) -> Exact:
        """Bound the difference of two values near those of pairs, if they are equal, (P,)."""
        ...

    def exact(self, rows: IntArray, columns: IntArray) -> Exact:
        """Compute values of pairs, float64 (P,); equal images have equal values."""
        ...

    def grids(self, rows: Sequence[IntArray], columns: Sequence[slice]) -> Iterable[Exact]:
        """Compute values of all pairs of each of several groups of queries and columns.

        Args:
            rows: Queries of each group, (R,).
            columns: Columns of each group, C of them.

        Returns:
            For each group float64 (R, C), with an error below `tolerance`.
        """
        ...

    def whole(self, rows: IntArray) -> Exact:
        """Compute values of all columns, float64 (R, U); equal images have equal values."""
        ...


class GivenDistances:
    """A matrix of distances that the caller has.

    Args:
        distances: Float (Q, U'), finite.
        rows: Its row of each query (Q,).
        columns: Its column of each column of the pool (U,).

    Raises:
        DataError: A distance is NaN or infinite.
    """

    def __init__(
        self, distances: NDArray[np.floating[Any]], rows: IntArray, columns: IntArray
    ) -> None:
        _check_finite(distances)
        self._distances = distances
        self._rows = rows
        self._columns = columns
        self.num_close_allowed = max(64, len(columns))

    def block(self, columns: slice) -> _GivenBlock:
        """Name the columns."""
        return _GivenBlock(self._distances, self._rows, self._columns[columns])

    def window(
        self,
        rows: IntArray,  # noqa: ARG002  # rounding is the same for all pairs
        columns: IntArray,  # noqa: ARG002
        exact: Exact,
        share: float = 1.0,  # noqa: ARG002  # rounding reorders nothing
    ) -> tuple[Values, Values]:
        """Round: it never reorders two distances, it only makes them equal."""
        rounded = to_float32(exact)
        return rounded, rounded

    def tolerance(self, rows: IntArray, columns: IntArray) -> Exact:  # noqa: ARG002
        """Return zeros."""
        return np.zeros(len(rows))

    def exact(self, rows: IntArray, columns: IntArray) -> Exact:
        """Look pairs up."""
        found = self._distances[self._rows[rows], self._columns[columns]]
        return found.astype(np.float64)

    def grids(self, rows: Sequence[IntArray], columns: Sequence[slice]) -> Iterable[Exact]:
        """Look all pairs of each group up."""
        return (self._look_up(*group) for group in zip(rows, columns, strict=True))

    def whole(self, rows: IntArray) -> Exact:
        """Look all columns up."""
        return self._look_up(rows, slice(None))

    def _look_up(self, rows: IntArray, columns: slice) -> Exact:
        found = self._distances[np.ix_(self._rows[rows], self._columns[columns])]
        return found.astype(np.float64)


class _GivenBlock:
    one_thread = True

    def __init__(
        self, distances: NDArray[np.floating[Any]], rows: IntArray, columns: IntArray
    ) -> None:
        self._distances = distances
        self._rows = rows
        self._columns = columns

    def values(self, rows: IntArray) -> Values:
        return to_float32(np.take(self._distances[self._rows[rows]], self._columns, axis=1))


def to_float32(exact: NDArray[np.floating[Any]]) -> Values:
    """Round; values beyond the range of float32 become equal, and are told apart exactly later."""
    with np.errstate(over="ignore", under="ignore"):
        return exact.astype(np.float32)


def _check_finite(distances: NDArray[np.floating[Any]]) -> None:
    starts = range(0, len(distances), _ROWS_PER_CHECK)
    with ThreadPoolExecutor(num_threads()) as threads:
        list(threads.map(lambda start: _check_rows(distances, start), starts))


def _check_rows(distances: NDArray[np.floating[Any]], start: int) -> None:
    rows = distances[start : start + _ROWS_PER_CHECK]
    with np.errstate(over="ignore", invalid="ignore"):
        # A sum takes a fraction of the time; it may be infinite though no term is.
        if np.isfinite(rows.sum()):
            return
    finite = np.isfinite(rows)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise DataError(
            f"the distance of query {start + row} to gallery image {column} is "
            f"{rows[row, column]}; only finite distances can be ranked"
        )
