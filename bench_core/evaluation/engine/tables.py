"""Values to count by: numbers in float32 that rank the columns of a query nearly as exact ones do.

Letters in shapes: see `arrays`; P pairs of a query and a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from bench_core.evaluation.engine.arrays import COINCIDENT, LIMIT, SQUARED
from bench_core.evaluation.engine.compiling import compiled, compiled_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

IntArray: TypeAlias = "NDArray[np.int64]"
FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
Exact: TypeAlias = "NDArray[np.float64]"
Values: TypeAlias = "NDArray[np.float32]"

_ROUNDING = 2 * float(np.finfo(np.float32).eps)
"""Relative error of a value that float32 adds."""


class Table(Protocol):
    """Values of some queries of a batch and a block of columns."""

    def fill(self, queries: slice, values: Values) -> None:
        """Write the values of queries of the batch, float32 (R, C)."""
        ...

    def windows(self, query: IntArray, exact: Exact) -> tuple[Values, Values]:
        """Return the least and the greatest values that pairs may have.

        Args:
            query: int64 (P,), number of the query in the batch.
            exact: float64 (P,), exact value of the pair; NaN has a window that nothing is in.
        """
        ...


@dataclass(frozen=True, eq=False)
class GivenTable:
    """Distances that are given.

    Attributes:
        distances: Float (Q', U').
        rows: int64 (R,), row of each query of the batch.
        columns: int64 (C,), column of each column of the block.
    """

    distances: FloatArray
    rows: IntArray
    columns: IntArray

    def fill(self, queries: slice, values: Values) -> None:
        """Round the distances."""
        with np.errstate(over="ignore", under="ignore"):
            read_distances(self.distances, self.rows[queries], self.columns, values)

    def windows(
        self,
        query: IntArray,  # noqa: ARG002  # all queries have the same
        exact: Exact,
    ) -> tuple[Values, Values]:
        """Round the distances: equal values may be of different distances."""
        with np.errstate(under="ignore"):
            rounded = np.clip(exact, -LIMIT, LIMIT).astype(np.float32)
        return rounded, rounded


@compiled
def read_distances(
    distances: FloatArray, rows: IntArray, columns: IntArray, values: Values
) -> None:
    """Read distances of some rows and columns as `values` (R, C), in float32 within its limits.

    In one call: threads that took turns for each row would wait for each other.

    Args:
        distances: Float (Q', U').
        rows: int64 (R,).
        columns: int64 (C,).
        values: float32 (R, C), written.
    """
    first, number = columns[0], len(columns)
    are_neighbours = True
    for column in range(number):
        are_neighbours &= columns[column] == first + column
    for row in range(len(rows)):
        read, own = distances[rows[row]], values[row]
        if are_neighbours:  # read faster than one by one
            read = read[first : first + number]
            for column in range(number):
                own[column] = _within_limits(read[column])
        else:
            for column in range(number):
                own[column] = _within_limits(read[columns[column]])


@compiled_part
def _within_limits(distance: float) -> np.float32:
    return np.float32(min(max(distance, -LIMIT), LIMIT))


@dataclass(frozen=True, kw_only=True, eq=False)
class ProductTable:
    """Products of centred features, from which distances follow, and how far they may be off.

    Attributes:
        kind: `SQUARED` or `ROOTED`.
        products: float (V or 1, queries, C), of some neighbouring queries.
        first_query: The first of them in the batch.
        unit: What exact lengths are multiplied by.
        squares: float64 (V or 1, R), squared length of each query; exact squares are taken less
            this.
        column_squares: float64 (V or 1, C), squared length of each column; NaN: compute exactly.
        scale: float64 (R,), what the errors of the values of a query grow with.
        error: Bound of the error of a value, as a multiple of `scale`.
        exact_rounding: Bound of the relative error of exact values.
        measure: Returns exact values float64 (P,) of queries of the batch and columns of the block.
    """

    kind: int
    products: FloatArray
    first_query: int
    unit: float
    squares: Exact
    column_squares: Exact
    scale: Exact
    error: float
    exact_rounding: float
    measure: Callable[[IntArray, IntArray], Exact]

    def fill(self, queries: slice, values: Values) -> None:
        """Make values of products; of those that are beyond their range, exactly."""
        own = slice(queries.start - self.first_query, queries.stop - self.first_query)
        others = self.column_squares[:, np.newaxis]
        self._combine(self.squares[:, queries, np.newaxis], others, self.products[:, own], values)
        if not (values.min() >= -LIMIT and values.max() <= LIMIT):  # nor is NaN
            query, column = np.nonzero(~(np.abs(values) <= LIMIT))
            expected = self.expected(
                query + queries.start, self.measure(query + queries.start, column)
            )
            values[query, column] = np.clip(expected, -LIMIT, LIMIT)

    def at(self, query: IntArray, column: IntArray) -> Values:
        """Return the values of pairs as `fill` makes them, but for those beyond their range."""
        values = np.empty(len(query), dtype=np.float32)
        products = self.products[:, query - self.first_query, column]
        self._combine(self.squares[:, query], self.column_squares[:, column], products, values)
        return values

    def windows(self, query: IntArray, exact: Exact) -> tuple[Values, Values]:
        """Allow for the errors of values and of exact ones."""
        middle = self.expected(query, exact)
        factor = self.unit**2 if self.kind == SQUARED else self.unit
        width = self.error * self.scale[query] + _ROUNDING * np.abs(middle)
        width += self.exact_rounding * factor * exact
        with np.errstate(over="ignore"):
            lower, upper = (np.clip(end, -LIMIT, LIMIT) for end in (middle - width, middle + width))
        return lower.astype(np.float32), upper.astype(np.float32)

    def expected(self, query: IntArray, exact: Exact) -> Exact:
        """Return the values that pairs of these exact ones would have without any error (P,)."""
        with np.errstate(over="ignore", under="ignore"):
            expected: Exact = exact * self.unit
            if self.kind == SQUARED:
                expected = (expected * self.unit - self.squares[0, query]) / 2
        return expected

    def _combine(self, squares: Exact, others: Exact, products: FloatArray, out: Values) -> None:
        """Write values of products, all with views first; NaN where there is none."""
        precise = products.dtype
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            if self.kind == SQUARED:
                halves = (others[0] / 2).astype(precise)
                np.subtract(halves, products[0], out=out, casting="same_kind")
                return
            out[:] = 0
            for view, product in enumerate(products):
                one, other = squares[view].astype(precise), others[view].astype(precise)
                square = one + other - 2 * product
                reach = np.sqrt(one) + np.sqrt(other)
                # Where a distance is short beside its vectors, its error is large.
                square[~(square >= COINCIDENT * reach * reach)] = np.nan
                np.add(out, np.sqrt(square), out=out, casting="same_kind")
